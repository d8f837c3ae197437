"""Calibration sets as versioned objects, and what was built with one built again with another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from bitgauge.benchmarks.refresh.plan import RECALIBRATED
from bitgauge.benchmarks.vocabulary.enums import CampaignState, JobState
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code
from bitgauge.benchmarks.vocabulary.values.calibration import (
    CalibrationSet,
    Recalibration,
    StratumCount,
)
from bitgauge.benchmarks.vocabulary.values.campaigns import RefreshOrder, Suite, SuiteModel
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import Entry
from bitgauge.coordinator.decisions.asker import Asker
from bitgauge.coordinator.lab.campaigns.asks import Asks
from bitgauge.coordinator.lab.campaigns.campaigns import Campaigns
from bitgauge.coordinator.lab.campaigns.driver import CampaignDriver

from tests.labs.coordinator import BASELINE, EVALUATION, SPEC, Lab, open_lab, report_of
from tests.labs.refused import refused

OLD, NEW = Digest("1" * 64, 70), Digest("2" * 64, 80)
ANN, BOB, ROOT = (Asker(name, owns_all=name == "root") for name in ("ann", "bob", "root"))
ENTRIES = (Entry("fp32", BASELINE), Entry("int8-dynamic"), Entry("int8-static-u8s8-pc-rr"))
SET = CalibrationSet("night", 0, OLD, 256, "cameras", (StratumCount("dark", 256),), "{}")


@pytest.fixture
async def lab(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Lab]:
    async with open_lab(monkeypatch) as made:
        await made.register()
        for one in (OLD, NEW):
            await made.ask(lambda store, one=one: store.record_blob(one, 1))  # type: ignore[misc]
        yield made


async def add(lab: Lab, asker: Asker, digest: Digest, name: str = "night") -> CalibrationSet:
    wanted = replace(SET, name=name, digest=digest, added_unix_ns=lab.clock())
    return await lab.ask(lambda store: store.add_calibration_set(wanted, asker))


async def measure_all(lab: Lab) -> None:
    while (assignment := await lab.acquire(0.0)) is not None:
        for entry in assignment.entries:
            await lab.leases.report(report_of(assignment, entry.index))
        await lab.until(assignment.job_id, lambda job: job.state is JobState.FINISHED)


async def measured_with(lab: Lab, calibration: Digest) -> None:
    spec = replace(SPEC, calibration=calibration, entries=ENTRIES, idempotency_key="with a set")
    job_id, _ = await lab.jobs.submit(spec)
    await lab.until(job_id, lambda job: job.state is JobState.QUEUED)
    await measure_all(lab)


async def test_versions_are_added_by_the_owner_of_the_name_and_pinned(lab: Lab) -> None:
    first = await add(lab, ANN, OLD)
    assert (first.label, first.owner, first.added_by) == ("night@1", "ann", "ann")
    assert await add(lab, ANN, OLD) == first
    with refused(Code.FORBIDDEN, "Calibration set night belongs to ann, not to bob"):
        await add(lab, BOB, NEW)
    second = await add(lab, ROOT, NEW)
    assert (second.label, second.owner, second.added_by) == ("night@2", "ann", "root")
    back = await add(lab, ANN, OLD)
    assert back.label == "night@3"
    sets = await lab.ask(lambda store: store.calibration_sets())
    assert [one.label for one in sets] == ["night@1", "night@2", "night@3"]
    assert sets[0] == first
    spare = await lab.ask(lambda store: store.spare_blobs(1 << 62))
    assert not {OLD, NEW} & {one.digest for one in spare}
    audit = await lab.ask(lambda store: store.audit())
    assert [one.object for one in audit if one.what == "calibration.add"] == [
        *("night@3", "night@2", "night@1"),
    ]


async def test_what_was_built_with_one_set_is_built_again_with_another(lab: Lab) -> None:
    await add(lab, ANN, OLD)
    await measured_with(lab, OLD)
    [told] = await lab.ask(lambda store: store.calibration_sets())
    assert told.rows == 1  # dynamic formats and the baseline saw none of it
    asks = Asks(lab.writer)
    campaigns = Campaigns(lab.writer, lab.leases.terms, asks)
    order = RefreshOrder(recalibrate=Recalibration(OLD, NEW))
    plan = await lab.writer.ask(await campaigns.planning(order))
    [job] = plan.jobs
    assert [(one.recipe, one.why) for one in job.cells] == [(ENTRIES[2].recipe, RECALIBRATED)]
    assert (job.spec.calibration, job.spec.evaluation) == (NEW, EVALUATION)
    assert [one.recipe for one in job.spec.entries] == ["fp32", ENTRIES[2].recipe]
    lab.clock.now_ns += 1_000_000_000
    campaign_id, _ = await campaigns.start(order, "once", "ann")
    driver = CampaignDriver(lab.writer, campaigns, lab.jobs, asks)
    for _ in range(200):
        await asyncio.sleep(0.01)
        await driver.step()
        view = await lab.ask(lambda store: store.campaign(campaign_id))
        if view.state is CampaignState.FINISHED:
            break
        await lab.until(str(view.jobs[0].job_id), lambda job: job.state is not JobState.BUILDING)
        await measure_all(lab)
    assert (view.state, view.name) == (CampaignState.FINISHED, "recalibrate")
    assert (await lab.writer.ask(await campaigns.planning(order))).jobs == ()
    assert len(await lab.ask(lambda store: store.rows_built_with(NEW))) == 1
    assert await lab.ask(lambda store: store.rows_built_with(OLD)) == ()


async def test_another_set_is_neither_a_suite_nor_what_is_stale(lab: Lab) -> None:
    campaigns = Campaigns(lab.writer, lab.leases.terms, Asks(lab.writer))
    suite = Suite("s", (SuiteModel("m", BASELINE, EVALUATION),), ())
    order = RefreshOrder(recalibrate=Recalibration(OLD, NEW))
    for wrong in (replace(order, suite=suite), replace(order, stale_only=True)):
        with pytest.raises(BadInput, match="ask for one of them"):
            await campaigns.planning(wrong)
