"""Model inspection: facts of a sound file, one sentence for every other, whatever its bytes."""

from __future__ import annotations

import io
import pickle
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from bitgauge.benchmarks import zoo
from bitgauge.benchmarks.quality.sets import InputSpec
from bitgauge.benchmarks.vocabulary.enums import FormatFamily, ModelClass
from bitgauge.benchmarks.vocabulary.errors import BadInput, BitgaugeError, Code
from bitgauge.coordinator.models.base import OutputSpec
from bitgauge.coordinator.models.formats.onnx import facts_of as look
from bitgauge.coordinator.models.formats.onnx.family import family_of
from bitgauge.coordinator.models.formats.onnx.graph import Graph
from bitgauge.coordinator.models.recognise import inspect_model
from hypothesis import example, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from tests.labs.rooms.onnx_models import FLOAT, MLP, TRANSFORMER, facts_of, model_of, refusal


def dense(weight_type: Any = np.float32) -> Any:
    weight = np.arange(16).reshape(4, 4).astype(weight_type)
    return model_of([helper.make_node("MatMul", ["x", "w"], ["y"], name="dense")], {"w": weight})


# -- facts ------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", zoo.models(), ids=lambda model: model.name)
def test_facts_of_the_zoo(model: zoo.ZooModel) -> None:
    facts = inspect_model(model.path, model.name)
    assert facts.inputs == (InputSpec("pixels", "float32", (None, 1, 8, 8)),)
    assert facts.outputs == (OutputSpec("logits", "float32", (None, 10)),)
    assert facts.model_class is model.model_class
    assert str(facts.recipe) == "fp32"
    assert 200_000 < facts.parameter_count < 310_000
    assert facts.size_bytes == model.path.stat().st_size


def test_operators_of_inner_graphs_count() -> None:
    inner = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["z"], name="inner")],
        "branch",
        [],
        [helper.make_tensor_value_info("z", FLOAT, ["batch", 4])],
    )
    choose = helper.make_node(
        "If", ["flag"], ["y"], name="if", then_branch=inner, else_branch=inner
    )
    weights = {"flag": np.array(True), "w": np.eye(4, dtype=np.float32)}
    facts = facts_of(model_of([choose], weights))
    assert facts.operator_counts == {"If": 1, "MatMul": 2}
    assert facts.model_class is ModelClass.MLP


def test_nodes_in_another_order_are_taken_as_onnxruntime_does() -> None:
    nodes = [
        helper.make_node("Relu", ["h"], ["y"], name="second"),
        helper.make_node("Relu", ["x"], ["h"], name="first"),
    ]
    assert facts_of(model_of(nodes)).operator_counts == {"Relu": 2}


# -- recognition ------------------------------------------------------------------------------


def quantized(activation: Any, weight: Any, scale: Any, *, output_dtype: int | None = None) -> Any:
    """x through Q and DQ, times a weight through DQ."""
    scales = {"s": np.float32(0.1), "ws": np.asarray(scale, np.float32), "w": weight}
    options: dict[str, Any] = {"output_dtype": output_dtype} if output_dtype else {}
    points = {} if activation is None else {"zp": activation}
    wanted = ["x", "s", *points]
    nodes = [
        helper.make_node("QuantizeLinear", wanted, ["q"], name="q", **options),
        helper.make_node("DequantizeLinear", ["q", "s", *points], ["f"], name="dq"),
        helper.make_node("DequantizeLinear", ["w", "ws"], ["wf"], name="wdq", axis=1),
        helper.make_node("MatMul", ["f", "wf"], ["y"], name="dense"),
    ]
    return model_of(nodes, {**scales, **points})


WIDE_S8 = np.array([[-127, 127, 3, 4]] * 4, np.int8)
NARROW_S8 = np.array([[-64, 64, 3, 4]] * 4, np.int8)
WIDE_U8 = np.array([[0, 255, 3, 4]] * 4, np.uint8)


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (quantized(np.uint8(0), WIDE_S8, [0.1] * 4), "int8-static-u8s8-pc"),
        (quantized(np.uint8(0), WIDE_S8, 0.1), "int8-static-u8s8-pt"),
        (quantized(np.int8(0), WIDE_S8, [0.1] * 4), "int8-static-s8s8-pc"),
        (quantized(np.uint8(0), WIDE_U8, 0.1), "int8-static-u8u8-pt"),
        (quantized(np.uint8(0), NARROW_S8, [0.1] * 4), "int8-static-u8s8-pc-rr"),
        (quantized(np.uint16(0), WIDE_S8, [0.1] * 4), "int8-static-u16s8-pc"),
        (quantized(None, WIDE_S8, 0.1), "int8-static-u8s8-pt"),
        (quantized(None, WIDE_S8, 0.1, output_dtype=TensorProto.INT8), "int8-static-s8s8-pt"),
        (dense(), "fp32"),
        (dense(np.float16), "fp16"),
    ],
)
def test_recipes_are_recognised(model: Any, expected: str) -> None:
    assert str(facts_of(model).recipe) == expected


