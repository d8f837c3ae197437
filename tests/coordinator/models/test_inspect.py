"""Model inspection: facts of a sound file, one sentence for every other, whatever its bytes."""

from __future__ import annotations

import io
import pickle
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from bitgauge.benchmarks import zoo
from bitgauge.benchmarks.quality.outputs import SEQUENCE
from bitgauge.benchmarks.quality.sets import EvaluationSet, InputSpec, read_evaluation_set
from bitgauge.benchmarks.vocabulary.enums import FormatFamily, ModelClass
from bitgauge.benchmarks.vocabulary.errors import BadInput, BitgaugeError, Code
from bitgauge.coordinator.models.base import ModelFacts, OutputSpec
from bitgauge.coordinator.models.checks import (
    check_evaluation,
    check_stands_in,
)
from bitgauge.coordinator.models.formats.onnx import facts_of as look
from bitgauge.coordinator.models.formats.onnx.family import family_of
from bitgauge.coordinator.models.formats.onnx.graph import Graph
from bitgauge.coordinator.models.recognise import inspect_model
from hypothesis import example, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

MLP, CNN, TRANSFORMER = zoo.models()
FLOAT = TensorProto.FLOAT


def model_of(
    nodes: list[Any],
    weights: dict[str, Any] | None = None,
    *,
    inputs: list[Any] | None = None,
    opset: int = 21,
) -> Any:
    """A model message; its input is x [batch, 4], its output y [batch, 4]."""
    rows = helper.make_tensor_value_info("x", FLOAT, ["batch", 4])
    graph = helper.make_graph(
        nodes,
        "test",
        inputs or [rows],
        [helper.make_tensor_value_info("y", FLOAT, ["batch", 4])],
        [numpy_helper.from_array(value, name) for name, value in (weights or {}).items()],
    )
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10)


def dense(weight_type: Any = np.float32) -> Any:
    weight = np.arange(16).reshape(4, 4).astype(weight_type)
    return model_of([helper.make_node("MatMul", ["x", "w"], ["y"], name="dense")], {"w": weight})


def facts_of(model: Any) -> ModelFacts:
    return look(model.SerializeToString(), "model.onnx")


def refusal(data: bytes, label: str = "model.onnx") -> BadInput:
    with pytest.raises(BadInput) as caught:
        look(data, label)
    assert label in caught.value.sentence
    assert "\n" not in caught.value.sentence
    return caught.value


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
        (
            quantized(None, WIDE_S8, 0.1, output_dtype=TensorProto.INT8),
            "int8-static-s8s8-pt",
        ),
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


# -- evaluation sets and stand-ins --------------------------------------------------------------


def evaluation(**changes: Any) -> EvaluationSet:
    values: dict[str, Any] = {
        "inputs": {"pixels": np.zeros((6, 1, 8, 8), np.float32)},
        "labels": np.array([0, 1, 2, 3, 4, 9]),
        "ids": np.array(list("abcdef")),
    }
    return EvaluationSet(**{**values, **changes})


def test_the_zoo_takes_its_evaluation_set_at_any_batch() -> None:
    shared = read_evaluation_set(zoo.evaluation_path())
    for model in zoo.models():
        for batch in (1, 64):
            check_evaluation(inspect_model(model.path), shared, batch, "evaluation.npz")


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"inputs": {"image": np.zeros((6, 1, 8, 8), np.float32)}}, "takes inputs pixels"),
        ({"inputs": {"pixels": np.zeros((6, 1, 8, 8))}}, "is float64, the model takes float32"),
        ({"inputs": {"pixels": np.zeros((6, 8, 8), np.float32)}}, "has shape (8, 8)"),
        ({"labels": np.array([0, 1, 2, 3, 4, 10])}, "labels run from 0 to 10"),
        ({"labels": np.array([-1, 1, 2, 3, 4, 5])}, "the model has 10 classes"),
    ],
)
def test_an_evaluation_set_of_another_model_is_refused(changes: dict[str, Any], what: str) -> None:
    with pytest.raises(BadInput) as caught:
        check_evaluation(inspect_model(MLP.path), evaluation(**changes), 1, "mine.npz")
    assert caught.value.code is Code.BAD_EVALUATION_SET
    assert caught.value.sentence.startswith("mine.npz: ")
    assert what in caught.value.sentence


