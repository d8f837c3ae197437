"""Every hostile artifact in one job per level: each fails as it must, and the last run is good."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import socket
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psutil
import pytest
from bitgauge.agents.config import PhaseLimits
from bitgauge.agents.sandbox import cgroup
from bitgauge.agents.sandbox.confinement import start_box
from bitgauge.agents.sandbox.survey import survey
from bitgauge.agents.storage.spool import Spool
from bitgauge.benchmarks.vocabulary.enums import FailureGroup, RunStatus
from bitgauge.benchmarks.vocabulary.errors import Refused
from bitgauge.benchmarks.vocabulary.values.runs import RunReport

from tests.labs.agent import (
    PLUGINS,
    Lab,
    digest_of,
    evaluation_bytes,
    fake_artifact,
    open_lab,
    until,
)

from .corpus import EVERY, MEMORY_BYTES, Hostile, Targets, baseline, fakes, onnx_models
from .lite_corpus import IN_A_CHILD, lite_models
from .lite_corpus import baseline as lite_baseline

LIMITS = PhaseLimits(load=30.0, warm_up=30.0, measure=30.0, terminate=0.3)
GROUPS = {"killed": FailureGroup.ENVIRONMENT}
BUSY_S = 15.0
"""What starting a child and telling of its end may take where other tests compute beside."""


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    async with open_lab(tmp_path, limits=LIMITS, devices=("fake",), plugins=(PLUGINS,)) as made:
        yield made


@pytest.fixture
def aim(lab: Lab) -> Iterator[Targets]:
    tokens = lab.folder / "home" / "tokens"
    tokens.mkdir(parents=True)
    (tokens / "agent").write_text("a token", "ascii")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield Targets(
            token=str(tokens / "agent"),
            outside=str(lab.folder / "outside"),
            far=f"/var/tmp/bitgauge-{secrets.token_hex(8)}",
            address=f"127.0.0.1:{listener.getsockname()[1]}",
            marker=f"runaway-{secrets.token_hex(8)}",
        )


async def require(level: str) -> None:
    """Skips, with the reason, where a level does not work."""
    box = start_box(Path("/nowhere/agent"), Path("/nowhere"), ())
    try:
        await survey(level, box)
    except Refused as error:
        pytest.skip(f"NOT RUN: {error.sentence}")


def descendants() -> list[psutil.Process]:
    return [one for one in psutil.Process().children(recursive=True) if alive(one)]


def alive(one: psutil.Process) -> bool:
    try:
        return str(one.status()) != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def with_word(word: str) -> list[psutil.Process]:
    found = []
    for one in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if any(word in part for part in one.cmdline()) and alive(one):
                found.append(one)
    return found


def judge(case: Hostile, report: RunReport, level: str) -> str:
    """What is wrong with how a case ended; empty when nothing is."""
    failure = report.failure
    said = failure.code if failure else None
    if level not in case.levels:
        return ""
    if said != case.code:
        return f"{case.name}: {said} instead of {case.code} ({failure})"
    if failure is None:
        return "" if report.status is RunStatus.MEASURED else f"{case.name}: {report.status}"
    if failure.group is not GROUPS.get(failure.code, FailureGroup.ARTIFACT):
        return f"{case.name}: group {failure.group}"
    return "" if failure.message and failure.advice else f"{case.name}: nothing is said"


async def measure(
    lab: Lab, good: bytes, cases: tuple[Hostile, ...], *, runtime: str, evaluation: bytes
) -> list[RunReport]:
    lab.assignment(
        [good, *(case.data for case in cases), good], runtime=runtime, evaluation=evaluation
    )
    async with lab.agent(child_memory_bytes=MEMORY_BYTES):
        reports = await lab.reports(len(cases) + 2, 200)
        await until(lambda: not Spool(lab.folder / "home/agent/spool").intents())
    return reports


@pytest.mark.parametrize("level", EVERY)
async def test_what_a_runtime_may_try(lab: Lab, aim: Targets, level: str) -> None:
    await require(level)
    lab.sandbox = level
    cases = tuple(case for case in fakes(aim) if level in case.levels)
    groups = cgroup.find()
    if not groups.pids and os.geteuid() == 0:
        cases = tuple(case for case in cases if case.code != "process_limit")
        print("NOT RUN: fork bombs: root without a pids control group has no limit")
    if not groups.memory:
        cases = tuple(case for case in cases if case.name != "eats memory")
        print("NOT RUN: eating memory: no memory control group")
    before = {one.pid for one in descendants()}
    reports = await measure(
        lab, fake_artifact(), cases, runtime="hostile", evaluation=evaluation_bytes(lab.folder)
    )
    first, *middle, last = reports
    assert (first.status, last.status) == (RunStatus.MEASURED, RunStatus.MEASURED)
    wrong = [w for c, r in zip(cases, middle, strict=True) if (w := judge(c, r, level))]
    assert not wrong, "\n".join(wrong)
    assert {one.sandbox for one in reports} == {level}
    escaped = with_word(aim.marker)
    for one in escaped:
        one.kill()
    # Here no agent process adopts orphans; `test_sandbox` tries that.
    assert escaped == [] or (level == "rlimits" and not groups.pids)
    assert {one.pid for one in descendants()} <= before
    assert traces(lab, aim) == []
    assert b"a token" not in lab.coordinator.blobs.values()
    assert leftover_groups() == []


@pytest.mark.parametrize("level", EVERY)
async def test_what_a_model_file_may_try(lab: Lab, aim: Targets, level: str) -> None:
    await require(level)
    lab.sandbox = level
    good, evaluation = baseline(), evaluation_bytes(lab.folder)
    aim = Targets(
        **{name: getattr(aim, name) for name in ("token", "outside", "far", "address", "marker")},
        siblings=(digest_of(good).sha256, digest_of(evaluation).sha256),
    )
    cases = onnx_models(aim)
    first, *middle, last = await measure(
        lab, good, cases, runtime="onnxruntime", evaluation=evaluation
    )
    assert (first.status, last.status) == (RunStatus.MEASURED, RunStatus.MEASURED)
    assert [w for c, r in zip(cases, middle, strict=True) if (w := judge(c, r, level))] == []


@pytest.mark.parametrize("level", EVERY)
async def test_what_a_tflite_file_may_try(lab: Lab, aim: Targets, level: str) -> None:
    """Each is stopped by a look at it, in one sentence; what came before and after is measured."""
    await require(level)
    lab.sandbox = level
    cases = tuple(one for one in lite_models() if one.name in IN_A_CHILD)
    evaluation = evaluation_bytes(lab.folder)
    first, *middle, last = await measure(
        lab, lite_baseline(), cases, runtime="litert", evaluation=evaluation
    )
    assert (first.status, last.status) == (RunStatus.MEASURED, RunStatus.MEASURED)
    assert [w for c, r in zip(cases, middle, strict=True) if (w := judge(c, r, level))] == []
    assert traces(lab, aim) == []


def traces(lab: Lab, aim: Targets) -> list[str]:
    """What is on the disk and should not be, and what should and is not as it was."""
    made = (aim.outside, aim.far, f"{aim.token}.log", "/usr/bitgauge-was-here")
    found = [path for path in made if Path(path).exists()]
    found += [str(path) for path in (lab.folder / "home" / "agent" / "work").iterdir()]
    if Path(aim.token).read_text("ascii") != "a token":
        found.append(aim.token)
    return found


def leftover_groups() -> list[Path]:
    parents = cgroup.find()
    folders = {one for one in (parents.memory, parents.pids) if one}
    return [path for one in folders for path in one.glob(f"bitgauge-child-{os.getpid()}-*")]


@pytest.mark.parametrize("level", EVERY)
@pytest.mark.parametrize("when", ["load", "run"])
async def test_a_hang_that_is_deaf_to_sigterm_ends_in_time(lab: Lab, level: str, when: str) -> None:
    await require(level)
    lab.sandbox = level
    lab.limits = PhaseLimits(load=0.5, measure=0.5)  # the real patience after SIGTERM
    lab.assignment([fake_artifact(behaviour="hang", when=when)])
    async with lab.agent():
        await until(descendants)
        began = time.monotonic()
        (report,) = await lab.reports(1)
        took = time.monotonic() - began
    assert report.failure is not None
    assert report.failure.code == "timeout"
    assert f"phase {'load' if when == 'load' else 'measure'}" in report.failure.message
    assert took < 0.5 + 5.0 + BUSY_S, "killed at most 5 s after the limit"
    assert descendants() == []
    await asyncio.sleep(0)