def test_weights_in_blocks_are_recognised() -> None:
    weight = np.zeros((32, 4), np.float32)
    narrow = helper.make_tensor("w", TensorProto.INT4, [32, 4], bytes(64), raw=True)
    nodes = [
        helper.make_node("DequantizeLinear", ["w", "ws"], ["wf"], axis=0, block_size=16, name="d"),
        helper.make_node("MatMul", ["wide", "wf"], ["y"], name="dense"),
        helper.make_node("MatMul", ["x", "widen"], ["wide"], name="widen"),
    ]
    model = model_of(nodes, {"ws": weight[:2] + 1, "widen": np.zeros((4, 32), np.float32)})
    model.graph.initializer.append(narrow)
    assert str(facts_of(model).recipe) == "int4-wo-b16"


def test_a_mixture_has_no_recipe() -> None:
    model = quantized(np.uint8(0), WIDE_S8, 0.1)
    model.graph.initializer.append(numpy_helper.from_array(np.uint16(0), "other"))
    model.graph.node.append(helper.make_node("QuantizeLinear", ["y", "s", "other"], ["u"]))
    facts = facts_of(model)
    assert facts.recipe is None
    assert facts.format_family is FormatFamily.INT8


WIDTHS: dict[int, int] = {
    TensorProto.FLOAT: 32,
    TensorProto.FLOAT16: 16,
    TensorProto.INT16: 16,
    TensorProto.INT4: 4,
}


def products(*weights: tuple[int, int]) -> Any:
    """One product for each weight, of (type, elements); what is no float is brought back to one."""
    model = model_of([], {"ws": np.float32(0.1), "zero": np.float32(0)})
    for place, (kind, size) in enumerate(weights):
        width = WIDTHS.get(kind, 8)
        raw = bytes(size * width // 8)
        model.graph.initializer.append(
            helper.make_tensor(f"w{place}", kind, [4, size // 4], raw, raw=True)
        )
        back = "Cast" if kind == TensorProto.FLOAT16 else "DequantizeLinear"
        inputs = [f"w{place}", "ws"] if back == "DequantizeLinear" else [f"w{place}"]
        options: dict[str, Any] = {"to": TensorProto.FLOAT} if back == "Cast" else {}
        if kind == TensorProto.FLOAT:
            back, inputs = "Identity", inputs[:1]
        model.graph.node.append(helper.make_node(back, inputs, [f"f{place}"], **options))
        model.graph.node.append(helper.make_node("MatMul", ["x", f"f{place}"], [f"y{place}"]))
    return model


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ([(TensorProto.INT8, 64), (TensorProto.INT4, 32)], FormatFamily.INT8),
        ([(TensorProto.INT8, 32), (TensorProto.INT4, 64)], FormatFamily.INT4),
        ([(TensorProto.UINT8, 32), (TensorProto.INT8, 32), (TensorProto.INT4, 48)], "int8"),
        ([(TensorProto.INT8, 32), (TensorProto.INT4, 32)], FormatFamily.MIXED),
        ([(TensorProto.INT16, 64), (TensorProto.INT8, 32)], FormatFamily.MIXED),
        ([(TensorProto.FLOAT16, 64), (TensorProto.INT8, 32)], FormatFamily.FP16),
        ([(TensorProto.FLOAT, 64), (TensorProto.INT8, 32), (TensorProto.INT4, 8)], "fp32"),
        ([(TensorProto.FLOAT8E4M3FN, 64), (TensorProto.INT8, 32)], FormatFamily.FP8),
    ],
)
def test_the_family_of_most_multiplied_weights(
    weights: list[tuple[int, int]], expected: FormatFamily | str
) -> None:
    found = family_of(Graph(products(*weights)))
    assert (found or FormatFamily.MIXED) is FormatFamily(expected)


def test_weights_that_are_packed_count_by_what_they_hold() -> None:
    model = products((TensorProto.INT8, 64))
    packed = helper.make_node(
        "MatMulNBits", ["x", "b", "s"], ["z"], domain="com.microsoft", K=32, N=8, bits=2
    )
    model.graph.node.append(packed)
    assert family_of(Graph(model)) is FormatFamily.INT2


# -- refusals ---------------------------------------------------------------------------------


def zip_bytes() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({"weight": 1}))
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "label", "what"),
    [
        (zip_bytes(), "model.pt", "a zip archive"),
        *((pickle.dumps({"w": 1}, protocol), "m", "a pickle") for protocol in (2, 3, 4, 5)),
        (b"ftrt" + bytes(40), "m", "a TensorRT engine"),
        (b"ptrt" + bytes(40), "m", "a TensorRT engine"),
        (b'\x08\0\0\0{"v":1 }ftrt' + bytes(40), "m", "a TensorRT engine"),
        (b"\0\0\0\2\0\0\0\3" + bytes(40), "net.serialized.bin", "a QNN context binary"),
        (b"\x93something", "net.engine", "a TensorRT engine"),
    ],
)
def test_programs_and_engines_are_refused(data: bytes, label: str, what: str) -> None:
    error = refusal(data, label)
    assert error.code is Code.REFUSED_FORMAT
    assert what in error.sentence


