"""What every store keeps of campaigns, schedules and demand."""

from __future__ import annotations

import pytest
from bitgauge.benchmarks.refresh.plan import Ask
from bitgauge.benchmarks.vocabulary.enums import CampaignState, CellState, HardwareClass, ModelClass
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code
from bitgauge.benchmarks.vocabulary.values.campaigns import (
    CellChange,
    PlannedJob,
    RefreshOrder,
    RefreshPlan,
    ScheduleView,
    Suite,
    SuiteModel,
)
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import Workload
from bitgauge.benchmarks.vocabulary.values.rows import StackChange, TableQuery
from bitgauge.coordinator.decisions.campaigns import CampaignEvent, key_of
from bitgauge.coordinator.store.store import Store
from bitgauge.coordinator.store.values import DueSchedule, NewCampaign

from tests.labs.refused import refused
from tests.labs.store import BASELINE, INT8, Lab, spec
from tests.labs.values import device, digest

ID = "00000000-0000-4000-8000-000000000001"
OTHER = "00000000-0000-4000-8000-000000000002"
EVALUATION = digest("evaluation")
ORDER = RefreshOrder(suite=Suite("s", (SuiteModel("m", BASELINE, EVALUATION),), ("fp16",)))
DIFF = (
    CellChange(
        "regressed",
        "m",
        "fp16",
        Workload(),
        "rpi5",
        "onnxruntime",
        CellState.STALE,
        CellState.MEASURED,
        stack=(StackChange("driver", "1", "2"),),
    ),
)


def plan(jobs: int = 2) -> RefreshPlan:
    who = device()
    return RefreshPlan(
        jobs=tuple(
            PlannedJob(spec(workload=Workload(batch=n + 1)), who.device_id, who.name, 30.0, ())
            for n in range(jobs)
        ),
        fresh=3,
    )


def begun(lab: Lab, campaign_id: str = ID, key: str = "key", order: RefreshOrder = ORDER) -> str:
    campaign = NewCampaign(
        campaign_id, key, "s", order, plan(), lab.store.rows(TableQuery()), submitted_by="ann"
    )
    found, _ = lab.store.begin_campaign(campaign, lab.now_ns)
    return found


def submitted(lab: Lab, n: int, campaign_id: str = ID) -> str:
    step = lab.store.campaign_steps(campaign_id)[n]
    job_id = lab.measured(spec(workload=step.spec.workload, idempotency_key=key_of(campaign_id, n)))
    lab.store.campaign_submitted(campaign_id, n, job_id)
    return job_id


def spare(store: Store) -> set[Digest]:
    return {one.digest for one in store.spare_blobs(2**62)}


def test_a_campaign_is_begun_once_per_key(lab: Lab) -> None:
    assert begun(lab) == ID
    assert begun(lab, OTHER) == ID
    with refused(Code.IDEMPOTENCY_CONFLICT):
        begun(lab, OTHER, order=RefreshOrder(stale_only=True))
    assert begun(lab, OTHER, "other") == OTHER
    assert lab.store.live_campaigns() == (ID, OTHER)
    assert [view.campaign_id for view in lab.store.campaigns()] == [OTHER, ID]
    assert len(lab.store.campaigns(limit=1)) == 1
    view = lab.store.campaign(ID)
    assert (view.state, view.submitted_by, len(view.jobs)) == (CampaignState.PLANNED, "ann", 2)
    assert lab.store.campaign_plan(ID) == plan()
    assert lab.store.campaign_with_key("ann", "key") == (ID, ORDER)
    assert lab.store.campaign_with_key("ann", "none") is None


def test_a_campaign_is_found_by_the_beginning_of_its_id(lab: Lab) -> None:
    begun(lab)
    begun(lab, OTHER, "other")
    assert lab.store.campaign(OTHER).campaign_id == OTHER
    for name in ("", "0000", "x", "%"):
        with refused(Code.UNKNOWN_CAMPAIGN):
            lab.store.campaign(name)


def test_its_jobs_are_seen_from_waiting_to_finished(lab: Lab) -> None:
    begun(lab)
    assert [job.state for job in lab.store.campaign(ID).jobs] == ["waiting", "waiting"]
    job_id = submitted(lab, 0)
    lab.store.campaign_refused(ID, 1, "it is no model")
    view = lab.store.campaign(ID)
    assert [(job.state, job.job_id, job.reason) for job in view.jobs] == [
        ("finished", job_id, None),
        ("refused", None, "it is no model"),
    ]
    assert [(job.entries, job.entries_done) for job in view.jobs] == [(3, 3), (3, 0)]
    assert view.jobs == lab.store.campaigns()[0].jobs
    assert all(step.ended for step in lab.store.campaign_steps(ID))


def test_rows_then_and_now(lab: Lab) -> None:
    earlier = lab.measured(spec(workload=Workload(batch=1)))
    begun(lab)
    submitted(lab, 0)
    before, after = lab.store.campaign_rows(ID)
    assert {row.run_id for row in before} == {run.run_id for run in lab.store.runs(earlier)}
    assert {row.recipe for row in after} == {"fp32", "int8-dynamic", "int4-wo-b32"}
    assert not {row.run_id for row in before} & {row.run_id for row in after}
    runs = tuple(row.run_id or "" for row in after)
    assert set(lab.store.stacks((*runs, "unknown"))) == set(runs)


