"""What goes wrong with PyTorch in a real agent: one sentence each, the right blame, and it goes on.

What needs no process of its own is in `test_torch` and `test_hostile`: files that are cut or of
another schema, sizes that a program does not take, the library or the compiler not installed.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from bitgauge.benchmarks import zoo
from bitgauge.benchmarks.quality.made import made_inputs
from bitgauge.benchmarks.quality.sets import (
    EvaluationSet,
    read_evaluation_set,
    write_evaluation_set,
)
from bitgauge.benchmarks.vocabulary.enums import PassName
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError
from bitgauge.benchmarks.vocabulary.values.runs import RunReport
from bitgauge.coordinator.models.recognise import inspect_model

from tests.labs.agent import Lab, open_lab

from . import programs
from .conftest import Programs
from .test_hostile import GRAPH, edited

PASSES = (PassName.QUALITY,)
RUNTIME = """
\"\"\"PyTorch whose programs meet a signal in their first call.\"\"\"

import os
import signal
from dataclasses import replace

from bitgauge.agents.runtimes import torch
from bitgauge.agents.runtimes.torch import empty_artifact, prepare
from bitgauge.benchmarks.vocabulary.values.devices import RuntimeOption

NAME = "{name}"
RANK = 1
HINT = torch.HINT
TRAITS = replace(torch.TRAITS, options=(), kernels=None, anchors=None, sentinel=None)


def probe():
    return replace(torch.probe(), name=NAME)


def load(path, options):
    session = torch.load(path, options)
    session.run = lambda feeds: os.kill(os.getpid(), signal.{name})
    return session
"""


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    (tmp_path / "lab").mkdir()
    async with open_lab(tmp_path / "lab") as made:
        yield made


def told(report: RunReport) -> tuple[str, str]:
    """Code and blame of a failure of one sentence."""
    assert report.failure is not None
    assert "\n" not in report.failure.message
    assert report.failure.advice
    return report.failure.code, report.failure.group.value


@pytest.mark.timeout(600)
async def test_a_program_that_crashes_takes_no_agent_along(
    lab: Lab, program: Programs, tmp_path: Path
) -> None:
    """An instruction that the processor has not, and memory that is not there."""
    signals = {"SIGILL": "crash_ill", "SIGSEGV": "crash_segv"}
    (tmp_path / "plug/runtimes").mkdir(parents=True)
    for name in signals:
        (tmp_path / f"plug/runtimes/{name.lower()}.py").write_text(RUNTIME.format(name=name))
    lab.plugins = (tmp_path / "plug",)
    model, evaluation = program("mlp").read_bytes(), zoo.evaluation_path().read_bytes()
    jobs = [
        lab.assignment([model], runtime=name, evaluation=evaluation, passes=PASSES)
        for name in (*signals, "torch")
    ]
    async with lab.agent():
        reports = await lab.reports(3, timeout_s=560)
    found = {one.job_id: one for one in reports}
    *crashed, good = (found[job.job_id] for job in jobs)
    assert [told(one) for one in crashed] == [(code, "artifact") for code in signals.values()]
    assert [one.attempts for one in crashed] == [2, 2], "it was confirmed"
    assert good.failure is None


def unknown_operator(records: dict[str, bytes], _: Path) -> None:
    """As of a library that registers operators, which is not on the device."""
    graph = json.loads(records[GRAPH])
    graph["graph_module"]["graph"]["nodes"][0]["target"] = "torch.ops.mine.own.default"
    records[GRAPH] = json.dumps(graph).encode()


@pytest.mark.timeout(600)
async def test_files_and_samples_of_every_wrong_kind_are_one_sentence_each(
    lab: Lab, program: Programs, tmp_path: Path
) -> None:
    def newer(records: dict[str, bytes], _: Path) -> None:
        graph = json.loads(records[GRAPH])
        graph["schema_version"]["major"] = 99
        records[GRAPH] = json.dumps(graph).encode()

    def copy(name: str, edit: Any) -> bytes:
        return edited(
            program("mlp"), edit, tmp_path / f"{name}.pt2", tmp_path / "mark"
        ).read_bytes()

    short = programs.export(programs.Function(lambda x: x * 2), torch.ones(2, 4), free=False)
    strange = {
        "an ONNX file": zoo.models()[0].path.read_bytes(),
        "another schema": copy("newer", newer),
        "an operator of nobody": copy("unknown", unknown_operator),
        "other inputs": programs.saved(short, tmp_path / "short.pt2").read_bytes(),
    }
    good = program("mlp").read_bytes()
    lab.assignment(
        [good, *strange.values(), good],
        runtime="torch",
        evaluation=zoo.evaluation_path().read_bytes(),
        passes=PASSES,
    )
    async with lab.agent():
        first, *troubled, last = await lab.reports(len(strange) + 2, timeout_s=560)
    assert (first.failure, last.failure) == (None, None)
    found = {name: told(report) for name, report in zip(strange, troubled, strict=True)}
    assert found == {
        "an ONNX file": ("bad_model", "artifact"),
        "another schema": ("bad_model", "artifact"),
        "an operator of nobody": ("refused_format", "artifact"),
        "other inputs": ("bad_evaluation_set", "artifact"),
    }


@pytest.mark.timeout(600)
async def test_samples_that_are_no_numbers_or_none_at_all_are_one_sentence(
    lab: Lab, program: Programs, tmp_path: Path
) -> None:
    held = read_evaluation_set(zoo.evaluation_path())
    assert held.labels is not None
    odd = held.inputs["pixels"].copy()
    odd[3, 0, 1] = np.nan
    sets = []
    for name, pixels in (("odd", odd), ("none", odd[:0])):
        count = len(pixels)
        labels, ids = held.labels[:count], held.ids[:count]
        path = tmp_path / f"{name}.npz"
        write_evaluation_set(path, EvaluationSet({"pixels": pixels}, labels, ids))
        sets.append(path.read_bytes())
    sets.append(zoo.evaluation_path().read_bytes())
    model = program("mlp").read_bytes()
    jobs = [lab.assignment([model], runtime="torch", evaluation=one, passes=PASSES) for one in sets]
    async with lab.agent():
        found = {one.job_id: one for one in await lab.reports(3, timeout_s=560)}
    *troubled, good = (found[job.job_id] for job in jobs)
    assert [told(one) for one in troubled] == [("bad_evaluation_set", "artifact")] * 2
    assert good.failure is None


def test_a_free_axis_without_an_example_asks_for_one(tmp_path: Path) -> None:
    axes = ({at: torch.export.Dim(f"size{at}", min=2, max=64) for at in (0, 1)},)
    function = programs.Function(lambda x: x * 2).eval()
    made = torch.export.export(function, (torch.ones(3, 5),), dynamic_shapes=axes)
    made._example_inputs = None
    path = programs.saved(made, tmp_path / "free.pt2")
    with pytest.raises(BitgaugeError, match=r"axis 1 of its input 'x' has any size: give "):
        made_inputs(inspect_model(path).inputs, {})