MAPS = OutputSpec("maps", SEQUENCE, ())
HIDDEN = OutputSpec("hidden", "float32", (None, 32))
LOGITS = OutputSpec("logits", "float32", (None, 10))


def checked(outputs: Sequence[OutputSpec], output: str = "", **changes: Any) -> None:
    facts = replace(inspect_model(MLP.path), outputs=tuple(outputs))
    check_evaluation(facts, evaluation(**changes), 1, "mine.npz", output)


@pytest.mark.parametrize(
    ("outputs", "labels"),
    [
        ([HIDDEN, LOGITS], [0, 1, 2, 3, 4, 9]),
        ([LOGITS, HIDDEN], [0, 1, 2, 3, 4, 31]),
        ([OutputSpec("y", "float32", (None, 10, 1, 1))], [0, 1, 2, 3, 4, 9]),
        ([OutputSpec("y", "float32", (None, 1))], [0, 1, 1, 1, 0, 0]),
        ([OutputSpec("y", "float32", (None, None))], [0, 1, 2, 3, 4, 99]),
        ([OutputSpec("y", "int64", (None,)), MAPS], [0, 1, 2, 3, 4, 99]),
        ([OutputSpec("y", "float32", ())], [0, 1, 2, 3, 4, 99]),
    ],
)
def test_labels_are_held_against_the_outputs_that_may_be_judged(
    outputs: list[OutputSpec], labels: list[int]
) -> None:
    checked(outputs, labels=np.array(labels))


@pytest.mark.parametrize(
    ("outputs", "output", "labels", "what"),
    [
        ([LOGITS, MAPS], "", [0, 1, 2, 3, 4, 10], "the model has 10 classes"),
        ([HIDDEN, LOGITS], "logits", [0, 1, 2, 3, 4, 10], "the model has 10 classes"),
        ([OutputSpec("y", "float32", (None, 1))], "", [0, 1, 2, 1, 0, 0], "has 2 classes"),
        ([HIDDEN, LOGITS], "logit", [0] * 6, "no output 'logit'; its outputs are hidden, logits"),
        ([LOGITS, MAPS], "maps", [0] * 6, "export the model with zipmap=False"),
        ([LOGITS], "", [[0, 1, 1]] * 6, "the labels are about 3 classes"),
    ],
)
def test_an_output_that_cannot_be_judged_is_refused_before_anything_runs(
    outputs: list[OutputSpec], output: str, labels: list[Any], what: str
) -> None:
    with pytest.raises(BadInput) as caught:
        checked(outputs, output, labels=np.array(labels))
    assert what in caught.value.sentence


def test_a_sequence_is_an_output_and_no_input() -> None:
    made = onnx.parser.parse_model("""
        <ir_version: 8, opset_import: ["" : 17]>
        g (float[N,4] x) => (float[N,4] y, seq(float[N,4]) parts) {
            y = Identity(x)  parts = SequenceConstruct(x)
        }
    """)
    facts = facts_of(made)
    assert [one.dtype for one in facts.outputs] == ["float32", SEQUENCE]
    taken = onnx.parser.parse_model("""
        <ir_version: 8, opset_import: ["" : 17]>
        g (seq(float[N,4]) x) => (float[N,4] y) {
            i = Constant<value_int=0>()  y = SequenceAt(x, i)
        }
    """)
    assert "is not a tensor" in refusal(taken.SerializeToString()).sentence


def test_a_fixed_batch_is_the_only_one() -> None:
    fixed = [helper.make_tensor_value_info("x", FLOAT, [2, 4])]
    facts = facts_of(model_of([helper.make_node("Relu", ["x"], ["y"])], inputs=fixed))
    rows = evaluation(inputs={"x": np.zeros((6, 4), np.float32)}, labels=None)
    check_evaluation(facts, rows, 2, "mine.npz")
    with pytest.raises(BadInput, match=r"'x' takes batches of 2 only, .* asks for 64") as caught:
        check_evaluation(facts, rows, 64, "mine.npz")
    assert caught.value.code is Code.BAD_ARGUMENT


