"""Campaigns at work: submitted a few at a time, through restarts, pauses, cancels and schedules."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from bitgauge.benchmarks.common.wire import to_wire
from bitgauge.benchmarks.refresh.plan import Ask
from bitgauge.benchmarks.vocabulary.enums import (
    CampaignState,
    HardwareClass,
    JobState,
    ModelClass,
    Role,
)
from bitgauge.benchmarks.vocabulary.errors import BadInput, BitgaugeError, Code, Unavailable
from bitgauge.benchmarks.vocabulary.values.campaigns import (
    CampaignView,
    RefreshOrder,
    RefreshPlan,
    ScheduleView,
    Suite,
    SuiteModel,
)
from bitgauge.benchmarks.vocabulary.values.choices import SelectQuery
from bitgauge.benchmarks.vocabulary.values.devices import StackItem
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import Workload
from bitgauge.benchmarks.vocabulary.values.rows import TableQuery
from bitgauge.coordinator.decisions import campaigns
from bitgauge.coordinator.decisions.asker import Asker
from bitgauge.coordinator.decisions.campaigns import ENDED, CampaignEvent, key_of
from bitgauge.coordinator.decisions.schedules import next_after
from bitgauge.coordinator.lab.campaigns.asks import DAY_NS, Asks
from bitgauge.coordinator.lab.campaigns.campaigns import Campaigns
from bitgauge.coordinator.lab.campaigns.driver import CampaignDriver
from bitgauge.coordinator.services.table import TableService
from bitgauge.coordinator.store.store import Store
from bitgauge.coordinator.store.values import TokenRecord
from bitgauge.protos.v1 import lab_pb2
from hypothesis import given
from hypothesis import strategies as st

from tests.labs.coordinator import BASELINE, DEVICE, EVALUATION, SPEC, Lab, open_lab, report_of

MINUTE_NS = 60_000_000_000
ANN, BOB = Asker("ann", owns_all=False), Asker("bob", owns_all=False)
SUITE = Suite(
    name="small",
    models=(SuiteModel("digits", BASELINE, EVALUATION, None, ModelClass.CNN),),
    recipes=("int8-dynamic",),
    workloads=tuple(Workload(batch=batch) for batch in (1, 2, 3, 4)),
)
ORDER = RefreshOrder(suite=SUITE)


@pytest.fixture
async def lab(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Lab]:
    async with open_lab(monkeypatch) as made:
        token = TokenRecord("ann", Role.SUBMIT, b"a" * 32)
        await made.ask(lambda store: store.create_token(token, 1))
        await made.register()
        yield made


class Refresh:
    """Campaigns and their driver as after a restart: they remember nothing."""

    def __init__(self, lab: Lab) -> None:
        asks = Asks(lab.writer)
        terms = lab.leases.terms
        self.lab = lab
        self.begun = begun = Campaigns(lab.writer, terms, asks)
        self.step = CampaignDriver(lab.writer, begun, lab.jobs, asks).step
        self.set_schedule = begun.set_schedule

    async def plan(self, order: RefreshOrder) -> RefreshPlan:
        return await self.lab.writer.ask(await self.begun.planning(order))

    async def start(
        self, order: RefreshOrder, key: str, by: str = ""
    ) -> tuple[CampaignView, RefreshPlan, bool]:
        found, created = await self.begun.start(order, key, by)
        return (
            await self.campaign(found),
            await self.lab.ask(lambda store: store.campaign_plan(found)),
            created,
        )

    async def campaign(self, campaign_id: str) -> CampaignView:
        return await self.lab.ask(lambda store: store.campaign(campaign_id))

    async def campaigns(self) -> tuple[CampaignView, ...]:
        return await self.lab.ask(lambda store: store.campaigns())

    async def schedules(self) -> tuple[ScheduleView, ...]:
        return await self.lab.ask(lambda store: store.schedules())

    async def remove_schedule(self, name: str) -> None:
        await self.lab.ask(lambda store: store.remove_schedule(name, now_ns=1))


async def measure_one(lab: Lab) -> str | None:
    """What an agent does with its next job; the id of that job."""
    assignment = await lab.acquire(0.0)
    if assignment is None:
        return None
    for entry in assignment.entries:
        await lab.leases.report(report_of(assignment, entry.index))
    await lab.until(assignment.job_id, lambda job: job.state is JobState.FINISHED)
    return assignment.job_id


async def queued(lab: Lab, job_ids: list[str]) -> None:
    for job_id in job_ids:
        await lab.until(job_id, lambda job: job.state is not JobState.BUILDING)


def submitted(view: CampaignView) -> list[str]:
    return [job.job_id for job in view.jobs if job.job_id]


async def drive(lab: Lab, campaign_id: str) -> CampaignView:
    """Drive and measure until the campaign has ended, each step by a driver that just started."""
    for _ in range(20):
        await Refresh(lab).step()
        view = await Refresh(lab).campaign(campaign_id)
        if view.state in ENDED:
            return view
        await queued(lab, submitted(view))
        await measure_one(lab)
    raise AssertionError(f"it did not end: {view}")


async def test_a_campaign_measures_its_plan_a_few_jobs_at_a_time(lab: Lab) -> None:
    refresh = Refresh(lab)
    view, plan, created = await refresh.start(ORDER, "once")
    assert (view.state, len(plan.jobs), created) == (CampaignState.PLANNED, 4, True)
    await refresh.step()
    view = await refresh.campaign(view.campaign_id)
    assert view.state is CampaignState.RUNNING
    assert len(submitted(view)) == campaigns.QUEUED_PER_DEVICE
    assert view.devices[0].seconds_left > 0
    view = await drive(lab, view.campaign_id)
    assert view.state is CampaignState.FINISHED
    assert {change.kind for change in view.diff} == {"new"}
    assert len(view.diff) == 8
    assert (view.devices[0].jobs_done, view.devices[0].seconds_left) == (4, 0.0)
    assert len(await lab.listed(50, False)) == 4
    again, plan, created = await refresh.start(ORDER, "once")
    assert (again, len(plan.jobs), created) == (view, 4, False)
    with pytest.raises(BitgaugeError) as caught:
        await refresh.start(RefreshOrder(stale_only=True), "once")
    assert caught.value.code is Code.IDEMPOTENCY_CONFLICT
    assert (await refresh.plan(ORDER)).jobs == ()
    fresh, _, _ = await refresh.start(ORDER, "twice")
    assert (await drive(lab, fresh.campaign_id)).state is CampaignState.FINISHED
    assert len(await lab.listed(50, False)) == 4


async def test_a_job_that_was_submitted_and_not_noted_is_taken_up_again(lab: Lab) -> None:
    """The coordinator was killed between the two."""
    view, plan, _ = await Refresh(lab).start(ORDER, "once")
    spec = replace(plan.jobs[0].spec, idempotency_key=key_of(view.campaign_id, 0))
    lost, _ = await lab.jobs.submit(spec)
    view = await drive(lab, view.campaign_id)
    assert view.jobs[0].job_id == lost
    assert len(await lab.listed(50, False)) == 4


async def test_a_coordinator_that_cannot_submit_now_does_so_later(lab: Lab) -> None:
    refresh = Refresh(lab)
    view, _, _ = await refresh.start(ORDER, "once")
    lab.runner.failures += [Unavailable(Code.TASK_LOST, "It was lost.")] * 2
    with pytest.raises(Unavailable):
        await refresh.step()
    assert (await drive(lab, view.campaign_id)).state is CampaignState.FINISHED


async def test_a_job_that_nobody_takes_is_said_and_the_rest_goes_on(lab: Lab) -> None:
    refresh = Refresh(lab)
    view, _, _ = await refresh.start(ORDER, "once")
    lab.runner.failures.append(BadInput(Code.BAD_MODEL, "The file is no model."))
    view = await drive(lab, view.campaign_id)
    assert view.state is CampaignState.FINISHED
    assert [job.state for job in view.jobs] == ["refused", *["finished"] * 3]
    assert view.jobs[0].reason == "The file is no model."


async def test_a_campaign_of_which_nothing_can_be_measured_fails(lab: Lab) -> None:
    view, _, _ = await Refresh(lab).start(ORDER, "once")
    lab.runner.failures += [BadInput(Code.BAD_MODEL, "The file is no model.")] * 4
    view = await drive(lab, view.campaign_id)
    assert (view.state, view.reason) == (
        CampaignState.FAILED,
        "Nothing could be measured: The file is no model.",
    )


async def test_a_paused_campaign_submits_nothing_more(lab: Lab) -> None:
    refresh = Refresh(lab)
    view, _, _ = await refresh.start(ORDER, "once")
    await refresh.step()
    await refresh.begun.move(view.campaign_id, CampaignEvent.PAUSE)
    view = await refresh.campaign(view.campaign_id)
    assert view.state is CampaignState.PAUSED
    await queued(lab, submitted(view))
    while await measure_one(lab):
        await Refresh(lab).step()
    assert len(submitted(await refresh.campaign(view.campaign_id))) == 2
    assert await refresh.begun.move(view.campaign_id[:8], CampaignEvent.RESUME) == view.campaign_id
    assert (await refresh.campaign(view.campaign_id)).state is CampaignState.RUNNING
    assert len((await drive(lab, view.campaign_id)).diff) == 8
    with pytest.raises(BitgaugeError, match="is finished; to pause it, it must be planned"):
        await refresh.begun.move(view.campaign_id, CampaignEvent.PAUSE)


async def test_a_cancelled_campaign_takes_its_jobs_along_also_one_that_came_late(lab: Lab) -> None:
    refresh = Refresh(lab)
    view, plan, _ = await refresh.start(ORDER, "once", "ann")
    await refresh.step()
    await queued(lab, submitted(await refresh.campaign(view.campaign_id)))
    await measure_one(lab)
    with pytest.raises(BitgaugeError) as caught:
        await refresh.begun.move(view.campaign_id, CampaignEvent.CANCEL, BOB)
    assert caught.value.code is Code.FORBIDDEN
    found = await refresh.begun.move(view.campaign_id, CampaignEvent.CANCEL, ANN)
    view = await refresh.campaign(found)
    assert (view.state, view.reason) == (CampaignState.CANCELLED, "cancelled by ann")
    assert len(view.diff) == 2
    states = [job.state for job in await lab.listed(50, False)]
    assert sorted(state.value for state in states) == ["cancelled", "finished"]
    spec = replace(plan.jobs[3].spec, idempotency_key=key_of(view.campaign_id, 3))
    late, _ = await lab.jobs.submit(spec, "ann")
    await refresh.step()
    assert (await lab.jobs.view(late)).state is JobState.CANCELLED


async def test_files_of_a_campaign_must_be_here(lab: Lab) -> None:
    refresh = Refresh(lab)
    missing = replace(SUITE, models=(replace(SUITE.models[0], evaluation=Digest("0" * 64, 1)),))
    for call in (
        refresh.start(RefreshOrder(suite=missing), "k"),
        refresh.set_schedule("s", "0 * * * *", RefreshOrder(suite=missing)),
    ):
        with pytest.raises(BitgaugeError, match="Not uploaded") as caught:
            await call
        assert caught.value.code is Code.BLOB_MISSING


async def test_two_campaigns_do_not_measure_the_same(lab: Lab) -> None:
    refresh = Refresh(lab)
    await refresh.start(ORDER, "once")
    _, plan, _ = await refresh.start(ORDER, "twice")
    assert plan.jobs == ()


# -- stale without a suite ----------------------------------------------------------------
async def test_what_is_stale_is_measured_again_without_a_suite(lab: Lab) -> None:
    job_id = await lab.submitted(SPEC)
    await queued(lab, [job_id])
    await measure_one(lab)
    stale = RefreshOrder(stale_only=True)
    assert (await Refresh(lab).plan(stale)).jobs == ()
    await lab.writer.change(lambda store: store.use_inputs({"int8-dynamic": "tool 2"}))
    plan = await Refresh(lab).plan(stale)
    assert [[cell.recipe for cell in job.cells] for job in plan.jobs] == [["int8-dynamic"]]
    assert plan.jobs[0].cells[0].changes[0].name == "toolchain"
    spec = plan.jobs[0].spec
    assert (spec.baseline, spec.evaluation) == (BASELINE, EVALUATION)
    assert [entry.recipe for entry in spec.entries] == ["fp32", "int8-dynamic"]


# -- schedules ----------------------------------------------------------------------------
async def test_a_schedule_starts_once_for_each_time_also_after_a_restart(lab: Lab) -> None:
    refresh = Refresh(lab)
    made = await refresh.set_schedule("small", "*/15 * * * *", ORDER, ANN)
    assert made.next_unix_ns > lab.clock()
    await refresh.step()
    assert await refresh.campaigns() == ()
    lab.clock.now_ns = made.next_unix_ns
    for _ in range(3):
        await Refresh(lab).step()
    found = await refresh.campaigns()
    assert [(one.schedule, one.submitted_by) for one in found] == [("small", "ann")]
    # The coordinator was killed after it started the campaign and before it noted that.
    known = (await refresh.schedules())[0]
    await lab.writer.change(lambda store: store.set_schedule(made, ORDER))
    await Refresh(lab).step()
    assert len(await refresh.campaigns()) == 1
    assert (await refresh.schedules())[0] == known
    # It was off for an hour: what was missed is made up for once.
    lab.clock.now_ns += 60 * MINUTE_NS
    for _ in range(3):
        await Refresh(lab).step()
    assert len(await refresh.campaigns()) == 2
    assert (await refresh.schedules())[0].next_unix_ns > lab.clock()
    await refresh.remove_schedule("small")
    lab.clock.now_ns += 60 * MINUTE_NS
    await Refresh(lab).step()
    assert len(await refresh.campaigns()) == 2
    with pytest.raises(BitgaugeError, match="There is no schedule 'small'"):
        await refresh.remove_schedule("small")


@pytest.mark.parametrize("cron", ["", "* * * *", "61 * * * *", "0 0 31 2 *", "nonsense"])
def test_a_wrong_cron_expression_is_one_sentence(cron: str) -> None:
    with pytest.raises(BadInput, match=r"is no cron expression such as '0 3 \* \* \*'"):
        next_after(cron, 0)


@given(st.integers(0, 2 * 10**18))
def test_the_next_time_is_a_whole_minute_later_than_now(now_ns: int) -> None:
    found = next_after("*/7 3 * * *", now_ns)
    assert found > now_ns
    assert found % MINUTE_NS == 0
    assert next_after("*/7 3 * * *", found) > found


# -- what people ask ----------------------------------------------------------------------
async def fails(*_: object) -> None:
    raise Unavailable(Code.DISK_FULL, "The disk is full.")


async def test_questions_are_counted_and_never_fail(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    asks = Asks(lab.writer)
    query = SelectQuery(ModelClass.CNN, HardwareClass.CPU_ONLY)
    for _ in range(3):
        asks.note(query)
    asks.note(TableQuery(model_class=ModelClass.MLP))
    asks.note(TableQuery(model_name="digits"))
    with monkeypatch.context() as full:
        full.setattr(lab.writer, "call", fails)
        await asks.flush()
    await asks.flush()
    asks.note(query)
    await asks.flush()

    def counted(store: Store) -> tuple[Ask, ...]:
        return store.asks(lab.clock() // DAY_NS)

    assert set(await lab.writer.call(counted)) == {
        Ask(4, ModelClass.CNN, HardwareClass.CPU_ONLY, Workload()),
        Ask(1, ModelClass.MLP, None, None),
    }
    assert await lab.writer.call(lambda store: store.asks(lab.clock() // DAY_NS + 1)) == ()


async def test_every_question_about_the_table_is_told(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[object] = []
    asks = Asks(lab.writer)
    monkeypatch.setattr(asks, "note", told.append)
    service = TableService(lab.writer, asks)
    query, row_query = SelectQuery(ModelClass.CNN, HardwareClass.CPU_ONLY), TableQuery()
    await service.Select(lab_pb2.SelectRequest(query=to_wire(query)), None)
    await service.Rows(lab_pb2.RowsRequest(query=to_wire(row_query)), None)
    await service.Cells(lab_pb2.CellsRequest(query=to_wire(row_query)), None)
    await service.Cells(lab_pb2.CellsRequest(), None)
    assert told == [query, row_query, row_query]


async def test_what_cannot_be_measured_by_anybody_is_refused(lab: Lab) -> None:
    refresh = Refresh(lab)
    for suite, words in (
        (replace(SUITE, models=()), "has no models"),
        (replace(SUITE, models=SUITE.models * 2), "has model 'digits' twice"),
        (replace(SUITE, recipes=("int9",)), "There is no recipe 'int9'"),
        (replace(SUITE, workloads=(Workload(batch=0),)), "batch 0 is not"),
    ):
        with pytest.raises(BitgaugeError, match=words):
            await refresh.start(RefreshOrder(suite=suite), "k")
    with pytest.raises(BitgaugeError, match="did you mean digits"):
        await refresh.plan(replace(ORDER, only=(StackItem("model", "digit"),)))
    with pytest.raises(BitgaugeError, match="No campaign is named 'x'"):
        await refresh.campaign("x")
    assert DEVICE.name == "bench"
