"""A job is looked at once a change, however many watch it; all see how it goes on and ends."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from bitgauge.benchmarks.vocabulary.enums import JobState
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code
from bitgauge.benchmarks.vocabulary.values.jobs import JobView
from bitgauge.benchmarks.vocabulary.values.runs import Progress
from bitgauge.coordinator.lab import watching
from bitgauge.coordinator.lab.watching import Watching
from bitgauge.coordinator.store.store import Store

from tests.labs.coordinator import PATIENCE_S, Lab, report_of

MANY = 300


class Looks:
    """Counts how often, and at how many jobs, somebody looked."""

    def __init__(self, lab: Lab) -> None:
        self.looks: list[int] = []
        self._lab = lab

    def __call__(self, store: Store, job_ids: Sequence[str]) -> tuple[JobView, ...]:
        self.looks.append(len(job_ids))
        return self._lab.jobs.seen(store, job_ids)


async def all_views(watched: Watching, job_id: str) -> list[JobView]:
    return [view async for view in watched.views(job_id, "ann")]


async def test_very_many_watchers_share_one_look(lab: Lab) -> None:
    job_id = await lab.submitted()
    looks = Looks(lab)
    watched = Watching(lab.writer, looks)
    watchers = [asyncio.create_task(all_views(watched, job_id)) for _ in range(MANY)]
    await asyncio.sleep(0.1)
    assert len(looks.looks) < 10
    assignment = await lab.claimed()
    for done in range(5):
        progress = Progress(0, "pair", "timing", done / 10)
        verdict = await lab.leases.renew(
            assignment.job_id, assignment.epoch, assignment.lease_token, progress, 0
        )
        assert verdict == "ok"
        await asyncio.sleep(0.05)
    for entry in assignment.entries:
        await lab.leases.report(report_of(assignment, entry.index))
    seen = await asyncio.wait_for(asyncio.gather(*watchers), PATIENCE_S)
    assert {views[-1].state for views in seen} == {JobState.FINISHED}
    assert all(views[0].job_id == job_id for views in seen)
    shown = {view.progress.fraction for views in seen for view in views if view.progress}
    assert len(shown) >= 2
    assert len(looks.looks) < MANY / 4, "a look for each watcher"


async def test_a_renewal_wakes_who_watches_its_job_and_nobody_else(lab: Lab) -> None:
    await lab.submitted()
    assignment = await lab.claimed()
    await asyncio.sleep(0.1)
    version, moved = lab.writer.changes.version, list[str | None]()
    lab.writer.changes.listen(moved.append)
    lease = (assignment.job_id, assignment.epoch, assignment.lease_token)
    await lab.leases.renew(*lease, Progress(0, "pair", "timing", 0.5), 0)
    assert (lab.writer.changes.version, moved) == (version, [assignment.job_id])
    await lab.jobs.cancel(assignment.job_id)
    version = lab.writer.changes.version
    assert await lab.leases.renew(*lease, None, 0) == "cancel"
    assert lab.writer.changes.version > version


async def test_what_no_change_tells_is_seen_too(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "LONGEST_UNSEEN_S", 0.05)
    job_id = await lab.submitted()
    lab.clock.now_ns += 10 * lab.leases.terms.unreachable_after_ns

    def silent(view: JobView) -> bool:
        return "unreachable" in (view.waiting_for or "")

    assert await lab.until(job_id, silent)


async def test_a_look_that_fails_ends_the_watch_and_the_next_begins_anew(lab: Lab) -> None:
    job_id = await lab.submitted()
    fails = False

    def seen(store: Store, job_ids: Sequence[str]) -> tuple[JobView, ...]:
        if fails:
            raise RuntimeError("a defect")
        return lab.jobs.seen(store, job_ids)

    watched = Watching(lab.writer, seen)
    task = asyncio.create_task(all_views(watched, job_id))
    await asyncio.sleep(0.05)
    fails = True
    await lab.writer.changes.announce()
    with pytest.raises(RuntimeError, match="a defect"):
        await asyncio.wait_for(task, PATIENCE_S)
    fails = False
    async for view in watched.views(job_id, "ann"):
        assert view.job_id == job_id
        break
    with pytest.raises(BitgaugeError) as caught:
        await all_views(watched, "no such job")
    assert caught.value.code is Code.UNKNOWN_JOB