def test_an_engine_inside_onnx_is_refused() -> None:
    node = helper.make_node("EPContext", ["x"], ["y"], domain="com.microsoft", name="engine")
    error = refusal(model_of([node]).SerializeToString())
    assert error.code is Code.REFUSED_FORMAT
    assert "EPContext" in error.sentence


def without(field: str) -> Callable[[], bytes]:
    def damaged() -> bytes:
        model = dense()
        model.ClearField(field)
        return bytes(model.SerializeToString())

    return damaged


def external() -> bytes:
    model = dense()
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")
    return bytes(model.SerializeToString())


def short_weight() -> bytes:
    model = dense()
    model.graph.initializer[0].raw_data = bytes(60)
    return bytes(model.SerializeToString())


def sequence_input() -> bytes:
    value = helper.make_tensor_sequence_value_info("x", FLOAT, ["batch", 4])
    node = helper.make_node("SequenceAt", ["x", "i"], ["y"], name="at")
    return bytes(model_of([node], {"i": np.array(0)}, inputs=[value]).SerializeToString())


def cyclic() -> bytes:
    nodes = [helper.make_node("Relu", ["y"], ["z"]), helper.make_node("Relu", ["z"], ["y"])]
    return bytes(model_of(nodes).SerializeToString())


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda: b"", "is empty"),
        (lambda: b"hello, this is no model", "do not decode"),
        (lambda: bytes(100), "do not decode"),
        (lambda: b"\x1c\0\0\0TFL3" + bytes(40), "is a LiteRT model, not ONNX"),
        (lambda: b"\x1c\0\0\0ORTM" + bytes(40), "ONNX Runtime's own format, not ONNX"),
        (lambda: MLP.path.read_bytes()[:600_000], "is cut short: it has 600000 bytes"),
        (lambda: MLP.path.read_bytes()[:-1], "is cut short"),
        (without("graph"), "graph"),
        (without("opset_import"), "opset_import"),
        (without("ir_version"), "ir_version"),
        (external, "keeps tensor 'w' outside, in '/etc/passwd', which is an absolute path"),
        (short_weight, "says that tensor 'w' has 16 values; it holds 15"),
        (sequence_input, "'x' is not a tensor"),
        (cyclic, "topologically sorted"),
    ],
)
def test_what_is_not_one_complete_onnx_file_is_one_sentence(
    make: Callable[[], bytes], what: str
) -> None:
    error = refusal(make())
    assert error.code is (Code.EXTERNAL_DATA if make is external else Code.BAD_MODEL)
    assert what in error.sentence


def test_an_unreadable_file_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / "missing", tmp_path):
        with pytest.raises(BadInput, match=r"^mine\.onnx cannot be read: ") as caught:
            inspect_model(path, "mine.onnx")
        assert caught.value.code is Code.FILE_UNREADABLE


@cache
def samples_to_damage() -> tuple[bytes, ...]:
    """Small models with every kind of part, and one real one with short weights."""
    real = onnx.load(TRANSFORMER.path)
    for tensor in real.graph.initializer:
        if len(tensor.dims) == 2:
            short = numpy_helper.to_array(tensor)[:2, :2]
            tensor.CopyFrom(numpy_helper.from_array(short, tensor.name))
    small = (dense(), quantized(np.uint8(0), WIDE_S8, [0.1] * 4), real)
    return tuple(model.SerializeToString() for model in small)


@settings(max_examples=300, deadline=None)
@given(
    which=st.integers(0, 2),
    edits=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 3), st.binary(max_size=20))),
    keep=st.floats(0.0, 1.0),
    cut=st.booleans(),
)
def test_damaged_models_give_facts_or_one_sentence(
    which: int, edits: list[tuple[float, int, bytes]], keep: float, cut: bool
) -> None:
    data = bytearray(samples_to_damage()[which])
    for where, removed, inserted in edits:
        at = int(where * len(data))
        data[at : at + removed] = inserted
    check_any(bytes(data[: int(keep * len(data))] if cut else data))


@settings(max_examples=200, deadline=None)
@example(b"\x3a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f")
@example(b"\xff" * 30)
@given(st.binary(max_size=300))
def test_any_bytes_give_facts_or_one_sentence(data: bytes) -> None:
    check_any(data)


def check_any(data: bytes) -> None:
    try:
        look(data, "model.onnx")
    except BitgaugeError as error:
        problem = error.sentence
    else:
        return
    assert problem.startswith("model.onnx ")
    assert "\n" not in problem
    assert len(problem) < 400
