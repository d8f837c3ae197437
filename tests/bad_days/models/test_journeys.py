"""Small models as people bring them, from the file to the published numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx import numpy_helper

from tests.bad_days.models.journey import RECIPES, Traveller

COUNT, FEATURES, CLASSES = 240, 6, 4
STATIC = "int8-static-u8s8-pc"

Weights = dict[str, npt.NDArray[Any]]


def drawn(seed: int, *shape: int) -> Any:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


X = drawn(1, COUNT, FEATURES)
DENSE: Weights = {
    "a": drawn(2, FEATURES, 16),
    "b": drawn(3, 16, CLASSES),
    "c": drawn(4, 16, CLASSES),
}


def parsed(text: str, weights: Weights, opset: int = 17, ir: int = 8) -> onnx.ModelProto:
    """A model of the text form of ONNX, with these initializers."""
    made = onnx.parser.parse_model(f'<ir_version: {ir}, opset_import: ["" : {opset}]> {text}')
    for name, array in weights.items():
        made.graph.initializer.append(numpy_helper.from_array(np.asarray(array), name))
    return made


def answers(model: onnx.ModelProto, inputs: Weights, output: str = "y") -> Any:
    """The classes that it gives itself, one sample at a time."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    count = len(next(iter(inputs.values())))
    rows = ({name: one[at : at + 1] for name, one in inputs.items()} for at in range(count))
    given = [session.run([output], row)[0].reshape(-1) for row in rows]
    return np.stack(given).argmax(axis=1)


HIDDEN_FIRST = """
    g (float[N,6] x) => (float[N,16] hidden, float[N,4] y) {
        h = MatMul(x, a)  hidden = Tanh(h)  y = MatMul(hidden, b)
    }"""


def test_a_hidden_state_in_front_of_the_logits(tmp_path: Path) -> None:
    model = parsed(HIDDEN_FIRST, {one: DENSE[one] for one in "ab"})
    found = Traveller(tmp_path, model, {"x": X}, answers(model, {"x": X})).travel()
    assert found.reasons == {}
    for recipe in RECIPES:
        assert found.judged(recipe) == "y"
        assert found.of(recipe, "accuracy_pct") >= 85  # type: ignore[operator]
        assert isinstance(found.of(recipe, "accuracy_delta_pp"), float)


def test_an_artifact_with_its_outputs_the_other_way_round(tmp_path: Path) -> None:
    text = """
        g (float[N,6] x) => (float[N,4] y, float[N,4] z) {
            h = MatMul(x, a)  r = Relu(h)  y = MatMul(r, b)  z = MatMul(r, c)
        }"""
    model, turned = parsed(text, DENSE), parsed(text, DENSE)
    outputs = list(turned.graph.output)[::-1]
    del turned.graph.output[:]
    turned.graph.output.extend(outputs)
    labels = answers(model, {"x": X})
    found = Traveller(tmp_path, model, {"x": X}, labels, own=turned).travel("int8-dynamic")
    assert found.judged("int8-dynamic") == "y"
    assert found.of("int8-dynamic", "accuracy_delta_pp") == 0.0


def test_classes_on_an_axis_of_a_picture_of_one_pixel(tmp_path: Path) -> None:
    model = parsed(
        """g (float[N,3,6,6] x) => (float[N,4,1,1] y) {
            h = Conv<pads=[1,1,1,1]>(x, k)  r = Relu(h)  s = Conv(r, l)  y = GlobalAveragePool(s)
        }""",
        {"k": drawn(5, 8, 3, 3, 3), "l": drawn(6, 4, 8, 1, 1)},
    )
    x = drawn(7, COUNT, 3, 6, 6)
    found = Traveller(tmp_path, model, {"x": x}, answers(model, {"x": x})).travel(*RECIPES[:3])
    assert found.reasons == {}
    for recipe in RECIPES[:3]:
        assert found.of(recipe, "accuracy_pct") > 85  # type: ignore[operator]


ENCODER = """
    g (int64[N,S] ids, int64[N,S] mask, int64[N,S] types)
        => (float[N,S,8] last_hidden_state, float[N,4] y) {
        e = Gather(table, ids)
        m = Cast<to=1>(mask)  w = Sub(one, m)  p = Mul(w, low)  q = Unsqueeze(p, second)
        k = MatMul(e, wk)  t = Transpose<perm=[0,2,1]>(k)
        s = MatMul(e, t)  b = Add(s, q)  u = Softmax<axis=-1>(b)
        v = MatMul(e, wv)  o = MatMul(u, v)  j = Add(o, e)
        last_hidden_state = LayerNormalization<axis=-1>(j, gain, bias)
        f = Gather<axis=1>(last_hidden_state, first)
        y = MatMul(f, head)
    }"""


@pytest.mark.parametrize("batch", [1, 8])
def test_an_encoder_with_a_mask_and_an_input_that_nothing_reads(batch: int, tmp_path: Path) -> None:
    weights: Weights = {
        "table": drawn(8, 50, 8),
        "one": np.float32(1),
        "low": np.float32(-1e4),
        "second": np.array([1]),
        "wk": drawn(9, 8, 8) / 3,
        "wv": drawn(10, 8, 8) / 3,
        "gain": np.ones(8, np.float32),
        "bias": np.zeros(8, np.float32),
        "first": np.array(0),
        "head": drawn(11, 8, 4),
    }
    random = np.random.default_rng(12)
    mask = (np.arange(7) < random.integers(2, 8, (COUNT, 1))).astype(np.int64)
    ids = random.integers(1, 50, (COUNT, 7)) * mask
    inputs = {"ids": ids, "mask": mask, "types": np.zeros_like(ids)}
    model = parsed(ENCODER, weights)
    found = Traveller(tmp_path, model, inputs, answers(model, inputs), batch).travel()
    assert found.reasons == {}
    for recipe in RECIPES:
        assert found.judged(recipe) == "y"
        assert found.of(recipe, "accuracy_pct") > 60  # type: ignore[operator]
    assert found.of("fp16", "accuracy_delta_pp") == pytest.approx(0, abs=1)


