"""Recipes that are built in an environment: it is made first, or a reason why it is not."""

from __future__ import annotations

import asyncio

import pytest
from bitgauge.benchmarks.vocabulary.enums import EntryState, JobState
from bitgauge.benchmarks.vocabulary.errors import Code, Refused
from bitgauge.coordinator.lab import environments
from bitgauge.coordinator.store.values import BuildKey, BuildOutcome

from tests.coordinator.lab.test_builds import OTHER, eventually, job_of, submitted, until_words
from tests.labs.coordinator import BUILT, EVALUATION, Lab
from tests.labs.values import RECIPE

MISSING = Refused(Code.NO_ENVIRONMENT, "The builder environment copies could not be made: no.")


class Making:
    """An environment for all recipes but one; it is made when that is let go, or never."""

    def __init__(self, lab: Lab) -> None:
        self.asked: list[str] = []
        self.running = 0
        self.built: list[str] = []
        self.free = asyncio.Event()
        self.error: Refused | None = None
        lab.runner.environment = self.environment  # type: ignore[method-assign]
        lab.runner.make_ready = self.make_ready  # type: ignore[method-assign]
        lab.runner.build = self.build  # type: ignore[method-assign]

    def environment(self, key: BuildKey) -> str:
        return "" if key.recipe == OTHER else "copies"

    async def make_ready(self, environment: str) -> None:
        self.asked.append(environment)
        self.running += 1
        try:
            await self.free.wait()
        finally:
            self.running -= 1
        if self.error is not None:
            raise self.error

    async def build(self, key: BuildKey) -> BuildOutcome:
        self.built.append(key.recipe)
        return BuildOutcome(BUILT)


@pytest.fixture
def making(lab: Lab) -> Making:
    return Making(lab)


async def test_it_is_made_once_for_all_who_wait_and_they_are_told(lab: Lab, making: Making) -> None:
    first = await submitted(lab, job_of("1", RECIPE, "bf16"))
    second = await submitted(lab, job_of("2", baseline=EVALUATION), "ben")
    for job_id in (first, second):
        await until_words(lab, job_id, "making the builder environment copies")
    assert (making.asked, making.built) == (["copies"], [])
    making.free.set()
    for job_id in (first, second):
        await lab.until(job_id, lambda view: view.state is JobState.QUEUED)
    assert sorted(making.built) == sorted([RECIPE, "bf16", RECIPE])


async def test_what_cannot_be_made_is_a_reason_and_the_job_goes_on(
    lab: Lab, making: Making, monkeypatch: pytest.MonkeyPatch
) -> None:
    making.error = MISSING
    making.free.set()
    job_id = await submitted(lab, job_of("1", RECIPE, OTHER, "bf16"))
    view = await lab.until(job_id, lambda view: view.state is JobState.QUEUED)
    assert [entry.state for entry in view.entries[1:]] == [
        EntryState.UNSUPPORTED,
        EntryState.READY,
        EntryState.UNSUPPORTED,
    ]
    assert view.entries[1].reason == MISSING.sentence
    assert making.asked == ["copies"]  # the second entry heard what the first was told
    making.error = None
    monkeypatch.setattr(environments, "AGAIN_S", 0.0)
    again = await submitted(lab, job_of("2", RECIPE))
    view = await lab.until(again, lambda view: view.state is JobState.QUEUED)
    assert view.entries[1].state is EntryState.READY  # nothing of it was remembered
    assert making.built.count(RECIPE) == 1


async def test_its_making_ends_with_the_last_job_that_waits(lab: Lab, making: Making) -> None:
    first = await submitted(lab, job_of("1"))
    second = await submitted(lab, job_of("2", baseline=EVALUATION))
    await until_words(lab, second, "making the builder environment copies")
    await lab.jobs.cancel(first)
    await asyncio.sleep(0.1)
    assert making.running == 1
    await lab.jobs.cancel(second)
    await eventually(lambda: not making.running)
    await submitted(lab, job_of("3"))
    await eventually(lambda: len(making.asked) == 2)


async def test_its_making_costs_nothing_of_a_job_s_deadline(lab: Lab, making: Making) -> None:
    job_id = await submitted(lab, job_of("1", deadline_s=1))
    await until_words(lab, job_id, "making the builder environment copies")
    await asyncio.sleep(2.5)
    making.free.set()
    view = await lab.until(job_id, lambda view: view.state is JobState.QUEUED)
    assert view.entries[1].state is EntryState.READY
