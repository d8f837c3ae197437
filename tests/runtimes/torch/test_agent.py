"""A real agent with PyTorch: compiled in the sandbox, hostile."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from bitgauge.benchmarks import zoo
from bitgauge.benchmarks.raw.container import read_raw
from bitgauge.benchmarks.raw.given import given_of
from bitgauge.benchmarks.raw.numerics import read_ledger
from bitgauge.benchmarks.vocabulary.enums import PassName
from bitgauge.benchmarks.vocabulary.values.devices import StackItem
from bitgauge.benchmarks.vocabulary.values.jobs import Workload

from tests.labs.agent import Lab
from tests.processes.bench import BRIEF

from .conftest import Programs
from .test_hostile import SAMPLE, edited, planted

MLP = next(one for one in zoo.models() if one.name == "digits-mlp")
COMPILED = (StackItem("execution", "compiled"),)
GXX = pytest.mark.skipif(shutil.which("g++") is None, reason="NOT RUN: install g++")


@GXX
@pytest.mark.timeout(300)
async def test_a_program_is_compiled_in_the_sandbox_and_leaves_nothing(
    lab: Lab, program: Programs
) -> None:
    """The compiler finds its headers, and writes into the child's folder alone."""
    passes = (PassName.QUALITY, PassName.NUMERICS)
    caches = [
        Path.home() / ".cache/torch",
        Path.home() / ".triton",
        Path("/tmp/torchinductor_root"),
    ]
    before = {one: one.exists() for one in caches}
    lab.assignment(
        [program("small-static").read_bytes()],
        runtime="torch",
        evaluation=zoo.evaluation_path().read_bytes(),
        passes=passes,
        workload=Workload(batch=8),
        overrides=replace(BRIEF, session_options=COMPILED),
    )
    async with lab.agent(sandbox="auto"):
        (report,) = await lab.reports(1, timeout_s=280)
    assert report.failure is None
    assert {one: one.exists() for one in caches} == before
    assert any("Sandbox: " in line for line in lab.said)
    assert not list(lab.folder.rglob("*.so")), "what was compiled is gone with its child"
    raws = {ref.pass_name: read_raw(lab.coordinator.blobs[ref.digest.sha256]) for ref in report.raw}
    told = given_of(raws[PassName.QUALITY]).session_options or ""
    assert "execution=compiled" in told
    assert "integer kernels=1 qlinear" in told or "integer kernels=2 qlinear" in told, told
    ledger = read_ledger(raws[PassName.NUMERICS])
    assert "Execution compiled fuses its operators" in ledger.why_not
    assert [row.producer for row in ledger.tensors] == ["output"]


@pytest.mark.timeout(120)
async def test_a_hostile_program_is_refused_in_the_sandbox_and_the_next_is_measured(
    lab: Lab, program: Programs, tmp_path: Path
) -> None:
    mark = tmp_path / "mark"

    def plant(records: dict[str, bytes], at: Path) -> None:
        records[SAMPLE] = planted(at)

    hostile = edited(program("mlp"), plant, tmp_path / "hostile.pt2", mark)
    good = program("mlp").read_bytes()
    lab.assignment(
        [good, hostile.read_bytes(), good + b""],
        runtime="torch",
        evaluation=zoo.evaluation_path().read_bytes(),
        passes=(PassName.QUALITY,),
    )
    async with lab.agent(sandbox="auto"):
        first, refused, last = await lab.reports(3, timeout_s=110)
    assert (first.failure, last.failure) == (None, None)
    assert refused.failure is not None
    assert refused.failure.code == "refused_format"
    assert "a pickle that calls" in refused.failure.message
    assert "\n" not in refused.failure.message
    assert not mark.exists()
    assert not any("Traceback" in line for line in lab.said)
