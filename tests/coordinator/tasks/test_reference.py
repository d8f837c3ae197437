"""The reference: predictions of the baseline here, and what a device that differs looks like."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from bitgauge.benchmarks import zoo
from bitgauge.benchmarks.common.npz import read_npz
from bitgauge.benchmarks.quality.sets import (
    EvaluationSet,
    read_evaluation_set,
    write_evaluation_set,
)
from bitgauge.benchmarks.raw.container import RawFile
from bitgauge.benchmarks.raw.quality import quality_raw
from bitgauge.benchmarks.samples import Ints, QualitySamples
from bitgauge.benchmarks.vocabulary import shown
from bitgauge.benchmarks.vocabulary.enums import PassName, RawRole
from bitgauge.benchmarks.vocabulary.errors import Code
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue
from bitgauge.coordinator.builders.base import BuildLog, Unsupported
from bitgauge.coordinator.tasks import reference

from tests.labs.values import origin

METRICS = (
    MetricValue("latency_ratio", 1.0),
    MetricValue("accuracy_pct", 96.0, flags=("shared",)),
    MetricValue("accuracy_delta_pp", -0.4, verdict="PASS"),
)


@pytest.fixture(scope="module")
def predictions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("reference") / "reference.npz"
    reference.evaluate(zoo.models()[0].path, zoo.evaluation_path(), path, 1, BuildLog())
    return path


def run_with(top1: Ints, ids: np.ndarray[tuple[int], np.dtype[np.str_]]) -> list[RawFile]:
    place = origin(PassName.QUALITY, RawRole.BOTH, artifacts=("a" * 64,), recipe="fp32")
    samples = QualitySamples(
        ids=ids,
        labels=None,
        ref_top1=top1,
        cand_top1=None,
        ref_loss=None,
        cand_loss=None,
        kl=None,
        max_abs_diff=None,
        ref_nonfinite=np.zeros_like(top1),
        cand_nonfinite=None,
        classes=10,
    )
    return [quality_raw(place, samples)]


def test_the_reference_knows_most_digits(predictions: Path) -> None:
    arrays = read_npz(predictions, Code.BAD_RAW, what="it")
    evaluation = read_evaluation_set(zoo.evaluation_path())
    assert arrays["ids"].tolist() == evaluation.ids.tolist()
    assert np.mean(arrays["top1"][0] == evaluation.labels) > 0.94


def test_it_is_the_same_each_time(predictions: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.npz"
    reference.evaluate(zoo.models()[0].path, zoo.evaluation_path(), again, 1, BuildLog())
    assert again.read_bytes() == predictions.read_bytes()


def test_a_device_that_agrees_is_not_flagged(predictions: Path) -> None:
    arrays = read_npz(predictions, Code.BAD_RAW, what="it")
    near_ties = arrays["top1"][0].copy()
    near_ties[:5] = (near_ties[:5] + 1) % 10
    assert reference.flagged(METRICS, run_with(near_ties, arrays["ids"]), predictions) == METRICS


def test_a_device_whose_baseline_is_wrong_is_flagged(predictions: Path) -> None:
    arrays = read_npz(predictions, Code.BAD_RAW, what="it")
    wrong = (arrays["top1"][0] + 1) % 10
    found = reference.flagged(METRICS, run_with(wrong, arrays["ids"]), predictions)
    latency, accuracy, delta = found
    assert latency.flags == ()
    assert (accuracy.value, accuracy.flags) == (96.0, ("shared", "reference_mismatch"))
    assert (delta.value, delta.verdict, delta.reason) == (None, None, "baseline_differs")
    n = wrong.size
    assert shown.reason(delta).endswith(f"than in the reference: {n} of {n} samples")


def test_of_a_few_samples_one_near_tie_is_flagged_and_blocks_nothing(predictions: Path) -> None:
    arrays = read_npz(predictions, Code.BAD_RAW, what="it")
    few, ids = arrays["top1"][0][:11].copy(), arrays["ids"][:11]
    few[0] = (few[0] + 1) % 10
    _, accuracy, delta = reference.flagged(METRICS, run_with(few, ids), predictions)
    assert "reference_mismatch" in accuracy.flags
    assert (delta.value, delta.verdict) == (-0.4, "PASS")


def test_without_predictions_nothing_is_said(predictions: Path) -> None:
    assert reference.flagged(METRICS, [], predictions) == METRICS
    other = run_with(np.zeros(3, np.int64), np.array(["x", "y", "z"]))
    assert reference.agreement_of(other, predictions) is None


def test_every_output_that_may_be_judged_has_predictions(tmp_path: Path) -> None:
    made = onnx.parser.parse_model("""
        <ir_version: 8, opset_import: ["" : 17]>
        g (float[N,4] x) => (float[N,4,3] hidden, float[N,4] first, int64[N] second) {
            a = Constant<value_ints=[2]>()  e = Unsqueeze(x, a)
            s = Constant<value_ints=[1,1,3]>()  hidden = Expand(e, s)
            first = Identity(x)  second = ArgMax<axis=1, keepdims=0>(first)
        }
    """)
    onnx.save(made, tmp_path / "model.onnx")
    inputs = np.random.default_rng(1).normal(0, 1, (70, 4)).astype(np.float32)
    ids = np.arange(70).astype(str)
    write_evaluation_set(tmp_path / "set.npz", EvaluationSet({"x": inputs}, None, ids))
    path = tmp_path / "reference.npz"
    reference.evaluate(tmp_path / "model.onnx", tmp_path / "set.npz", path, 1, BuildLog())
    arrays = read_npz(path, Code.BAD_RAW, what="it")
    assert arrays["outputs"].tolist() == ["first", "second"]
    assert (arrays["top1"] == inputs.argmax(axis=1)).all()
    (raw,) = run_with(inputs.argmax(axis=1), ids)
    judged = {"output": "second", "head": "class_numbers", "others": []}
    for output, agrees in (("second", True), ("hidden", False)):
        told = RawFile({**raw.meta, "judged": judged | {"output": output}}, raw.arrays)
        found = reference.agreement_of([told], path)
        assert (found is not None) == agrees
        assert found is None or found.share == 1.0


def test_a_model_that_cannot_be_run_here_has_no_reference(tmp_path: Path) -> None:
    path = tmp_path / "noise.onnx"
    path.write_bytes(b"noise")
    with pytest.raises(Unsupported):
        reference.evaluate(path, zoo.evaluation_path(), tmp_path / "out.npz", 1, BuildLog())