def test_events_are_kept_and_an_end_is_final(lab: Lab) -> None:
    begun(lab)
    for event, state in (
        (CampaignEvent.BEGIN, CampaignState.RUNNING),
        (CampaignEvent.PAUSE, CampaignState.PAUSED),
        (CampaignEvent.RESUME, CampaignState.RUNNING),
    ):
        lab.store.move_campaign(ID, event, lab.now_ns)
        assert lab.store.campaign(ID).state is state
        assert lab.store.campaign(ID).ended_unix_ns is None
    lab.wait(5)
    lab.store.move_campaign(ID, CampaignEvent.FINISH, lab.now_ns, diff=DIFF)
    view = lab.store.campaign(ID)
    assert (view.state, view.ended_unix_ns, view.diff) == (CampaignState.FINISHED, lab.now_ns, DIFF)
    assert lab.store.live_campaigns() == ()
    with refused(Code.CAMPAIGN_STATE):
        lab.store.move_campaign(ID, CampaignEvent.CANCEL, lab.now_ns)
    assert lab.store.campaign(ID) == view


def test_files_stay_while_a_campaign_or_a_schedule_needs_them(lab: Lab) -> None:
    for blob in (BASELINE, INT8, EVALUATION):
        lab.store.record_blob(blob, 1)
    assert spare(lab.store) == {BASELINE, INT8, EVALUATION}
    begun(lab)
    assert spare(lab.store) == set()
    lab.store.set_schedule(ScheduleView("s", "* * * * *", 1, 2), ORDER)
    lab.store.move_campaign(ID, CampaignEvent.CANCEL, lab.now_ns)
    assert spare(lab.store) == {INT8}
    lab.store.remove_schedule("s", now_ns=lab.now_ns)
    assert spare(lab.store) == {BASELINE, INT8, EVALUATION}


def test_open_jobs_of_a_cancelled_campaign_are_found_by_their_key(lab: Lab) -> None:
    begun(lab)
    job_id = lab.submit(spec(idempotency_key=key_of(ID, 0)), "ann")
    lab.submit(spec(idempotency_key=key_of(ID, 0)), "bob")  # a key is its user's own
    lab.submit(spec(idempotency_key="campaign:somebody's own key"))
    assert lab.store.orphaned_jobs() == ()
    lab.store.move_campaign(ID, CampaignEvent.CANCEL, lab.now_ns)
    assert lab.store.orphaned_jobs() == (job_id,)
    lab.store.cancel(job_id, "its campaign was cancelled", lab.now_ns)
    assert lab.store.orphaned_jobs() == ()


def test_a_schedule_is_due_until_it_was_started(lab: Lab) -> None:
    schedule = ScheduleView("s", "0 3 * * *", 10, 100, submitted_by="ann")
    lab.store.set_schedule(schedule, ORDER)
    assert lab.store.schedules() == (schedule,)
    assert lab.store.due_schedules(99) == ()
    due = DueSchedule("s", "0 3 * * *", ORDER, 100, "ann")
    assert lab.store.due_schedules(100) == lab.store.due_schedules(10**9) == (due,)
    lab.store.schedule_started(due, 200, ID)
    assert lab.store.due_schedules(100) == ()
    again = lab.store.schedules()[0]
    assert (again.next_unix_ns, again.last_unix_ns, again.last_campaign_id) == (200, 100, ID)
    lab.store.schedule_started(due, 300, OTHER)  # an answer that comes twice
    assert lab.store.schedules()[0] == again
    lab.store.set_schedule(schedule, ORDER)
    assert lab.store.schedules() == (schedule,)
    assert lab.store.remove_schedule("s", now_ns=lab.now_ns) == schedule
    with refused(Code.UNKNOWN_SCHEDULE):
        lab.store.remove_schedule("s", now_ns=lab.now_ns)


def test_questions_add_up_by_day(lab: Lab) -> None:
    key = (ModelClass.CNN, HardwareClass.CPU_ONLY, Workload(batch=8))
    lab.store.note_asks({key: 2, (ModelClass.MLP, None, None): 1}, 10)
    lab.store.note_asks({key: 3}, 11)
    assert lab.store.asks(11) == (Ask(3, *key),)
    assert set(lab.store.asks(10)) == {Ask(5, *key), Ask(1, ModelClass.MLP)}
    assert lab.store.asks(12) == ()


def test_durations_are_those_of_measured_runs(lab: Lab) -> None:
    job_id = lab.measured()
    times = lab.store.run_times()
    assert {one.recipe for one in times} == {"fp32", "int8-dynamic", "int4-wo-b32"}
    assert {one.seconds for one in times} == {1.0}
    assert {one.device_id for one in times} == {device().device_id}
    assert job_id


def test_stale_rows_are_those_with_changes(lab: Lab) -> None:
    job_id = lab.measured()
    assert lab.store.stale_rows() == ()
    lab.register(device(runtimes=()))
    stale = lab.store.stale_rows()
    assert {row.run_id for row, _ in stale} == {r.run_id for r in lab.store.rows(TableQuery())}
    assert all(row.changes and found == lab.store.spec(job_id) for row, found in stale)


def test_an_unknown_campaign_is_one_sentence(lab: Lab) -> None:
    with pytest.raises(BitgaugeError, match="No campaign is named 'abc'"):
        lab.store.campaign_plan("abc")
