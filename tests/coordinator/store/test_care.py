"""What every store keeps of the care of devices."""

from __future__ import annotations

from dataclasses import replace

import pytest
from bitgauge.benchmarks.common.ids import run_id
from bitgauge.benchmarks.vocabulary.enums import (
    Disposition,
    EntryState,
    FailureGroup,
    Health,
    JobState,
    ModelClass,
    PassName,
    RunStatus,
)
from bitgauge.benchmarks.vocabulary.errors import Code
from bitgauge.benchmarks.vocabulary.values.devices import DeviceView
from bitgauge.benchmarks.vocabulary.values.jobs import Entry, Selector
from bitgauge.benchmarks.vocabulary.values.rows import TableQuery
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue
from bitgauge.coordinator.decisions.care import CheckOutcome, DeviceCare, Hearing
from bitgauge.coordinator.store.values import LeaseTerms, Registration

from tests.labs.refused import refused
from tests.labs.store import BASELINE, SECOND_NS, TERMS, Lab, spec
from tests.labs.values import device

OTHER = device("nano")
ID = device().device_id
CHECK_SPEC = spec(
    model_name="health-check", entries=(Entry("fp32", BASELINE),), selector=Selector(device=ID)
)
ACCURACY = (MetricValue("accuracy_pct", 99.0, n=100),)
pytestmark = pytest.mark.usefixtures("nano")


def view_of(lab: Lab, device_id: str = ID) -> DeviceView:
    views = lab.store.devices(lab.now_ns, TERMS)
    return next(view for view in views if view.description.device_id == device_id)


def begin_check(lab: Lab, device_id: str = ID) -> str:
    job_id = f"00000000-0000-0000-0000-{next(lab.numbers):012d}"
    lab.store.begin_check(job_id, device_id, CHECK_SPEC, ModelClass.MLP, now_ns=lab.now_ns)
    return job_id


def checked(lab: Lab, outcome: CheckOutcome, why: str = "because") -> str:
    job_id = begin_check(lab)
    lab.store.cancel(job_id, "no matter", lab.now_ns)
    lab.store.checked(job_id, outcome, why, lab.now_ns)
    return job_id


