"""Builds that take long: for whom they run, when they are stopped, what is said meanwhile."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable

import pytest
from bitgauge.benchmarks.vocabulary.enums import EntryState, JobState
from bitgauge.benchmarks.vocabulary.errors import BadInput, BitgaugeError, Code
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import Entry, JobSpec, ModelSource
from bitgauge.coordinator.decisions.steps import StepLimit, StepLimits
from bitgauge.coordinator.decisions.submission import Answers, Inspection, Takes
from bitgauge.coordinator.models.chains import Chain, Link
from bitgauge.coordinator.store.values import BuildKey, BuildOutcome

from tests.labs.coordinator import BUILT, EVALUATION, PATIENCE_S, SPEC, Lab
from tests.labs.values import RECIPE

OTHER = "fp16"


class Held:
    """Builds that end when they are let go, or stopped.

    Args:
        lab: whose builds these are.
    """

    def __init__(self, lab: Lab) -> None:
        self.running: list[BuildKey] = []
        self.begun: list[BuildKey] = []
        self.free = asyncio.Event()
        self.error: BitgaugeError | None = None
        lab.runner.build = self.build  # type: ignore[method-assign]

    async def build(self, key: BuildKey) -> BuildOutcome:
        self.begun.append(key)
        self.running.append(key)
        try:
            await self.free.wait()
        finally:
            self.running.remove(key)
        if self.error is not None:
            raise self.error
        return BuildOutcome(BUILT)


@pytest.fixture
def held(lab: Lab) -> Held:
    return Held(lab)


def job_of(
    key: str, *recipes: str, baseline: Digest = SPEC.baseline, deadline_s: int = 60
) -> JobSpec:
    return dataclasses.replace(
        SPEC,
        idempotency_key=key,
        baseline=baseline,
        entries=tuple(Entry(recipe) for recipe in recipes or (RECIPE,)),
        deadline_s=deadline_s,
    )


async def submitted(lab: Lab, job: JobSpec, user: str = "ada") -> str:
    await lab.register()
    return (await lab.jobs.submit(job, user))[0]


async def until_words(lab: Lab, job_id: str, words: str) -> None:
    await lab.until(job_id, lambda view: view.waiting_for == words)


async def eventually(what: Callable[[], object]) -> None:
    for _ in range(round(PATIENCE_S / 0.01)):
        if what():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come to that")


async def test_a_build_stops_with_the_last_job_that_wants_it(lab: Lab, held: Held) -> None:
    first = await submitted(lab, job_of("1"))
    second = await submitted(lab, job_of("2"))
    await until_words(lab, second, f"building {RECIPE}")
    await lab.jobs.cancel(first)
    await asyncio.sleep(0.1)
    assert len(held.running) == 1
    await lab.jobs.cancel(second)
    await eventually(lambda: not held.running)
    assert len(held.begun) == 1
    await submitted(lab, job_of("3"))
    await eventually(lambda: len(held.begun) == 2)  # and its slot was free again


async def test_another_users_job_gets_the_next_slot(lab: Lab, held: Held) -> None:
    """One slot, three builds of one user that take long; his fellow waits for one of them."""
    await submitted(lab, job_of("1", RECIPE, OTHER, "bf16"))
    job_id = await submitted(lab, job_of("2", baseline=EVALUATION), "ben")
    await until_words(lab, job_id, "waiting for a slot")
    view = (await lab.listed(5, True))[-1]
    assert view.waiting_for == f"building {RECIPE}"
    held.free.set()
    await lab.until(job_id, lambda view: view.state is JobState.QUEUED)
    assert [key.model for key in held.begun][:2] == [SPEC.baseline, EVALUATION]


async def test_a_look_into_a_model_does_not_wait_behind_builds(lab: Lab, held: Held) -> None:
    await submitted(lab, job_of("1", RECIPE, OTHER))
    await eventually(lambda: held.running)
    job_id = await asyncio.wait_for(
        submitted(lab, job_of("2", baseline=EVALUATION), "ben"), PATIENCE_S
    )
    assert (await lab.jobs.view(job_id)).state is JobState.BUILDING


async def test_the_deadline_stops_builds_and_the_job_goes_on(lab: Lab, held: Held) -> None:
    job_id = await submitted(lab, job_of("1", RECIPE, OTHER, deadline_s=1))
    view = await lab.until(job_id, lambda view: view.state is JobState.QUEUED)
    assert [entry.state for entry in view.entries[1:]] == [EntryState.FAILED] * 2
    assert view.entries[1].reason == (
        f"Building {RECIPE} was stopped: the deadline of 1 s for building has passed"
    )
    await eventually(lambda: not held.running)
    assert len(held.begun) == 1  # the other never had a slot


async def test_waiting_for_a_slot_costs_nothing_of_the_deadline(lab: Lab, held: Held) -> None:
    await submitted(lab, job_of("1"))
    await eventually(lambda: held.running)
    job_id = await submitted(lab, job_of("2", baseline=EVALUATION, deadline_s=1), "ben")
    await asyncio.sleep(1.5)
    assert (await lab.jobs.view(job_id)).state is JobState.BUILDING
    held.free.set()
    view = await lab.until(job_id, lambda view: view.state is JobState.QUEUED)
    assert view.entries[1].state is EntryState.READY


@pytest.mark.parametrize("code", [Code.STEP_LIMIT, Code.STEP_CRASHED])
async def test_what_met_a_limit_is_not_begun_again_within_the_same_limits(
    lab: Lab, held: Held, code: Code
) -> None:
    held.error = BadInput(code, "Building it was stopped.")
    held.free.set()
    for key in "12":
        job_id = await submitted(lab, job_of(key))
        view = await lab.until(job_id, lambda view: view.state is JobState.QUEUED)
        assert view.entries[1].state is EntryState.FAILED
        assert view.entries[1].reason == "Building it was stopped."
    assert len(held.begun) == 1
    lab.dispatcher.builds.limits = StepLimits(build=StepLimit(900.0))
    held.error = None
    job_id = await submitted(lab, job_of("3"))
    view = await lab.until(job_id, lambda view: view.state is JobState.QUEUED)
    assert view.entries[1].state is EntryState.READY
    assert len(held.begun) == 2


async def test_other_failures_may_be_tried_by_the_next_job(lab: Lab, held: Held) -> None:
    held.error = BadInput(Code.BUILD_FAILED, "The quantizer stumbled.")
    held.free.set()
    for key in "12":
        job_id = await submitted(lab, job_of(key))
        await lab.until(job_id, lambda view: view.state is JobState.QUEUED)
    assert len(held.begun) == 2


async def test_whoever_submits_hears_what_is_waited_for(lab: Lab) -> None:
    """A user's looks have the slot and the place beside; the next one waits, another's does not."""
    await lab.register()
    free, begun = asyncio.Event(), 0
    inspect = lab.runner.inspect

    async def held_inspect(spec: JobSpec, takes: Takes, answers: Answers) -> Inspection:
        nonlocal begun
        begun += 1
        await free.wait()
        return await inspect(spec, takes, answers)

    lab.runner.inspect = held_inspect  # type: ignore[method-assign]
    others = [
        asyncio.create_task(lab.jobs.submit(job_of(key, baseline=EVALUATION), "ada"))
        for key in "12"
    ]
    await eventually(lambda: begun == 2)
    said: list[str | tuple[str, bool]] = []

    async def listen() -> None:
        said.extend([one async for one in lab.jobs.submitting(job_of("3"), "ada")])

    listening = asyncio.create_task(listen())
    others.append(asyncio.create_task(lab.jobs.submit(job_of("4"), "ben")))
    await eventually(lambda: begun == 3)
    await asyncio.sleep(0.1)
    free.set()
    await asyncio.wait_for(listening, PATIENCE_S)
    *words, job = said
    assert words[0] == "waiting for a slot"
    assert isinstance(job, tuple)
    assert (await lab.jobs.view(job[0])).model_name == SPEC.model_name
    await asyncio.gather(*others)


async def test_a_look_that_nobody_waits_for_any_more_is_stopped(lab: Lab) -> None:
    await lab.register()
    stopped = asyncio.Event()

    async def endless(spec: JobSpec, takes: Takes, answers: Answers) -> Inspection:
        try:
            await asyncio.sleep(600)
        finally:
            stopped.set()
        raise AssertionError

    lab.runner.inspect = endless  # type: ignore[method-assign]
    saying = lab.jobs.submitting(SPEC, "ada")
    assert await anext(saying) == "looking into the model"
    await saying.aclose()
    await asyncio.wait_for(stopped.wait(), PATIENCE_S)


# -- chains -----------------------------------------------------------------------------------
PROGRAM, CONVERTED = Digest("1" * 64, 900), Digest("2" * 64, 800)
TO_LITE, LAST = Link("pt2", "tflite"), Link("tflite", "onnx")


class Chained:
    """Recipes that are made of a program, by way of a converter.

    Args:
        lab: whose builds these are.
    """

    def __init__(self, lab: Lab) -> None:
        self.begun: list[BuildKey] = []
        self.refusal: BuildOutcome | BadInput | None = None
        lab.runner.build = self.build  # type: ignore[method-assign]
        lab.runner.chain = self.chain  # type: ignore[method-assign]

    def chain(self, recipe: str, artifact_kind: str, there: object) -> Chain:
        assert there == ("onnx", "pt2")
        return Chain("pt2", (TO_LITE, LAST))

    async def build(self, key: BuildKey) -> BuildOutcome:
        self.begun.append(key)
        if key.source_kind == "tflite":
            return BuildOutcome(BUILT, notes=("quantized",))
        if isinstance(self.refusal, BadInput):
            raise self.refusal
        return self.refusal or BuildOutcome(CONVERTED, notes=("converted",))


async def uploaded(lab: Lab, blob: Digest) -> None:
    now_ns = lab.clock()
    await lab.ask(lambda store: store.record_blob(blob, now_ns))


def chained_job(key: str, *recipes: str) -> JobSpec:
    entries = tuple(Entry(recipe) for recipe in recipes)
    own = Entry("fp32", SPEC.baseline, artifact_kind="onnx")
    sources = (ModelSource(PROGRAM, "m.pt2", "pt2"),)
    spec = dataclasses.replace(job_of(key), entries=(own, *entries), sources=sources)
    return dataclasses.replace(spec, calibration=EVALUATION)


@pytest.fixture
def chained(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Chained:
    real = lab.runner.inspect

    async def inspected(spec: JobSpec, takes: Takes, answers: Answers) -> Inspection:
        sources = tuple(dataclasses.replace(one, kind="pt2") for one in spec.sources)
        return dataclasses.replace(await real(spec, takes, answers), sources=sources)

    lab.runner.inspect = inspected  # type: ignore[method-assign]
    return Chained(lab)


async def test_a_source_is_converted_once_for_all_that_is_built_of_it(
    lab: Lab, chained: Chained
) -> None:
    await uploaded(lab, PROGRAM)
    job_id = await submitted(lab, chained_job("a", RECIPE, OTHER))
    view = await lab.until(job_id, lambda view: view.state is JobState.QUEUED)
    assert [entry.artifact for entry in view.entries[1:]] == [BUILT, BUILT]
    [first, *others] = chained.begun
    assert (first.model, first.recipe, first.artifact_kind) == (PROGRAM, "fp32", "tflite")
    assert first.calibration is None, "whoever calibrates with something else has the same one"
    assert {(one.model, one.recipe) for one in others} == {(CONVERTED, RECIPE), (CONVERTED, OTHER)}
    assert {one.calibration for one in others} == {EVALUATION}
    chained.begun.clear()
    again = await submitted(lab, chained_job("b", RECIPE))
    await lab.until(again, lambda view: view.state is JobState.QUEUED)
    assert chained.begun == [], "everything is known"


@pytest.mark.parametrize("fails", [True, False])
async def test_the_link_that_fails_is_named(lab: Lab, chained: Chained, *, fails: bool) -> None:
    why = "it branches on values"
    chained.refusal = BadInput(Code.BUILD_FAILED, why) if fails else BuildOutcome(None, why)
    await uploaded(lab, PROGRAM)
    job_id = await submitted(lab, chained_job("a", RECIPE))
    view = await lab.until(job_id, lambda view: view.state is JobState.QUEUED)
    entry = view.entries[1]
    assert entry.state is (EntryState.FAILED if fails else EntryState.UNSUPPORTED)
    assert entry.reason == (
        f"{RECIPE} on onnxruntime needs a tflite source; pt2 -> tflite: it branches on values"
    )


async def test_a_source_is_kept_while_its_job_lives(lab: Lab, chained: Chained) -> None:
    await uploaded(lab, PROGRAM)
    assert PROGRAM in {one.digest for one in await lab.ask(lambda store: store.spare_blobs(2**62))}
    await submitted(lab, chained_job("a", RECIPE))
    spare = {one.digest for one in await lab.ask(lambda store: store.spare_blobs(2**62))}
    assert PROGRAM not in spare
