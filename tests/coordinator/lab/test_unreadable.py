"""A lab at work with a job, a schedule and a campaign that cannot be read: all the others go on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from bitgauge.benchmarks.vocabulary.enums import CampaignState, Disposition, JobState, Role
from bitgauge.benchmarks.vocabulary.values.campaigns import RefreshOrder, Suite, SuiteModel
from bitgauge.benchmarks.vocabulary.values.jobs import JobView, Workload
from bitgauge.coordinator.decisions.asker import Asker
from bitgauge.coordinator.lab.campaigns.asks import Asks
from bitgauge.coordinator.lab.campaigns.campaigns import Campaigns
from bitgauge.coordinator.lab.campaigns.driver import CampaignDriver
from bitgauge.coordinator.lab.loops import LOOK_AGAIN_NS
from bitgauge.coordinator.store.store import Store
from bitgauge.coordinator.store.values import LeaseTerms, Looked, TokenRecord

from tests.labs.coordinator import BASELINE, EVALUATION, SPEC, Lab, open_lab, report_of

ANN = Asker("ann", owns_all=False)
NULL_MARGIN = "json_set({}, '$.{}accuracy_margin_pp', NULL)"
"""What a margin of infinity was stored as."""
READY = replace(SPEC, entries=(replace(SPEC.entries[0], recipe="fp32", artifact=BASELINE),))


def order(name: str, batch: int) -> RefreshOrder:
    model = SuiteModel("digits", BASELINE, EVALUATION)
    return RefreshOrder(
        suite=Suite(name, (model,), ("int8-dynamic",), workloads=(Workload(batch=batch),))
    )


@pytest.fixture
async def lab(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Lab]:
    async with open_lab(monkeypatch) as made:
        await made.register()
        yield made


async def spoil(lab: Lab, sql: str, *values: object) -> None:
    def work(store: Store) -> None:
        assert store._connection.execute(sql, values).rowcount == 1

    await lab.ask(work)


def driver_of(lab: Lab) -> CampaignDriver:
    asks = Asks(lab.writer)
    campaigns = Campaigns(lab.writer, LeaseTerms(), asks)
    return CampaignDriver(lab.writer, campaigns, lab.jobs, asks)


async def test_a_job_with_a_margin_that_is_none_fails_and_the_next_is_measured(lab: Lab) -> None:
    spoiled, _ = await lab.jobs.submit(replace(READY, idempotency_key="a", priority=9))
    healthy, _ = await lab.jobs.submit(replace(READY, idempotency_key="b"))
    await spoil(
        lab, f"UPDATE jobs SET spec = {NULL_MARGIN.format('spec', '')} WHERE job_id = ?", spoiled
    )
    lease = await lab.claimed()
    assert lease.job_id == healthy
    listed = await lab.ask(lambda store: lab.jobs.listed(store, 10, False))
    views = {view.job_id: view for view in listed}
    assert views.keys() == {spoiled, healthy}
    assert "what is stored of it can not be read" in (views[spoiled].reason or "")
    assert "accuracy_margin_pp" in (views[spoiled].reason or "")
    for index in range(len(READY.entries)):
        assert await lab.leases.report(report_of(lease, index)) is Disposition.ACCEPTED
    await lab.until(healthy, lambda view: view.state is JobState.FINISHED)
    # It is failed when all are looked at again, and at once by whoever cancels it.
    assert (await lab.jobs.cancel(spoiled)).state is JobState.FAILED


async def test_what_can_not_be_read_any_more_is_failed(lab: Lab) -> None:
    spoiled, _ = await lab.jobs.submit(READY)
    await lab.claimed()
    await spoil(lab, "UPDATE jobs SET spec = '{' WHERE job_id = ?", spoiled)
    lab.clock.now_ns += 1 + LOOK_AGAIN_NS  # a restart looks at all at once, too
    await lab.writer.changes.announce()

    def over(view: JobView) -> bool:
        return view.state is JobState.FAILED

    view = await lab.until(spoiled, over)
    assert "what is stored of it can not be read" in (view.reason or "")
    assert all(entry.state.value == "failed" for entry in view.entries)
    # Its device is free again.
    healthy, _ = await lab.jobs.submit(replace(READY, idempotency_key="b"))
    assert (await lab.claimed()).job_id == healthy


async def test_a_schedule_that_can_not_be_read_starts_nothing_and_stops_no_other(lab: Lab) -> None:
    await lab.ask(
        lambda store: store.create_token(
            TokenRecord("ann", Role.SUBMIT, b"x" * 32, 0), lab.clock.now_ns
        )
    )
    driver = driver_of(lab)
    for name, batch in (("a", 1), ("b", 2)):
        await driver.begun.set_schedule(name, "0 3 * * *", order(name, batch), ANN)
    await spoil(
        lab,
        f"UPDATE schedules SET asked = {NULL_MARGIN.format('asked', 'suite.')} WHERE name = 'a'",
    )
    lab.clock.now_ns += 25 * 3600 * 10**9
    await driver.step()
    started = await lab.ask(lambda store: store.campaigns())
    assert [one.schedule for one in started] == ["b"]
    first, second = await lab.ask(lambda store: store.schedules())
    assert second.problem is None
    assert "what is stored of it can not be read" in (first.problem or "")
    assert await driver._tick_s() > 0


async def test_a_campaign_that_can_not_be_read_fails_alone(lab: Lab) -> None:
    driver = driver_of(lab)
    names = []
    for name, batch in (("a", 1), ("b", 2)):
        campaign_id, _ = await driver.begun.start(order(name, batch), name, "ann")
        names.append(campaign_id)
    await spoil(lab, "UPDATE campaigns SET rows_before = '[null]' WHERE campaign_id = ?", names[0])
    await spoil(lab, "UPDATE campaign_jobs SET spec = '{' WHERE campaign_id = ?", names[0])
    await lab.ask(lambda store: store.fail_unreadable(Looked(), lab.clock.now_ns))
    for _ in range(3):
        await driver.step()
    first, second = await lab.ask(lambda store: tuple(map(store.campaign, names)))
    assert first.state is CampaignState.FAILED
    assert "can not be read" in (first.reason or "")
    assert second.state is CampaignState.RUNNING
    assert second.jobs[0].job_id is not None
