"""A form of the model that an environment runs answers samples before a job is looked into."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from bitgauge.benchmarks.vocabulary.errors import BadInput, BitgaugeError, Code, Refused
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import ModelSource
from bitgauge.coordinator.store.values import BuildKey, BuildOutcome

from tests.labs.coordinator import EVALUATION, REFERENCE, SPEC, Lab, open_lab

FORM, CALIBRATION = Digest("7" * 64, 9), Digest("8" * 64, 9)
WITH_FORM = replace(SPEC, sources=(ModelSource(FORM, "m.pt2"),))


@pytest.fixture
async def lab(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Lab]:
    async with open_lab(monkeypatch) as opened:
        opened.runner.unanswered = ((FORM, "pt2"),)
        for digest in (FORM, CALIBRATION):
            await opened.ask(lambda store, one=digest: store.record_blob(one, 1))  # type: ignore[misc]
        yield opened


async def test_it_is_run_once_on_the_calibration_set_else_on_the_evaluation_set(lab: Lab) -> None:
    await lab.submitted(WITH_FORM)
    await lab.submitted(replace(WITH_FORM, idempotency_key=""))
    await lab.submitted(replace(WITH_FORM, idempotency_key="", calibration=CALIBRATION))
    asked = [one for one in lab.runner.built if one.recipe == "answers"]
    assert [(one.model, one.source_kind) for one in asked] == [(FORM, "pt2")] * 2
    assert [one.calibration for one in asked] == [EVALUATION, CALIBRATION]
    assert lab.runner.answers == {FORM: REFERENCE}


@pytest.mark.parametrize(
    "error",
    [
        Refused(Code.NO_ENVIRONMENT, "The environment could not be made: no registry."),
        BadInput(Code.STEP_CRASHED, "Running another form of the model crashed."),
    ],
    ids=str,
)
async def test_what_cannot_be_run_is_said_and_the_job_is_taken(
    error: BitgaugeError, lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(key: BuildKey) -> BuildOutcome:
        raise error

    monkeypatch.setattr(lab.runner, "build", fails)
    await lab.submitted(WITH_FORM)
    assert lab.runner.answers == {FORM: error.sentence.rstrip(".")}
