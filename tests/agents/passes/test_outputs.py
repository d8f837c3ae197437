"""The quality pass on models of several outputs and odd heads, from ONNX Runtime to numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from bitgauge.agents.passes import quality
from bitgauge.agents.runtimes import ort
from bitgauge.agents.runtimes.base import SessionOptions
from bitgauge.benchmarks.analysis.analyse import analyse
from bitgauge.benchmarks.quality.outputs import Judged
from bitgauge.benchmarks.quality.sets import EvaluationSet, write_evaluation_set
from bitgauge.benchmarks.raw.quality import judged_of
from bitgauge.benchmarks.vocabulary.values.jobs import Workload
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue
from onnx import numpy_helper

from tests.labs import values
from tests.labs.rooms.passes import measured

RNG = np.random.default_rng(11)
X = RNG.normal(0, 1, (160, 6)).astype(np.float32)
W = RNG.normal(0, 1, (6, 4)).astype(np.float32)
V = RNG.normal(0, 1, (6, 4)).astype(np.float32)
H = RNG.normal(0, 1, (6, 9)).astype(np.float32)
LABELS = (X @ W).argmax(axis=1)
BODY = "logits = MatMul(x, w)  other = MatMul(x, v)  hidden = MatMul(x, h)"


def model(path: Path, outputs: str, body: str = BODY, x: str = "float[N,6] x") -> Path:
    made = onnx.parser.parse_model(
        f'<ir_version: 8, opset_import: ["" : 17, "ai.onnx.ml" : 3]>'
        f"g ({x}) => ({outputs}) {{ {body} }}"
    )
    for name, array in (("w", W), ("v", V), ("h", H)):
        made.graph.initializer.append(numpy_helper.from_array(array, name))
    onnx.save(made, path)
    return path


@dataclass(frozen=True, slots=True)
class Found:
    judged: Judged
    metrics: dict[str, MetricValue]

    def of(self, key: str) -> float | str | None:
        """The value, or the reason why there is none."""
        metric = self.metrics[key]
        return metric.reason if metric.value is None else metric.value


Measure = Callable[..., Found]


@pytest.fixture
def measure(tmp_path: Path) -> Measure:
    """Runs the pass on outputs of a model and of an artifact, then the analysis on its raw file."""

    def run(
        outputs: str,
        artifact: str = "",
        *,
        labels: npt.NDArray[np.int64] | None = LABELS,
        inputs: npt.NDArray[np.float32] = X,
        batch: int = 1,
        wish: str = "",
        **graph: str,
    ) -> Found:
        baseline = model(tmp_path / "baseline.onnx", outputs, **graph)
        candidate = model(tmp_path / "candidate.onnx", artifact or outputs, **graph)
        ids = np.arange(len(inputs)).astype(str)
        write_evaluation_set(tmp_path / "eval.npz", EvaluationSet({"x": inputs}, labels, ids))
        raw = measured(
            quality,
            tmp_path / "raw.npz",
            baseline,
            candidate,
            evaluation=tmp_path / "eval.npz",
            workload=Workload(batch=batch),
            output=wish,
        )
        facts = values.facts(workload=Workload(batch=batch), output=wish)
        judged = judged_of(raw)
        assert judged is not None
        return Found(judged, {metric.key: metric for metric in analyse([raw], facts)})

    return run


def detail(metric: MetricValue) -> dict[str, str]:
    return {item.name: item.value for item in metric.detail}


BOTH = "float[N,9] hidden, float[N,4] logits"


def test_a_hidden_state_in_front_is_not_judged(measure: Measure) -> None:
    found = measure(BOTH)
    assert (found.judged.output, found.judged.others) == ("logits", ("hidden float32 (N, 9)",))
    assert found.of("accuracy_pct") == 100.0
    assert (found.of("accuracy_delta_pp"), found.metrics["accuracy_delta_pp"].verdict) == (
        *(0.0, "UNDECIDED"),
    )
    said = detail(found.metrics["accuracy_pct"])
    assert (said["output"], said["head"]) == ("logits", "logits")
    assert "hidden in" in said["output_why"]
    assert said["other_outputs"] == "hidden float32 (N, 9)"
    assert detail(found.metrics["kl_mean"])["output"] == "logits"


def test_outputs_in_another_order_are_the_same_outputs(measure: Measure) -> None:
    heads = ("float[N,4] logits", "float[N,4] other")
    found = measure(", ".join(heads), ", ".join(heads[::-1]))
    assert found.judged.output == "logits"
    assert (found.of("accuracy_delta_pp"), found.of("flips_pct")) == (0.0, 0.0)


def test_a_wish_is_judged_and_nothing_else(measure: Measure) -> None:
    found = measure("float[N,4] logits, float[N,4] other", wish="other")
    assert (found.judged.output, found.judged.why) == ("other", "it was asked for with --output")
    assert cast(float, found.of("accuracy_pct")) < 60


def test_an_artifact_without_the_judged_output_says_so(measure: Measure) -> None:
    found = measure(BOTH, "float[N,9] hidden, float[N,4] other")
    assert found.of("accuracy_delta_pp") == found.of("kl_mean") == "output_missing"
    said = detail(found.metrics["accuracy_delta_pp"])
    assert said["which"] == "it has hidden, other, and no output logits"


def test_an_output_of_another_shape_is_not_compared(measure: Measure) -> None:
    found = measure("float[N,4] logits", "float[N,9] hidden")
    assert found.of("accuracy_delta_pp") == "output_differs"


@pytest.mark.parametrize(
    ("head", "body"),
    [
        ("float[N,4,1,1] y", "z = MatMul(x, w)  y = Unsqueeze<axes=[2,3]>(z)"),
        ("float[N,1,1,4] y", "z = MatMul(x, w)  y = Unsqueeze<axes=[1,2]>(z)"),
        ("float[N,4] y", "z = MatMul(x, w)  y = Softmax<axis=-1>(z)"),
        ("int64[N] y", "z = MatMul(x, w)  y = ArgMax<axis=1, keepdims=0>(z)"),
        ("int64[N,1] y", "z = MatMul(x, w)  y = ArgMax<axis=1, keepdims=1>(z)"),
    ],
    ids=["nchw", "nhwc", "probabilities", "numbers", "column of numbers"],
)
def test_usual_heads_have_an_accuracy(measure: Measure, head: str, body: str) -> None:
    body = body.replace("Unsqueeze<axes=[2,3]>(z)", "Unsqueeze(z, a)").replace(
        "Unsqueeze<axes=[1,2]>(z)", "Unsqueeze(z, b)"
    )
    constants = "a = Constant<value_ints=[2,3]>()  b = Constant<value_ints=[1,2]>()  "
    found = measure(head, body=constants + body, batch=7)
    assert (found.judged.output, found.judged.why) == ("y", "it is the only output")
    assert (found.of("accuracy_pct"), found.of("flips_pct")) == (100.0, 0.0)
    told = "no_distribution" if "int64" in head else 0.0
    assert found.of("kl_mean") == told


@pytest.mark.parametrize("head", ["column", "sigmoid"])
def test_one_column_tells_two_classes(measure: Measure, head: str) -> None:
    labels = (X @ H)[:, 0] > 0
    body = "z = MatMul(x, h)  c = Constant<value_ints=[0]>()  k = Gather<axis=1>(z, c)  "
    body += "y = Sigmoid(k)" if head == "sigmoid" else "y = Identity(k)"
    found = measure("float[N,1] y", body=body, labels=labels.astype(np.int64), batch=3)
    assert found.judged.head == ("binary_probability" if head == "sigmoid" else "binary_logit")
    assert (found.of("accuracy_pct"), found.of("kl_mean")) == (100.0, 0.0)


def test_of_several_labels_all_have_to_be_right(measure: Measure) -> None:
    labels = (X @ W > 0).astype(np.int64)
    labels[:16] = 1 - labels[:16]
    found = measure("float[N,4] y", body="z = MatMul(x, w)  y = Sigmoid(z)", labels=labels)
    assert found.judged.head == "multi_label_probabilities"
    assert (found.of("accuracy_pct"), found.of("flips_pct")) == (90.0, 0.0)


@pytest.mark.parametrize("batch", [1, 5, 9])
@pytest.mark.parametrize("fixed", [False, True])
def test_a_time_axis_in_front_is_not_the_samples(
    measure: Measure, batch: int, *, fixed: bool
) -> None:
    """At batch 9 the output has as many rows as samples: those of the other axis."""
    inputs = RNG.normal(0, 1, (45, 9, 6)).astype(np.float32)
    axis = str(batch) if fixed else "T"
    # A running sum over the first axis, of which the last step counts.
    body = (
        "t = Constant<value_int=0>()  s = CumSum(x, t)  r = Relu(s)"
        "  l = Constant<value_int=-1>()  e = Gather<axis=0>(r, l)  logits = MatMul(e, w)"
    )
    found = measure(
        "float[M,4] logits",
        body=body,
        x=f"float[{axis},9,6] x",
        inputs=inputs,
        labels=RNG.integers(0, 4, 45),
        batch=batch,
    )
    assert found.of("accuracy_pct") == found.of("accuracy_delta_pp") == "sample_axis"
    assert found.of("nonfinite_count") == 0.0


@pytest.mark.parametrize("batch", [1, 160])
def test_rows_that_depend_on_data_have_one_reason(measure: Measure, batch: int) -> None:
    body = (
        "y = MatMul(x, w)  t = Constant<value_float=1.2>()  g = Greater(y, t)  n = NonZero(g)"
        "  i = Transpose<perm=[1,0]>(n)  hits = GatherND(y, i)"
    )
    found = measure("float[M] hits", body=body, labels=None, batch=batch)
    keys = ("accuracy_pct", "accuracy_delta_pp", "flips_pct", "kl_mean")
    assert {found.of(key) for key in keys} == {"rows_depend_on_data"}


def test_a_mask_a_sequence_and_the_hidden_states_are_left_alone(measure: Measure) -> None:
    inputs = RNG.normal(0, 1, (40, 5, 6)).astype(np.float32)
    labels = (inputs[:, 0] @ W).argmax(axis=1)
    body = (
        "last_hidden_state = Tanh(x)  c = Constant<value_int=0>()  f = Gather<axis=1>(x, c)"
        "  logits = MatMul(f, w)"
    )
    found = measure(
        "float[N,S,6] last_hidden_state, float[N,4] logits",
        body=body,
        x="float[N,S,6] x",
        inputs=inputs,
        labels=labels,
        batch=8,
    )
    assert (found.judged.output, found.of("accuracy_pct")) == ("logits", 100.0)
    assert found.judged.why == "it is the only one that tells classes"


MAPS = (
    "label, scores = ai.onnx.ml.LinearClassifier<coefficients={}, intercepts=[0.0,0.0,0.0],"
    ' classlabels_ints=[0,1,2], post_transform="SOFTMAX">(x)'
    "  maps = ai.onnx.ml.ZipMap<classlabels_int64s=[0,1,2]>(scores)"
)


def classifier(outputs: str) -> dict[str, Any]:
    coefficients = ",".join(f"{value:.4f}" for value in W[:, :3].T.reshape(-1))
    labels = (X @ W[:, :3]).argmax(axis=1)
    return {"outputs": outputs, "body": MAPS.format(f"[{coefficients}]"), "labels": labels}


def test_of_a_label_first_export_the_label_is_judged_and_maps_are_left(measure: Measure) -> None:
    found = measure(**classifier("int64[N] label, seq(map(int64,float[N])) maps"))
    assert (found.judged.output, found.judged.head) == ("label", "class_numbers")
    assert found.of("accuracy_pct") == pytest.approx(100, abs=1)
    assert found.judged.others == ("maps sequence",)
    both = measure(**classifier("int64[N] label, float[N,3] scores"))
    assert (both.judged.output, both.of("kl_mean")) == ("scores", 0.0)
    assert both.judged.why == "label and scores predict the same"


def test_a_sequence_of_maps_alone_is_refused_with_the_way_out(measure: Measure) -> None:
    found = measure(**classifier("seq(map(int64,float[N])) maps"))
    assert found.of("accuracy_pct") == "sequence_output"


def test_a_session_names_its_outputs_in_their_order(tmp_path: Path) -> None:
    path = model(tmp_path / "model.onnx", BOTH)
    session = ort.load(path, SessionOptions())
    hidden, logits = session.run({"x": X[:2]})
    assert session.output_names == ("hidden", "logits")
    assert (hidden.shape, logits.shape) == ((2, 9), (2, 4))
