"""What happens to a job in the store: runs reported and analysed, a wish to cancel."""

from pathlib import Path

from bitgauge.benchmarks.vocabulary.enums import (
    Disposition,
    EntryState,
    FailureGroup,
    JobState,
    RunStatus,
)
from bitgauge.benchmarks.vocabulary.errors import Code
from bitgauge.benchmarks.vocabulary.values.rows import TableQuery
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue
from bitgauge.coordinator.store.store import Store
from bitgauge.coordinator.store.values import BuildKey, BuildOutcome, LeaseTerms

from tests.labs.refused import refused
from tests.labs.store import BASELINE, METRICS, TERMS, Lab, failure, spec
from tests.labs.values import device, runtime


class TestChanges:
    # -- runs -----------------------------------------------------------------------------
    def test_a_job_is_measured_analysed_and_finished(self, lab: Lab) -> None:
        job_id = lab.submit()
        lease = lab.claimed(job_id)
        assert [lab.report(lease, index) for index in range(3)] == [Disposition.ACCEPTED] * 3
        assert lab.job(job_id).state is JobState.ANALYSING
        assert lab.job(job_id).waiting_for == "analysis"
        first, *others = lab.store.unanalysed()
        assert first == lab.told(lease, 0).run_id
        lab.store.analysed(first, 1, METRICS, lab.now_ns)
        assert lab.job(job_id).state is JobState.ANALYSING
        lab.analyse()
        job = lab.job(job_id)
        assert job.state is JobState.FINISHED
        assert [entry.run_id for entry in job.entries] == [first, *others]
        assert [view.state for view in lab.store.devices(lab.now_ns, TERMS)] == ["idle"]

    def test_a_run_says_what_was_found_of_its_artifact_when_it_was_built(self, lab: Lab) -> None:
        job_id = lab.submit()
        [lease] = [lab.claimed(job_id)]
        for index in range(3):
            lab.report(lease, index)
        entry = lab.job(job_id).entries[1]
        assert entry.artifact is not None
        assert [run.built for run in lab.store.runs(job_id)] == [(), (), ()]
        key = BuildKey(BASELINE, entry.recipe, None, "onnxruntime 1.31")
        words = ("2 of 3 products of matrices are quantized", "not quantized: 1 LSTM (left)")
        lab.store.cache_build(key, BuildOutcome(entry.artifact, notes=words), 1)
        assert [run.built for run in lab.store.runs(job_id)] == [(), words, ()]

    def test_a_run_is_kept_as_it_was_told(self, lab: Lab) -> None:
        job_id = lab.submit()
        lease = lab.claimed(job_id)
        told = lab.told(lease, 1)
        lab.store.report(told, lab.now_ns, TERMS)
        lab.store.analysed(told.run_id, 7, METRICS, lab.now_ns)
        run = lab.store.run(told.run_id)
        assert (run.raw, run.fingerprint, run.sandbox) == (told.raw, "stack-1", "bwrap")
        assert (run.metrics, run.analysis_version) == (METRICS, 7)
        assert (run.device_name, run.recipe, run.status) == (
            "rpi5",
            "int8-dynamic",
            RunStatus.MEASURED,
        )

    def test_repeating_a_report_gives_the_first_answer(self, lab: Lab) -> None:
        job_id = lab.submit()
        lease = lab.claimed(job_id)
        first = lab.report_failure(lease, 1, FailureGroup.HARNESS)
        assert first is Disposition.RETRY
        assert lab.report(lease, 1) is first
        lab.wait(61)
        lab.store.expire(lab.now_ns)
        lab.claimed(job_id)
        assert lab.report(lease, 1) is first
        assert len(lab.store.runs(job_id)) == 1

    def test_a_late_report_counts_while_nobody_has_claimed_since(self, lab: Lab) -> None:
        job_id = lab.submit()
        lease = lab.claimed(job_id)
        lab.wait(61)
        lab.store.expire(lab.now_ns)
        assert [lab.report(lease, index) for index in range(3)] == [Disposition.ACCEPTED] * 3
        assert lab.job(job_id).state is JobState.ANALYSING

    def test_a_stale_run_is_kept(self, lab: Lab) -> None:
        job_id = lab.submit()
        old = lab.claimed(job_id)
        lab.wait(61)
        lab.store.expire(lab.now_ns)
        new = lab.claimed(job_id)
        assert lab.report(old, 0) is Disposition.STALE
        assert lab.report(new, 0) is Disposition.ACCEPTED
        assert [run.disposition for run in lab.store.runs(job_id)] == [
            Disposition.STALE,
            Disposition.ACCEPTED,
        ]
        assert lab.job(job_id).entries[0].attempts == 2

    def test_what_was_accepted_is_not_measured_again(self, lab: Lab) -> None:
        lab.register(device("nano"))
        job_id = lab.submit()
        lease = lab.claimed(job_id)
        told = lab.told(lease, 0)
        lab.store.report(told, lab.now_ns, TERMS)
        lab.wait(61)
        lab.store.expire(lab.now_ns)
        elsewhere = lab.claimed(job_id, "nano")
        assert [entry.accepted for entry in elsewhere.entries] == [True, False, False]
        assert elsewhere.entries[0].raw == ()
        lab.wait(61)
        lab.store.expire(lab.now_ns)
        again = lab.claimed(job_id)
        assert again.entries[0].raw == told.raw
        assert lab.report(again, 0) is Disposition.STALE
        lab.wait(61)
        lab.store.expire(lab.now_ns)
        lab.register(device(runtimes=(runtime(fingerprint="stack-2"),)))
        assert lab.claimed(job_id).entries[0].raw == ()

    def test_five_attempts_are_made_and_kept(self, lab: Lab) -> None:
        job_id = lab.submit()
        answers = []
        for _ in range(5):
            lease = lab.claimed(job_id)
            for index in (0, 2):
                if not lease.entries[index].accepted:
                    lab.report(lease, index)
            answers.append(lab.report_failure(lease, 1, FailureGroup.ENVIRONMENT))
        assert answers == [Disposition.RETRY] * 4 + [Disposition.ACCEPTED]
        lab.analyse()
        job = lab.job(job_id)
        assert job.state is JobState.FINISHED
        assert (job.entries[1].state, job.entries[1].attempts) == (EntryState.FAILED, 5)
        assert len(lab.store.runs(job_id)) == 7

    def test_a_poison_job_ends(self, lab: Lab) -> None:
        job_id = lab.submit()
        claims = 0
        while lab.job(job_id).state is JobState.QUEUED:
            lab.claimed(job_id)
            claims += 1
            lab.register(incarnation=f"life {claims}")
        job = lab.job(job_id)
        assert (claims, job.state) == (5, JobState.FAILED)
        assert job.reason is not None
        assert "5 claims in a row" in job.reason

    def test_a_settled_entry_gives_a_job_its_claims_back(self, lab: Lab) -> None:
        job_id = lab.submit()
        for index in range(2):
            for life in range(4):
                lab.claimed(job_id)
                lab.register(incarnation=f"{index}/{life}")
            lease = lab.claimed(job_id)
            lab.report(lease, index)
            lab.register(incarnation=f"{index}/end")
        assert lab.job(job_id).state is JobState.QUEUED
        assert lab.job(job_id).epoch == 10

    def test_a_job_past_its_deadline_ends_with_what_it_has(self, lab: Lab) -> None:
        job_id = lab.submit(spec(deadline_s=100))
        lab.wait(1_000)
        lease = lab.claimed(job_id)
        lab.report(lease, 0)
        lab.wait(50)
        lab.renew(lease)
        lab.wait(50)
        assert lab.renew(lease) == "lost"
        lab.analyse()
        job = lab.job(job_id)
        assert job.state is JobState.FINISHED
        assert job.entries[1].state is EntryState.FAILED
        assert job.entries[1].reason == "the deadline of 100 s after the first lease has passed"

    def test_a_wrong_token_can_not_take_a_run_id(self, lab: Lab) -> None:
        lease = lab.claimed(lab.submit())
        for wrong in ({"lease_token": b"guess"}, {"device_id": device("nano").device_id}):
            with refused(Code.LEASE_LOST):
                lab.report(lease, 0, **wrong)
        assert lab.report(lease, 0) is Disposition.ACCEPTED

    def test_ids_that_do_not_agree_are_refused(self, lab: Lab) -> None:
        lease = lab.claimed(lab.submit())
        with refused(Code.BAD_ARGUMENT):
            lab.report(lease, 0, run_id=lab.told(lease, 1).run_id)
        with refused(Code.BAD_ARGUMENT):
            lab.report(lease, 9)
        with refused(Code.BAD_ARGUMENT):
            lab.report(lease, 0, started_unix_ns=1 << 63)
        assert lab.store.runs(lease.job_id) == ()

    # -- cancelling -----------------------------------------------------------------------
    def test_a_queued_job_is_cancelled_at_once(self, lab: Lab) -> None:
        job = lab.store.cancel(lab.submit(), "not wanted", lab.now_ns)
        assert (job.state, job.reason) == (JobState.CANCELLED, "not wanted")
        assert {entry.state for entry in job.entries} == {EntryState.CANCELLED}
        assert lab.store.cancel(job.job_id, "again", lab.now_ns) == job
        assert lab.claim(job.job_id) is None

    def test_a_leased_job_is_cancelled_when_its_agent_was_told(self, lab: Lab) -> None:
        job_id = lab.submit()
        lease = lab.claimed(job_id)
        job = lab.store.cancel(job_id, "not wanted", lab.now_ns)
        assert (job.state, job.waiting_for) == (JobState.LEASED, "the agent to stop")
        assert lab.report(lease, 0) is Disposition.ACCEPTED
        assert lab.renew(lease) == "cancel"
        assert lab.renew(lease) == "cancel"
        assert lab.report(lease, 1) is Disposition.STALE
        job = lab.job(job_id)
        assert (job.state, job.reason) == (JobState.CANCELLED, "not wanted")
        assert [entry.state for entry in job.entries] == [
            EntryState.ACCEPTED,
            EntryState.CANCELLED,
            EntryState.CANCELLED,
        ]
        lab.analyse()
        assert len(lab.store.rows(TableQuery())) == 1

    def test_a_job_that_is_all_measured_finishes_though_cancelled(self, lab: Lab) -> None:
        job_id = lab.submit()
        lease = lab.claimed(job_id)
        lab.store.cancel(job_id, "too late", lab.now_ns)
        for index in range(3):
            lab.report(lease, index)
        lab.analyse()
        assert lab.job(job_id).state is JobState.FINISHED

    # -- analysis -------------------------------------------------------------------------
    def test_a_new_analysis_replaces_the_old(self, lab: Lab) -> None:
        job_id = lab.measured()
        run = lab.store.runs(job_id)[0].run_id
        newer = (MetricValue("size_ratio", 0.25),)
        lab.store.analysed(run, 2, newer, lab.now_ns)
        assert (lab.store.run(run).metrics, lab.store.run(run).analysis_version) == (newer, 2)

    def test_a_number_that_is_none_is_refused(self, lab: Lab) -> None:
        run = lab.store.runs(lab.measured())[0].run_id
        for bad in (
            MetricValue("latency_ratio", float("nan")),
            MetricValue("latency_ratio", 1.0, low=float("-inf")),
            MetricValue("not_registered", 1.0),
        ):
            with refused(Code.INTERNAL):
                lab.store.analysed(run, 2, (bad,), lab.now_ns)
        assert lab.store.run(run).metrics == METRICS

    def test_a_run_that_can_not_be_analysed_fails_its_entry(self, lab: Lab) -> None:
        job_id = lab.submit()
        lease = lab.claimed(job_id)
        for index in range(3):
            lab.report(lease, index)
        spoiled = lab.store.unanalysed()[1]
        lab.store.analysis_failed(spoiled, failure(FailureGroup.HARNESS, "damaged"), lab.now_ns)
        lab.analyse()
        job = lab.job(job_id)
        assert (job.state, job.entries[1].state) == (JobState.FINISHED, EntryState.FAILED)
        assert lab.store.run(spoiled).failure == failure(FailureGroup.HARNESS, "damaged")
        lab.store.analysed(spoiled, 2, METRICS, lab.now_ns)
        assert lab.job(job_id).entries[1].state is EntryState.ACCEPTED

    def test_only_accepted_measured_runs_are_analysed(self, lab: Lab) -> None:
        job_id = lab.submit()
        lab.report_failure(lab.claimed(job_id), 0, FailureGroup.ARTIFACT)
        assert lab.store.unanalysed() == ()
        with refused(Code.ILLEGAL_TRANSITION):
            lab.store.analysed(lab.store.runs(job_id)[0].run_id, 1, METRICS, lab.now_ns)


def test_terms_may_allow_one_attempt(tmp_path: Path) -> None:
    lab = Lab(Store.open(tmp_path / "store.db"))
    lab.register()
    once = LeaseTerms(max_attempts=1)
    job_id = lab.submit()
    lease = lab.claimed(job_id, terms=once)
    assert lab.report_failure(lease, 0, FailureGroup.HARNESS, once) is Disposition.ACCEPTED
    lab.store.close()
    with refused(Code.INTERNAL):
        lab.store.job(job_id)
