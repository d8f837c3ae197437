"""Graphs and surroundings that a lab meets, through a real agent, its children and ONNX Runtime.

Each ends in a flagged result with a reason, and the other entries of its job survive.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from bitgauge.benchmarks.quality.sets import EvaluationSet, write_evaluation_set
from bitgauge.benchmarks.vocabulary.enums import PassName, RunStatus
from bitgauge.benchmarks.vocabulary.reasons import INSUFFICIENT_SAMPLES, INVALID_DISCARDED
from bitgauge.benchmarks.vocabulary.values.jobs import Overrides, Workload
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue
from onnx import TensorProto, helper, numpy_helper

from tests.labs.agent import PLUGINS, Lab, evaluation_bytes, fake_artifact, open_lab
from tests.labs.values import detail
from tests.processes.agent.test_odd_models import analysed

FEATURES, CLASSES = 7, 3
LITTLE = Overrides(warmup_ms=20, launches=1, budget_ms=150)
SURROUNDINGS = (INSUFFICIENT_SAMPLES, INVALID_DISCARDED)
"""Why so short a launch may have no number on a machine that others use."""


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    async with open_lab(tmp_path, plugins=(PLUGINS,)) as made:
        yield made


def graph(
    *nodes: onnx.NodeProto, classes: int = CLASSES, batch: int | str = "n", quantized: bool = False
) -> bytes:
    """A classifier of `FEATURES` numbers; `nodes` go from its logits `z` to its output `y`."""
    weights = np.random.default_rng(3).normal(0, 1, (FEATURES, CLASSES)).astype(np.float32)
    constants: dict[str, np.ndarray] = {
        "w": weights,
        "nothing": np.zeros((0, CLASSES), np.float32),
        "from": np.array([0], np.int64),
        "to": np.array([0], np.int64),
        "axis": np.array([1], np.int64),
        "scale": np.array(0.05, np.float32),
        "zero": np.array(128, np.uint8),
        "ws": np.array(0.02, np.float32),
        "wq": np.clip(np.rint(weights / 0.02), -64, 63).astype(np.int8),
        "wz": np.array(0, np.int8),
    }
    first = [helper.make_node("MatMul", ["x", "w"], ["z"])]
    last = nodes or (helper.make_node("Identity", ["z"], ["y"]),)
    made = helper.make_graph(
        [*(_quantized() if quantized else first), *last],
        "odd",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, FEATURES])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [batch, classes])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    data: bytes = model.SerializeToString()
    return data


def _quantized() -> list[onnx.NodeProto]:
    """From `x` to `z` in QDQ format."""
    there, back = "QuantizeLinear", "DequantizeLinear"
    return [
        helper.make_node(there, ["x", "scale", "zero"], ["xq"]),
        helper.make_node(back, ["xq", "scale", "zero"], ["xd"]),
        helper.make_node(back, ["wq", "ws", "wz"], ["wd"]),
        helper.make_node("MatMul", ["xd", "wd"], ["f"]),
        helper.make_node(there, ["f", "scale", "zero"], ["fq"]),
        helper.make_node(back, ["fq", "scale", "zero"], ["z"]),
    ]


def _nan(*, quantized: bool) -> bytes:
    """Nothing but NaN in its output."""
    return graph(
        helper.make_node("Sub", ["z", "z"], ["o"]),
        helper.make_node("Div", ["o", "o"], ["y"]),
        quantized=quantized,
    )


GOOD = graph()
NAN, QUANTIZED_NAN = _nan(quantized=False), _nan(quantized=True)
EMPTY = graph(helper.make_node("Slice", ["z", "from", "to", "axis"], ["y"]), classes=0)
HOLLOW = graph(
    helper.make_node("Concat", ["z", "nothing"], ["c"], axis=0),
    helper.make_node("Identity", ["c"], ["y"]),
)


def samples(folder: Path, count: int) -> bytes:
    """An evaluation set whose labels are what `GOOD` answers."""
    rng = np.random.default_rng(4)
    inputs = rng.normal(0, 1, (count, FEATURES)).astype(np.float32)
    weights = np.random.default_rng(3).normal(0, 1, (FEATURES, CLASSES)).astype(np.float32)
    path = folder / "samples.npz"
    labels = np.argmax(inputs @ weights, axis=1)
    write_evaluation_set(
        path, EvaluationSet({"x": inputs}, labels, np.array([str(i) for i in range(count)]))
    )
    return path.read_bytes()


def job_of(lab: Lab, *artifacts: bytes, count: int = 11, **changes: Any) -> Any:
    values: dict[str, Any] = {"overrides": LITTLE, "evaluation": samples(lab.folder, count)}
    return lab.assignment(list(artifacts), runtime="onnxruntime", **(values | changes))


def is_timed(metric: MetricValue) -> bool:
    """Whether there is a number, or none for want of a quiet machine alone."""
    return metric.value is not None or metric.reason in SURROUNDINGS


async def test_nan_and_nothing_in_every_output_are_timed_flagged_and_harm_nobody(lab: Lab) -> None:
    job = job_of(lab, GOOD, NAN, EMPTY, HOLLOW, GOOD)
    async with lab.agent():
        reports = await lab.reports(5, 240)
    _, nan, empty, hollow, good = (analysed(lab, job, report) for report in reports)
    for metrics in (nan, empty, hollow, good):
        assert metrics["peak_run_bytes"].value is not None
        for key in ("latency_p50_ns", "latency_ratio", "throughput_per_s"):
            assert is_timed(metrics[key]), (key, metrics[key].reason)
    assert nan["nonfinite_count"].verdict == "FAIL"
    assert nan["nonfinite_count"].value == 11 * CLASSES
    assert (nan["kl_mean"].value, nan["kl_mean"].reason) == (None, "nonfinite_output")
    assert (nan["accuracy_pct"].value, nan["accuracy_delta_pp"].verdict) == (0.0, "FAIL")
    for key in ("accuracy_pct", "accuracy_delta_pp", "kl_mean", "nonfinite_count"):
        assert (empty[key].value, empty[key].reason) == (None, "empty_output")
    for metrics in (hollow, good):
        assert metrics["accuracy_pct"].value == 100.0
        assert metrics["accuracy_delta_pp"].value == 0.0


@pytest.mark.parametrize("artifact", [NAN, QUANTIZED_NAN], ids=["float", "int8"])
async def test_nan_in_every_output_is_a_reason_in_both_passes_that_look_at_outputs(
    lab: Lab, artifact: bytes
) -> None:
    """Through real children; what was made of the NaN is told, and the next entry is sound."""
    passes = (PassName.QUALITY, PassName.NUMERICS)
    job = job_of(lab, GOOD, artifact, graph(quantized=True), passes=passes)
    async with lab.agent():
        _, report, other = await lab.reports(3, 240)
    metrics = analysed(lab, job, report)
    outer, inner = metrics["nonfinite_count"], metrics["numerics_nonfinite_count"]
    assert (outer.value, outer.verdict, outer.flags) == (33.0, "FAIL", ("nonfinite_output",))
    assert (inner.value, inner.verdict, inner.flags) == (33.0, "FAIL", ("nonfinite",))
    assert (detail(inner)["nan"], detail(inner)["first"]) == ("33", "y")
    assert (metrics["kl_mean"].value, metrics["kl_mean"].reason) == (None, "nonfinite_output")
    assert (metrics["accuracy_pct"].value, metrics["accuracy_delta_pp"].verdict) == (0.0, "FAIL")
    if artifact is QUANTIZED_NAN:
        assert metrics["int_coverage"].value == 1
        assert metrics["kernel_error_pct"].value == 0
        assert metrics["sqnr_db"].value is not None
    else:
        assert metrics["kernel_error_pct"].reason == "no_integer_operators"
    sound = analysed(lab, job, other)
    assert (sound["numerics_nonfinite_count"].verdict, sound["nonfinite_count"].verdict) == (
        "PASS",
        "PASS",
    )
    assert sound["int_coverage"].value == 1


async def test_a_dynamic_axis_an_odd_batch_and_an_odd_number_of_samples(lab: Lab) -> None:
    job = job_of(
        lab, GOOD, graph(batch=3), graph(batch=4), GOOD, count=10, workload=Workload(batch=3)
    )
    async with lab.agent():
        reports = await lab.reports(4, 240)
    other = reports[2]
    assert other.status is RunStatus.UNSUPPORTED
    assert other.failure is not None
    assert "a batch of 4 only" in other.failure.message
    for report in (reports[1], reports[3]):
        metrics = analysed(lab, job, report)
        assert (metrics["accuracy_pct"].value, metrics["accuracy_pct"].n) == (100.0, 10)
        assert is_timed(metrics["latency_ratio"])
    shapes = [
        detail(analysed(lab, job, report)["peak_run_bytes"])["batches"]
        for report in (reports[1], reports[3])
    ]
    assert shapes == ["3", "1 2 3"], "a fixed batch has one shape, a free one ascends"


async def test_one_sample_decides_nothing_and_breaks_nothing(lab: Lab) -> None:
    job = job_of(lab, GOOD, GOOD, count=1, passes=(PassName.QUALITY, PassName.PAIR))
    async with lab.agent():
        _, report = await lab.reports(2, 120)
    metrics = analysed(lab, job, report)
    delta = metrics["accuracy_delta_pp"]
    assert (delta.value, delta.verdict, delta.n) == (0.0, "UNDECIDED", 1)
    assert int(detail(delta)["samples_needed"]) > 100
    assert metrics["accuracy_pct"].low is not None
    assert metrics["accuracy_pct"].low < 30
    assert is_timed(metrics["latency_ratio"])


async def test_a_call_longer_than_its_budget_ends_within_its_bounds_and_says_why(lab: Lab) -> None:
    quick = fake_artifact(latency_ns=200_000)
    job = lab.assignment(
        [quick, fake_artifact(latency_ns=1_200_000_000), quick],
        runtime="odd",
        evaluation=evaluation_bytes(lab.folder, 2),
        overrides=Overrides(launches=1, budget_ms=1000),
        passes=(PassName.QUALITY, PassName.ABSOLUTE, PassName.MEMORY, PassName.PAIR),
    )
    async with lab.agent():
        _, slow, other = await lab.reports(3, 280)
    metrics = analysed(lab, job, slow)
    for key in ("latency_p50_ns", "latency_ratio"):
        assert (metrics[key].value, metrics[key].reason) == (None, "iteration_over_budget")
    assert metrics["first_inference_ns"].value is not None
    assert metrics["first_inference_ns"].value >= 1.2e9
    assert metrics["peak_run_bytes"].value is not None
    assert metrics["accuracy_pct"].value is not None
    assert is_timed(analysed(lab, job, other)["latency_ratio"])


@pytest.fixture
def neighbours() -> Iterator[None]:
    """Somebody else's processes keep every processor busy."""
    busy = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"])
        for _ in range(os.cpu_count() or 1)
    ]
    yield
    for process in busy:
        process.kill()
        process.wait()


@pytest.mark.usefixtures("neighbours")
async def test_foreign_load_is_survived_and_flagged(lab: Lab) -> None:
    more = Overrides(warmup_ms=50, launches=1, budget_ms=1000)
    passes = (PassName.ABSOLUTE, PassName.PAIR)
    job = job_of(lab, GOOD, GOOD, overrides=more, passes=passes)
    async with lab.agent():
        _, report = await lab.reports(2, 240)
    metrics = analysed(lab, job, report)
    for key in ("latency_p50_ns", "latency_ratio"):
        metric = metrics[key]
        if metric.reason == "insufficient_samples":
            continue  # nothing is said, which is right, too
        flagged = "foreign_load" in metric.flags or metric.reason == "invalid_discarded"
        assert flagged, (key, metric)
        assert float(detail(metric)["foreign_cpu_pct"]) > 10
