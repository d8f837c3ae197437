"""A/A certificates: begun, issued, refused."""

from __future__ import annotations

import pytest
from bitgauge.benchmarks.analysis.certificate import LIFE_NS
from bitgauge.benchmarks.vocabulary.enums import EntryState, FailureGroup, JobState
from bitgauge.benchmarks.vocabulary.errors import Code
from bitgauge.benchmarks.vocabulary.values.credentials import AaCertificate
from bitgauge.benchmarks.vocabulary.values.rows import TableQuery
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue

from tests.labs.refused import refused
from tests.labs.rooms.certified import ID, OTHER, begin, certify
from tests.labs.store import TERMS, Lab
from tests.labs.values import device, runtime

pytestmark = pytest.mark.usefixtures("nano")


def known(lab: Lab, fingerprint: str = "stack-1") -> tuple[AaCertificate, ...]:
    return lab.store.certificates(ID, "onnxruntime", fingerprint)


class TestCertificates:
    def test_a_certificate_is_there_when_its_job_has_ended(self, lab: Lab) -> None:
        job_id = certify(lab, detected=3)
        [certificate] = known(lab)
        assert (certificate.job_id, certificate.device_id) == (job_id, ID)
        assert (certificate.runtime, certificate.fingerprint) == ("onnxruntime", "stack-1")
        assert certificate.issued_unix_ns == lab.now_ns
        assert certificate.expires_unix_ns == lab.now_ns + LIFE_NS
        assert (certificate.asked, certificate.comparisons) == (40, 40)
        assert (certificate.false_positives, certificate.passed) == (3, True)
        assert certificate.worst_effect == pytest.approx(0.004, rel=0.01)
        assert certificate.mde == pytest.approx(2.8 * 0.00405, rel=0.02)
        [view, _] = sorted(
            lab.store.devices(lab.now_ns, TERMS), key=lambda one: one.description.device_id != ID
        )
        assert view.aa_certificates == (certificate,)
        assert lab.job(job_id).state is JobState.FINISHED

    def test_too_many_differences_are_refused_and_stay_visible(self, lab: Lab) -> None:
        certify(lab)
        lab.wait(60)
        certify(lab, detected=6)
        first, second = known(lab)
        assert (first.passed, second.passed) == (True, False)
        assert "chance explains 5" in second.reason

    def test_a_rehearsal_stands_beside_the_certificate(self, lab: Lab) -> None:
        certify(lab)
        lab.wait(60)
        certify(lab, 3)
        [view] = [
            view
            for view in lab.store.devices(lab.now_ns, TERMS)
            if view.description.device_id == ID
        ]
        assert [(one.asked, one.passed) for one in view.aa_certificates] == [(40, True), (3, False)]

    def test_a_certification_is_in_no_table(self, lab: Lab) -> None:
        certify(lab)
        assert lab.store.rows(TableQuery()) == ()

    def test_one_certification_of_a_device_and_runtime_at_a_time(self, lab: Lab) -> None:
        first, created = begin(lab)
        assert created
        assert begin(lab) == (first, False)
        assert begin(lab, device_id=OTHER.device_id)[1]
        lab.store.cancel(first, "enough", lab.now_ns)
        assert begin(lab)[1]
        assert known(lab) == ()

    def test_a_stack_that_changes_in_between_is_refused(self, lab: Lab) -> None:
        certify(lab, fingerprints=("stack-1", "stack-2"))
        [certificate] = (*known(lab), *known(lab, "stack-2"))
        assert not certificate.passed
        assert certificate.reason == "the stack changed between comparisons"

    def test_comparisons_that_failed_refuse(self, lab: Lab) -> None:
        job_id, _ = begin(lab)
        lease = lab.claimed(job_id)
        lab.report_failure(lease, 1, FailureGroup.ARTIFACT)
        for entry in lease.entries:
            if entry.index != 1:
                lab.report(lease, entry.index)
        for run in lab.store.unanalysed():
            ratio = MetricValue("latency_ratio", 1.0, difference="none")
            lab.store.analysed(run, 2, (ratio,), lab.now_ns)
        [certificate] = known(lab)
        assert (certificate.passed, certificate.comparisons) == (False, 39)
        assert lab.job(job_id).entries[1].state is EntryState.FAILED

    def test_a_retired_device_gets_none(self, lab: Lab) -> None:
        lab.store.retire(ID, "smoke", lab.now_ns)
        with refused(Code.DEVICE_RETIRED):
            begin(lab)

    def test_it_survives_a_registration_with_another_stack(self, lab: Lab) -> None:
        certify(lab)
        lab.register(device(runtimes=(runtime(fingerprint="stack-2"),)), "i2")
        assert len(known(lab)) == 1
        assert known(lab, "stack-2") == ()