def test_branches_whose_condition_looks_at_the_whole_batch(tmp_path: Path) -> None:
    """Its answers depend on the batch, so the reference is asked in the job's."""
    model = parsed(
        """g (float[N,6] x) => (float[N,4] y) {
            h = MatMul(x, a)  r = Relu(h)  t = ReduceSum<keepdims=0>(x)  on = Greater(t, zero)
            y = If(on) <
                then_branch = one () => (float[N,4] p) { p = MatMul(r, b) },
                else_branch = two () => (float[N,4] q) { q = MatMul(r, c) }
            >
        }""",
        {**DENSE, "zero": np.float32(0)},
    )
    found = Traveller(tmp_path, model, {"x": X}, answers(model, {"x": X})).travel()
    for recipe in ("fp16", "int8-dynamic"):
        assert found.of(recipe, "accuracy_pct") > 85  # type: ignore[operator]
        assert isinstance(found.of(recipe, "accuracy_delta_pp"), float)
    assert found.reasons.keys() <= {STATIC, "int4-wo-b32"}
    if STATIC in found.reasons:
        assert "of Relu is off by" in found.reasons[STATIC]


def baked(batch: int) -> onnx.ModelProto:
    return parsed(
        """g (float[N,2,3] x) => (float[N,4] y) {
            f = Reshape(x, shape)  h = MatMul(f, a)  r = Relu(h)  y = MatMul(r, b)
        }""",
        {**{one: DENSE[one] for one in "ab"}, "shape": np.array([batch, FEATURES])},
    )


@pytest.mark.parametrize("batch", [1, 4])
def test_a_batch_that_only_a_constant_knows(batch: int, tmp_path: Path) -> None:
    x = X.reshape(COUNT, 2, 3)
    labels = answers(baked(1), {"x": x})
    found = Traveller(tmp_path, baked(batch), {"x": x}, labels, batch).travel()
    assert found.reasons == {}
    for recipe in RECIPES:
        assert found.of(recipe, "accuracy_pct") > 75  # type: ignore[operator]


def test_an_old_file_that_lists_its_weights_among_its_inputs(tmp_path: Path) -> None:
    model = parsed(
        "g (float[N,6] x) => (float[N,4] y) { h = MatMul(x, a)  r = Relu(h)  y = MatMul(r, b) }",
        {one: DENSE[one] for one in "ab"},
        opset=9,
        ir=3,
    )
    for name in "ab":
        kind = onnx.TensorProto.FLOAT
        value = onnx.helper.make_tensor_value_info(name, kind, DENSE[name].shape)
        model.graph.input.append(value)
    found = Traveller(tmp_path, model, {"x": X}, answers(model, {"x": X})).travel()
    assert found.order[0] == "initializers were listed as inputs: 2"
    assert found.reasons == {}
    for recipe in RECIPES:
        assert found.of(recipe, "accuracy_pct") > 75  # type: ignore[operator]


def recurrent(*, time_first: bool) -> onnx.ModelProto:
    shape = "T,N,6" if time_first else "N,T,6"
    turned = "Identity(x)" if time_first else "Transpose<perm=[1,0,2]>(x)"
    return parsed(
        f"""g (float[{shape}] x) => (float[N,4] y) {{
            s = {turned}  , last = LSTM<hidden_size=12>(s, w, r)
            e = Squeeze(last, zero)  y = MatMul(e, head)
        }}""",
        {
            "w": drawn(13, 1, 48, 6),
            "r": drawn(14, 1, 48, 12) / 3,
            "zero": np.array([0]),
            "head": drawn(15, 12, 4),
        },
    )


def test_a_recurrent_layer_of_which_the_first_output_is_left_out(tmp_path: Path) -> None:
    x = drawn(16, COUNT, 5, 6)
    model = recurrent(time_first=False)
    found = Traveller(tmp_path, model, {"x": x}, answers(model, {"x": x})).travel(STATIC)
    covered = found.of(STATIC, "int_coverage")
    # 48 products of the head beside those of five steps of the layer, which stay in float.
    assert covered == pytest.approx(48 / (48 + 5 * 48 * (6 + 12)), rel=0.01)
    assert found.of(STATIC, "accuracy_pct") > 75  # type: ignore[operator]


@pytest.mark.parametrize("batch", [1, 5])
def test_time_in_front_of_the_samples(batch: int, tmp_path: Path) -> None:
    model = recurrent(time_first=True)
    labels = np.random.default_rng(3).integers(0, 4, 45)
    traveller = Traveller(tmp_path, model, {"x": drawn(17, 45, 5, 6)}, labels, batch)
    found = traveller.travel("int8-dynamic")
    assert found.of("int8-dynamic", "accuracy_delta_pp") == "sample_axis"


def test_noise_in_the_model_is_its_own(tmp_path: Path) -> None:
    model = parsed(
        """g (float[N,6] x) => (float[N,4] y) {
            h = MatMul(x, a)  n = RandomNormalLike<scale=0.5>(h)  r = Add(h, n)  y = MatMul(r, b)
        }""",
        {one: DENSE[one] for one in "ab"},
    )
    found = Traveller(tmp_path, model, {"x": X}, answers(model, {"x": X})).travel()
    assert found.reasons == {}
    assert {found.of(recipe, "accuracy_delta_pp") for recipe in RECIPES} == {"baseline_noisy"}
