"""Where memory holds one artifact at a time, baseline and candidate take turns in launches."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from bitgauge.benchmarks import zoo
from bitgauge.benchmarks.analysis.analyse import analyse
from bitgauge.benchmarks.raw.container import read_raw
from bitgauge.benchmarks.vocabulary.enums import PassName
from bitgauge.benchmarks.vocabulary.reasons import APART, NO_ROOM
from bitgauge.benchmarks.vocabulary.values.runs import RawRef

from tests.labs.agent import Lab, open_lab
from tests.labs.rooms.raw_files import FACTS
from tests.processes.bench import BRIEF

RUNTIME = """
\"\"\"ONNX Runtime in a process that has room for one artifact.\"\"\"

import weakref

from bitgauge.agents.runtimes import ort
from bitgauge.agents.runtimes.base import Traits
from bitgauge.agents.runtimes.ort import empty_artifact, prepare
from bitgauge.benchmarks.vocabulary.errors import Code, Refused
from bitgauge.benchmarks.vocabulary.values.devices import RuntimeDescription

NAME = "tightort"
RANK = 90
HINT = "pip install onnxruntime"
TRAITS = Traits(("onnx",))
OPEN = weakref.WeakSet()


def probe():
    return RuntimeDescription(name=NAME, version="1")


class Held:
    def __init__(self, path, session):
        self.path, self._session = path, session

    def __getattr__(self, name):
        return getattr(self._session, name)


def load(path, options):
    if any(one.path != path for one in OPEN):
        raise Refused(Code.OUT_OF_MEMORY, "A second artifact finds no memory.")
    made = Held(path, ort.load(path, options))
    OPEN.add(made)
    return made
"""


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    (tmp_path / "plug/runtimes").mkdir(parents=True)
    (tmp_path / "plug/runtimes/tightort.py").write_text(RUNTIME)
    (tmp_path / "lab").mkdir()
    async with open_lab(tmp_path / "lab", plugins=(tmp_path / "plug",)) as made:
        yield made


@pytest.mark.timeout(240)
async def test_they_take_turns_and_the_row_says_so(lab: Lab) -> None:
    model = zoo.models()[0].path.read_bytes()
    job = lab.assignment(
        [model, model],
        runtime="tightort",
        evaluation=zoo.evaluation_path().read_bytes(),
        passes=(PassName.QUALITY, PassName.PAIR),
        overrides=replace(BRIEF, budget_ms=50),
    )
    async with lab.agent():
        _, report = await lab.reports(2, timeout_s=220)
    assert report.failure is None
    pairs = sorted((one for one in report.raw if one.pass_name is PassName.PAIR), key=_launch)
    roles = [one.role.value for one in pairs]
    assert len(roles) == 8
    assert {tuple(roles[at : at + 4]) for at in (0, 4)} <= {
        ("baseline", "candidate", "candidate", "baseline"),
        ("candidate", "baseline", "baseline", "candidate"),
    }
    told = [line for line in lab.said if "Memory forbids baseline and candidate" in line]
    assert len(told) == 1
    raws = [read_raw(lab.coordinator.blobs[one.digest.sha256]) for one in report.raw]
    facts = replace(
        FACTS,
        run_id=report.run_id,
        recipe=job.entries[1].recipe,
        profile=job.profile,
        workload=job.workload,
        overrides=job.overrides,
        candidate=job.baseline,
        baseline=job.baseline,
    )
    ratio = next(one for one in analyse(raws, facts) if one.key == "latency_ratio")
    assert ratio.value is None or {APART, NO_ROOM} <= set(ratio.flags)
    accuracy = next(one for one in analyse(raws, facts) if one.key == "accuracy_delta_pp")
    assert accuracy.value == 0


def _launch(one: RawRef) -> int:
    return one.launch
