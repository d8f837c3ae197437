"""The quality pass on models that mean nothing: from calls of ONNX Runtime to null verdicts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from bitgauge.agents.passes import quality
from bitgauge.benchmarks.analysis.analyse import analyse
from bitgauge.benchmarks.quality.sets import EvaluationSet, write_evaluation_set
from bitgauge.benchmarks.raw.quality import baseline_samples
from bitgauge.benchmarks.vocabulary.values.jobs import Workload
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue
from onnx import numpy_helper

from tests.labs import values
from tests.labs.rooms import passes

N, FEATURES, CLASSES = 70, 6, 4
RNG = np.random.default_rng(5)
WEIGHTS = RNG.normal(0, 1, (FEATURES, CLASSES)).astype(np.float32)
INPUTS = RNG.normal(0, 1, (N, FEATURES)).astype(np.float32)
LABELS = (INPUTS @ WEIGHTS).argmax(axis=1).astype(np.int64)
PLAIN = "out = Identity(y)"


def model(
    path: Path,
    tail: str = PLAIN,
    weights: npt.NDArray[np.float32] = WEIGHTS,
    out: str = f"float[N,{CLASSES}]",
) -> Path:
    """`y = x w`, and what `tail` makes of `y`."""
    made = onnx.parser.parse_model(f"""
        <ir_version: 8, opset_import: ["" : 17]>
        g (float[N,{FEATURES}] x) => ({out} out) {{ y = MatMul(x, w) {tail} }}
    """)
    made.graph.initializer.append(numpy_helper.from_array(weights, "w"))
    onnx.save(made, path)
    return path


def measured(
    folder: Path,
    tail: str,
    labels: npt.NDArray[np.int64] | None = LABELS,
    *,
    batch: int = 1,
    weights: npt.NDArray[np.float32] = WEIGHTS,
    out: str = f"float[N,{CLASSES}]",
) -> dict[str, MetricValue]:
    """What the analysis says of an artifact that is its baseline once more."""
    baseline = model(folder / "baseline.onnx", tail, weights, out)
    ids = np.array([str(at) for at in range(N)])
    write_evaluation_set(folder / "eval.npz", EvaluationSet({"x": INPUTS}, labels, ids))
    workload = Workload(batch=batch)
    raw = passes.measured(
        quality,
        folder / "raw.npz",
        baseline,
        baseline,
        evaluation=folder / "eval.npz",
        workload=workload,
    )
    observed = baseline_samples(raw)
    assert observed is not None
    assert observed.ref_again.size == max(32, batch)
    return {one.key: one for one in analyse([raw], values.facts(workload=workload))}


def reason(found: dict[str, MetricValue]) -> str | None:
    (why,) = {found[key].reason for key in ("accuracy_delta_pp", "flips_pct", "kl_mean")}
    return why


@pytest.mark.parametrize("batch", [1, 64])
def test_a_sound_one_has_verdicts(tmp_path: Path, batch: int) -> None:
    found = measured(tmp_path, PLAIN, batch=batch)
    assert (found["accuracy_delta_pp"].value, found["accuracy_pct"].value) == (0, 100)
    assert found["flips_pct"].value == 0
    assert found["accuracy_pct"].flags == ()


@pytest.mark.parametrize(
    "tail",
    [
        "noise = RandomNormalLike <scale = 0.1> (y) out = Add(y, noise)",
        "noise = RandomNormalLike <scale = 0.1, seed = 3.0> (y) out = Add(y, noise)",
        "ratio = Constant <value = float {0.3}> () on = Constant <value = bool {1}> ()"
        " out = Dropout(y, ratio, on)",
    ],
)
def test_noise_inside_the_model_is_seen(tmp_path: Path, tail: str) -> None:
    assert reason(measured(tmp_path, tail)) == "baseline_noisy"
    assert reason(measured(tmp_path, tail, None)) == "baseline_noisy"


def test_noise_of_a_head_that_gives_class_numbers_is_seen(tmp_path: Path) -> None:
    tail = (
        "noise = RandomNormalLike <scale = 0.5> (y) z = Add(y, noise)"
        " out = ArgMax <axis = 1, keepdims = 0> (z)"
    )
    assert reason(measured(tmp_path, tail, out="int64[N]")) == "baseline_noisy"


def test_constant_weights_tie_and_say_nothing(tmp_path: Path) -> None:
    alike = np.full_like(WEIGHTS, 0.01)
    assert reason(measured(tmp_path, PLAIN, None, weights=alike)) == "baseline_tied"
    shares = "out = Softmax <axis = 1> (y)"
    assert reason(measured(tmp_path, shares, None, weights=alike)) == "baseline_constant"
    assert reason(measured(tmp_path, shares, weights=alike)) == "baseline_constant"


def test_a_baseline_of_no_numbers_compares_with_nothing(tmp_path: Path) -> None:
    found = measured(tmp_path, "out = Sqrt(y)")
    assert reason(found) == "baseline_nonfinite"
    assert found["nonfinite_count"].verdict == "FAIL"


def test_labels_that_count_from_one(tmp_path: Path) -> None:
    found = measured(tmp_path, PLAIN, (LABELS + 1) % CLASSES)
    assert (reason(found), found["accuracy_pct"].value) == ("baseline_at_chance", 0)