class TestCare:
    # -- cordon and retire ----------------------------------------------------------------
    def test_a_new_device_is_suspect_until_checked(self, lab: Lab) -> None:
        assert lab.store.care(ID) == DeviceCare()
        view = view_of(lab)
        assert (view.health, view.cordoned, view.retired) == (Health.SUSPECT, None, False)
        with refused(Code.UNKNOWN_DEVICE):
            lab.store.care("nothing")

    def test_cordon_and_uncordon(self, lab: Lab) -> None:
        lab.store.cordon(ID, "new fan", now_ns=lab.now_ns)
        view = view_of(lab)
        assert (view.cordoned, view.health, view.state) == ("new fan", Health.MAINTENANCE, "idle")
        assert lab.store.care(ID).out
        lab.store.uncordon(ID, now_ns=lab.now_ns)
        assert lab.store.care(ID) == DeviceCare()

    def test_a_cordon_survives_a_registration(self, lab: Lab) -> None:
        lab.store.cordon(ID, "new fan", now_ns=lab.now_ns)
        lab.register(incarnation="i2")
        assert view_of(lab).cordoned == "new fan"

    def test_a_cordon_ends_no_lease(self, lab: Lab) -> None:
        lease = lab.claimed(lab.submit())
        lab.store.cordon(ID, "new fan", now_ns=lab.now_ns)
        assert lab.renew(lease) == "ok"
        assert lab.report(lease, 0) is Disposition.ACCEPTED

    def test_a_retired_device_is_gone_and_its_job_goes_on(self, lab: Lab) -> None:
        job_id = lab.measured()
        lease = lab.claimed(lab.submit())
        check = begin_check(lab)
        assert lab.store.retire(ID, "smoke", lab.now_ns) == (lease.job_id,)
        view = view_of(lab)
        assert (view.retired, view.cordoned, view.job_id) == (True, "smoke", None)
        assert lab.job(check).state is JobState.CANCELLED
        assert lab.renew(lease) == "lost"
        assert lab.job(lease.job_id).claims[0].ended_by == "retired"
        assert len(lab.store.rows(TableQuery(job_id=job_id))) == 3
        for call in (
            lab.register,
            lambda: lab.store.seen(ID, "i1", lab.now_ns),
            lambda: lab.store.cordon(ID, "again", now_ns=lab.now_ns),
            lambda: lab.store.uncordon(ID, now_ns=lab.now_ns),
        ):
            with refused(Code.DEVICE_RETIRED):
                call()
        assert lab.store.retire(ID, "smoke", lab.now_ns) == ()

    def test_a_check_that_was_leased_ends_with_its_device(self, lab: Lab) -> None:
        check = begin_check(lab)
        lab.claimed(check)
        assert lab.store.retire(ID, "smoke", lab.now_ns) == ()
        assert lab.job(check).state is JobState.CANCELLED

    def test_devices_are_found_by_name_and_by_id(self, lab: Lab) -> None:
        assert lab.store.device_named("rpi5") == ID
        assert lab.store.device_named(ID) == ID
        twin = replace(device("twin"), name="rpi5")
        with refused(Code.NAME_TAKEN):
            lab.register(twin)
        lab.store.retire(ID, "smoke", lab.now_ns)
        lab.register(twin)
        assert lab.store.device_named("rpi5") == twin.device_id
        assert lab.store.device_named(ID) == ID
        with refused(Code.UNKNOWN_DEVICE):
            lab.store.device_named("rpi6")

    def test_hearings_are_of_devices_that_take_part(self, lab: Lab) -> None:
        heard_ns = lab.now_ns
        lab.claimed(lab.submit())
        assert set(lab.store.hearings()) == {
            Hearing(ID, heard_ns, leased=True),
            Hearing(OTHER.device_id, heard_ns, leased=False),
        }
        lab.store.cordon(ID, "fan", now_ns=lab.now_ns)
        lab.store.retire(OTHER.device_id, "smoke", lab.now_ns)
        assert lab.store.hearings() == ()

    def test_a_promised_silence_is_no_silence(self, lab: Lab) -> None:
        lease = lab.claimed(lab.submit())
        lab.renew(lease, hold_s=100)
        heard = {one.device_id: one.heard_unix_ns for one in lab.store.hearings()}
        assert heard[ID] == lab.now_ns + 100 * SECOND_NS

    # -- health checks --------------------------------------------------------------------
    def test_a_check_is_in_no_list_and_in_no_table(self, lab: Lab) -> None:
        job_id = begin_check(lab)
        assert lab.store.jobs() == ()
        assert lab.store.waiting_of("") == 0
        assert [job.job_id for job, _ in lab.store.queued()] == [job_id]
        assert lab.store.care(ID).open_check == job_id
        lease = lab.claimed(job_id)
        assert lease.passes == (PassName.QUALITY,)
        assert lab.claimed(lab.submit(), "nano").passes == ()
        lab.report(lease, 0)
        assert lab.store.ended_checks() == ()
        for run in lab.store.unanalysed():
            lab.store.analysed(run, 1, ACCURACY, lab.now_ns)
        assert lab.job(job_id).state is JobState.FINISHED
        assert lab.store.rows(TableQuery()) == ()
        assert [run.metrics for run in lab.store.runs(job_id)] == [ACCURACY]
        [ended] = lab.store.ended_checks()
        assert (ended.job_id, ended.device_id, ended.state) == (job_id, ID, JobState.FINISHED)
        assert ended.metrics == ACCURACY

    def test_a_device_has_one_open_check(self, lab: Lab) -> None:
        begin_check(lab)
        with refused(Code.INTERNAL):
            begin_check(lab)
        assert begin_check(lab, OTHER.device_id)

    def test_a_passed_check_makes_good(self, lab: Lab) -> None:
        lab.claimed(lab.submit())
        assert lab.store.care(ID).jobs_since_check == 1
        job_id = checked(lab, CheckOutcome.PASSED)
        assert lab.store.care(ID) == DeviceCare(Health.GOOD, checked_unix_ns=lab.now_ns)
        view = view_of(lab)
        assert (view.health, view.checked_unix_ns) == (Health.GOOD, lab.now_ns)
        assert view.check_job_id == job_id
        lab.wait(1)
        lab.store.checked(job_id, CheckOutcome.FAILED, "late", lab.now_ns)
        assert lab.store.care(ID).health is Health.GOOD

    @pytest.mark.parametrize(
        ("boot", "outcome", "health"),
        [
            ("boot", CheckOutcome.PASSED, Health.GOOD),
            ("next", CheckOutcome.PASSED, Health.SUSPECT),
            ("next", CheckOutcome.FAILED, Health.BAD),
        ],
    )
    def test_a_machine_that_was_started_anew_is_to_be_checked(
        self, lab: Lab, boot: str, outcome: CheckOutcome, health: Health
    ) -> None:
        checked(lab, outcome)
        lab.store.register(Registration(device(), "1", boot, "i2", True), lab.now_ns)
        assert lab.store.care(ID).health is health

    def test_a_failed_check_cordons(self, lab: Lab) -> None:
        checked(lab, CheckOutcome.FAILED, "wrong numbers")
        care = lab.store.care(ID)
        assert (care.health, care.cordoned) == (Health.BAD, "wrong numbers")
        lab.store.cordon(ID, "I know", now_ns=lab.now_ns)
        assert lab.store.care(ID).health is Health.BAD
        lab.store.uncordon(ID, now_ns=lab.now_ns)
        assert lab.store.care(ID).health is Health.SUSPECT

    def test_a_void_check_changes_nothing(self, lab: Lab) -> None:
        checked(lab, CheckOutcome.VOID)
        assert lab.store.care(ID) == DeviceCare()

    def test_a_cordon_during_a_check_stays(self, lab: Lab) -> None:
        lab.store.cordon(ID, "new fan", now_ns=lab.now_ns)
        checked(lab, CheckOutcome.PASSED)
        care = lab.store.care(ID)
        assert (care.cordoned, care.health) == ("new fan", Health.MAINTENANCE)
        checked(lab, CheckOutcome.FAILED, "wrong numbers")
        care = lab.store.care(ID)
        assert (care.cordoned, care.health) == ("new fan", Health.BAD)

    # -- quota and keys -------------------------------------------------------------------
    def test_waiting_jobs_are_counted_by_user(self, lab: Lab) -> None:
        for number, user in enumerate(("ada", "ada", "bob")):
            job_id = f"00000000-0000-0000-0001-{number:012d}"
            lab.store.submit(job_id, spec(), ModelClass.CNN, now_ns=lab.now_ns, submitted_by=user)
        assert [lab.store.waiting_of(user) for user in ("ada", "bob", "")] == [2, 1, 0]
        lab.claimed("00000000-0000-0000-0001-000000000000")
        assert lab.store.waiting_of("ada") == 1

    def test_a_key_names_its_job(self, lab: Lab) -> None:
        job_id = lab.submit(spec(idempotency_key="k"))
        lab.submit()
        assert lab.store.job_with_key("", "k") == job_id
        assert lab.store.job_with_key("", "other") is None
        assert lab.store.job_with_key("", "") is None

    # -- attempts -------------------------------------------------------------------------
    def test_every_claim_of_a_job_stays_visible(self, lab: Lab) -> None:
        job_id = lab.submit()
        lab.claimed(job_id)
        claimed_ns = lab.now_ns
        lab.wait(61)
        lab.store.expire(lab.now_ns)
        lab.claimed(job_id, "nano")
        first, second = lab.job(job_id).claims
        assert (first.epoch, first.device_name, first.ended_by) == (1, "rpi5", "expired")
        assert (first.claimed_unix_ns, first.ended_unix_ns) == (claimed_ns, lab.now_ns)
        assert (second.epoch, second.device_name, second.ended_by) == (2, "nano", None)

    def restart(self, lab: Lab, intents: tuple[str, ...], boot: str = "boot") -> None:
        lab.store.register(Registration(device(), "0.1.0", boot, "i2", True, intents), lab.now_ns)

    def test_runs_that_were_begun_and_never_reported_are_attempts(self, lab: Lab) -> None:
        job_id = lab.submit()
        lease = lab.claimed(job_id)
        lab.report(lease, 0)
        lab.wait(5)
        intents = tuple(run_id(job_id, 1, index) for index in (0, 1))
        self.restart(lab, (*intents, run_id(job_id, 7, 0)))
        measured, interrupted = lab.store.runs(job_id)
        assert measured.disposition is Disposition.ACCEPTED
        assert interrupted.run_id == intents[1]
        assert interrupted.disposition is Disposition.RETRY
        assert interrupted.status is RunStatus.FAILED
        assert interrupted.failure is not None
        assert (interrupted.failure.group, interrupted.failure.code) == (
            FailureGroup.HARNESS,
            "interrupted",
        )
        job = lab.job(job_id)
        assert (job.state, job.entries[1].state) == (JobState.QUEUED, EntryState.READY)
        assert job.entries[1].attempts == 1
        again = lab.claimed(job_id)
        assert lab.report(again, 1) is Disposition.ACCEPTED
        self.restart(lab, intents)
        assert len(lab.store.runs(job_id)) == 3

    def test_a_machine_that_started_again_is_to_blame_and_not_its_agent(self, lab: Lab) -> None:
        job_id = lab.submit()
        lab.claimed(job_id)
        self.restart(lab, (run_id(job_id, 1, 0),), boot="another")
        [lost] = lab.store.runs(job_id)
        assert lost.failure is not None
        assert (lost.failure.group, lost.failure.code) == (
            FailureGroup.ENVIRONMENT,
            Code.HOST_REBOOTED.value,
        )
        assert lost.disposition is Disposition.RETRY
        assert lab.job(job_id).claims[0].ended_by == "host_rebooted"

    def test_what_was_interrupted_under_an_older_epoch_is_stale(self, lab: Lab) -> None:
        job_id = lab.submit()
        lab.claimed(job_id)
        lab.wait(61)
        lab.store.expire(lab.now_ns)
        lab.claimed(job_id, "nano")
        self.restart(lab, (run_id(job_id, 1, 2),))
        [interrupted] = lab.store.runs(job_id)
        assert (interrupted.disposition, interrupted.epoch) == (Disposition.STALE, 1)
        assert lab.job(job_id).state is JobState.LEASED

    def test_interruptions_do_not_go_on_for_ever(self, lab: Lab) -> None:
        job_id = lab.submit()
        terms = LeaseTerms(max_attempts=3)
        for number in range(3):
            lease = lab.claimed(job_id, terms=terms)
            lab.store.register(
                Registration(
                    device(), "0", "boot", f"n{number}", True, (run_id(job_id, lease.epoch, 0),)
                ),
                lab.now_ns,
            )
        job = lab.job(job_id)
        assert job.state is JobState.FAILED
        assert [run.disposition for run in lab.store.runs(job_id)] == [Disposition.RETRY] * 3
