"""What goes wrong with ONNX Runtime in a real agent: one sentence each, right blame, it goes on.

As `litert/test_trouble.py` and `torch/test_trouble.py`; what needs no process of its own is in
`tests/agents/runtimes/ort`, and a crash of any runtime in `tests/processes/agent`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
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

MLP = next(one for one in zoo.models() if one.name == "digits-mlp")
PASSES = (PassName.QUALITY,)


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


def changed(change: Callable[[onnx.ModelProto], object]) -> bytes:
    model = onnx.load(MLP.path)
    change(model)
    return model.SerializeToString()


def newer(model: onnx.ModelProto) -> None:
    model.opset_import[0].version = 99


def of_tomorrow(model: onnx.ModelProto) -> None:
    model.ir_version = 99


def of_nobody(model: onnx.ModelProto) -> None:
    model.opset_import.append(onnx.helper.make_opsetid("mine", 1))
    model.graph.node[0].domain, model.graph.node[0].op_type = "mine", "Own"


def renamed(model: onnx.ModelProto) -> None:
    model.graph.input[0].name = "other"
    for node in model.graph.node:
        node.input[:] = ["other" if name == "pixels" else name for name in node.input]


@pytest.mark.timeout(300)
async def test_files_of_every_wrong_kind_are_one_sentence_each(lab: Lab) -> None:
    bad, new = ("bad_model", "artifact"), ("opset_too_new", "artifact")
    cases = {
        "a tflite file": (MLP.form("tflite").read_bytes(), bad),
        "a PyTorch program": (MLP.form("pt2").read_bytes(), bad),
        "another opset": (changed(newer), new),
        "another version of the file": (changed(of_tomorrow), new),
        "an operator of nobody": (changed(of_nobody), bad),
        "other inputs": (changed(renamed), ("bad_evaluation_set", "artifact")),
    }
    good = MLP.path.read_bytes()
    files = [good, *(data for data, _ in cases.values()), good]
    lab.assignment(
        files, runtime="onnxruntime", evaluation=zoo.evaluation_path().read_bytes(), passes=PASSES
    )
    async with lab.agent():
        first, *troubled, last = await lab.reports(len(files), timeout_s=280)
    assert (first.failure, last.failure) == (None, None)
    found = {name: told(report) for name, report in zip(cases, troubled, strict=True)}
    assert found == {name: code for name, (_, code) in cases.items()}


@pytest.mark.timeout(300)
async def test_samples_that_are_no_numbers_or_none_at_all_are_one_sentence(
    lab: Lab, tmp_path: Path
) -> None:
    held = read_evaluation_set(zoo.evaluation_path().read_bytes())
    assert held.labels is not None
    odd = held.inputs["pixels"].copy()
    odd[3, 0, 1] = np.nan
    sets = []
    for name, pixels in (("odd", odd), ("none", odd[:0])):
        path, count = tmp_path / f"{name}.npz", len(pixels)
        labels, ids = held.labels[:count], held.ids[:count]
        write_evaluation_set(path, EvaluationSet({"pixels": pixels}, labels, ids))
        sets.append(path.read_bytes())
    model = MLP.path.read_bytes()
    jobs = [
        lab.assignment([model], runtime="onnxruntime", evaluation=one, passes=PASSES)
        for one in (*sets, zoo.evaluation_path().read_bytes())
    ]
    async with lab.agent():
        found = {one.job_id: one for one in await lab.reports(3, timeout_s=280)}
    *troubled, good = (found[job.job_id] for job in jobs)
    assert [told(one) for one in troubled] == [("bad_evaluation_set", "artifact")] * 2
    assert good.failure is None


def test_a_free_axis_without_an_example_asks_for_one(tmp_path: Path) -> None:
    path = tmp_path / "free.onnx"

    def free(model: onnx.ModelProto) -> None:
        model.graph.input[0].type.tensor_type.shape.dim[2].dim_param = "rows"

    path.write_bytes(changed(free))
    with pytest.raises(BitgaugeError, match=r"of its input 'pixels' .*: give "):
        made_inputs(inspect_model(path).inputs, {})