def facts(
    inputs: tuple[tuple[str, str, tuple[int | None, ...]], ...] = (("x", "float32", (None, 4)),),
    outputs: tuple[tuple[str, str, tuple[int | None, ...]], ...] = (("y", "float32", (None, 3)),),
) -> ModelFacts:
    return ModelFacts(
        inputs=tuple(InputSpec(*one) for one in inputs),
        outputs=tuple(OutputSpec(*one) for one in outputs),
        operator_counts={},
        model_class=ModelClass.MLP,
        recipe=None,
        parameter_count=1,
        size_bytes=1,
    )


PLAIN = facts()
SAMPLES = EvaluationSet(
    {"x": np.zeros((6, 4), np.float32)}, np.arange(6) % 3, np.arange(6).astype("U")
)


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (facts(inputs=(("z", "float32", (None, 4)),)), "takes inputs z, its baseline takes x."),
        (facts(inputs=(("x", "float16", (None, 4)),)), "as float16 with 2 axes, its baseline as"),
        (facts(inputs=(("x", "float32", (8, 4)),)), "batches of 8 only in 'x', the job asks for 2"),
        (facts(inputs=(("x", "float32", (None, 5)),)), "is (5) in a.onnx and (4) in the eval"),
        (
            facts(outputs=(("a", "float32", (None, 3)), ("b", "float32", (None, 3)))),
            "a.onnx returns a, b and its baseline y; outputs are held against each other by name",
        ),
        (facts(outputs=(("y", "uint8", (None, 3)),)), "returns 'y' as uint8, its baseline 'y' as"),
        (facts(outputs=(("y", "float32", (None, 5)),)), "'y' as (any, 5), its baseline 'y' as"),
        (facts(outputs=(("y", "float32", (None, 3, 1)),)), "'y' as (any, 3, 1), its baseline"),
    ],
)
def test_what_cannot_stand_in_for_its_baseline_is_refused_with_what_would(
    other: ModelFacts, said: str
) -> None:
    with pytest.raises(BadInput) as caught:
        check_stands_in(PLAIN, other, SAMPLES, 2, "a.onnx")
    assert said in caught.value.sentence
    assert caught.value.code is Code.BAD_MODEL
    assert caught.value.sentence.endswith(".")


@pytest.mark.parametrize(
    "other",
    [
        PLAIN,
        facts(inputs=(("x", "float32", (2, 4)),)),
        facts(inputs=(("x", "float32", (None, None)),)),
        facts(outputs=(("y", "float16", (None, 3)),)),
        facts(outputs=(("hidden", "float32", (None, 8)), ("y", "float32", (None, 3)))),
        facts(outputs=(("renamed", "float32", (None, 3)),)),
        facts(outputs=(("y", "float32", (None, None)),)),
    ],
)
def test_what_only_looks_different_is_measured(other: ModelFacts) -> None:
    check_stands_in(PLAIN, other, SAMPLES, 2, "a.onnx")


def test_outputs_in_another_order_are_the_same_outputs() -> None:
    both = (("y", "float32", (None, 3)), ("h", "float32", (None, 8, 16)))
    check_stands_in(facts(outputs=both), facts(outputs=both[::-1]), SAMPLES, 2, "a.onnx")
    lost = facts(outputs=both[1:])
    with pytest.raises(BadInput, match="returns h and its baseline y, h"):
        check_stands_in(facts(outputs=both), lost, SAMPLES, 2, "a.onnx")


@given(st.lists(st.one_of(st.none(), st.integers(1, 9)), min_size=1, max_size=4), st.integers(1, 9))
def test_an_artifact_that_declares_what_the_job_feeds_stands_in(
    sizes: list[int | None], batch: int
) -> None:
    shape = tuple(4 if size is None else size for size in sizes[1:])
    data = EvaluationSet({"x": np.zeros((3, *shape), np.float32)}, None, np.array(["a", "b", "c"]))
    free = facts(inputs=(("x", "float32", (None,) * len(sizes)),))
    first = None if sizes[0] is None else batch
    named = facts(inputs=(("x", "float32", (first, *sizes[1:])),))
    check_stands_in(free, named, data, batch, "a.onnx")
    wrong = facts(inputs=(("x", "float32", (batch + 1, *sizes[1:])),))
    with pytest.raises(BadInput, match=f"--batch {batch + 1}"):
        check_stands_in(free, wrong, data, batch, "a.onnx")
