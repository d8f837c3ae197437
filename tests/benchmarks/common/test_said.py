"""What a library raised becomes one true sentence that is the same on every day."""

from __future__ import annotations

import re
from pathlib import Path

import onnx
import pytest
from bitgauge.benchmarks.common.said import LONGEST, said
from hypothesis import example, given
from hypothesis import strategies as st

from tests.coordinator.builders.check.nets import plain

RESHAPE = (
    "[ONNXRuntimeError] : 1 : FAIL : Non-zero status code returned while running Reshape node."
    " Name:'{name}' Status Message: /onnxruntime_src/onnxruntime/core/providers/cpu/tensor/"
    "reshape_helper.h:91 onnxruntime::ReshapeHelper::ReshapeHelper(const onnxruntime::TensorShape&,"
    " onnxruntime::TensorShapeVector&, bool) input_shape_size == requested_shape_size was false."
    " The input tensor cannot be reshaped to the requested shape. Input shape:{{32,8,8,8}},"
    " requested shape:{{1,512}}\n"
)
LOAD = "[ONNXRuntimeError] : 10 : INVALID_GRAPH : Load model from {path} failed:"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (RESHAPE.format(name="r"), "Reshape 'r' cannot give 32x8x8x8 values the shape 1x512"),
        (
            RESHAPE.format(name="/encoder/layer.0/Reshape"),
            "Reshape '/encoder/layer.0/Reshape' cannot give 32x8x8x8 values the shape 1x512",
        ),
        (
            LOAD.format(path="/tmp/tmp3f/a.onnx") + "This is an invalid model. Type Error: Type"
            " 'tensor(double)' of input parameter (cast_1) of operator (MatMulNBits) in node (m)"
            " is invalid.",
            "MatMulNBits 'm' does not take 'cast_1' as float64",
        ),
        (
            "[ONNXRuntimeError] : 9 : NOT_IMPLEMENTED : Could not find an implementation for"
            " ConvInteger(10) node with name 'conv_quant'",
            "ONNX Runtime has no kernel for ConvInteger 'conv_quant' of opset 10 and its types",
        ),
        (
            "Op Conv has: [ShapeInferenceError] (op_type:Conv, node name: c1): inferred"
            " shape and existing shape differ in dimension 0: (8) vs (4)",
            "the shapes at Conv 'c1' contradict each other: inferred shape and existing shape"
            " differ in dimension 0: (8) vs (4)",
        ),
        (
            "Quantization parameters are not specified for param relu_4.",
            "calibration gave no range to 'relu_4', which Relu 'relu_node_2' makes",
        ),
        (
            LOAD.format(path="/tmp/tmp3f/a.onnx") + "Node (turn) Op (Transpose) Invalid attribute"
            " perm {0, 2, 3, 1}, input shape = {36}",
            "Transpose 'turn' cannot be: Invalid attribute perm {0, 2, 3, 1}, input shape = {36}",
        ),
        (
            "[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : Exception during initialization:"
            " /onnxruntime_src/onnxruntime/core/graph/graph_utils.cc:60 onnxruntime::NodeArg&"
            " onnxruntime::graph_utils::Add(onnxruntime::Graph&, const onnx::TensorProto&,"
            " onnxruntime::Tensor&&) Attempt to replace the existing tensor",
            "Attempt to replace the existing tensor",
        ),
        ("Incomplete symbolic shape inference", "its shapes cannot all be told from the graph"),
        ("std::bad_alloc", "it needs more memory than there is"),
        ("", "the library ended with ValueError and no words"),
    ],
)
def test_what_libraries_say_often_is_put_into_words(text: str, sentence: str) -> None:
    assert said(ValueError(text), plain()) == sentence


def test_an_operator_without_a_name_is_named_by_what_it_makes() -> None:
    model = plain()
    for node in model.graph.node:
        node.name = ""
    text = RESHAPE.format(name="").replace("Reshape node", "Relu node")
    assert said(RuntimeError(text), model).startswith("Relu (unnamed, makes 'relu_4') cannot")
    text = text.replace("Relu node", "MatMul node")
    assert said(RuntimeError(text), model).startswith("an unnamed MatMul cannot")


def test_a_missing_name_in_the_tool_is_said_with_its_operator() -> None:
    assert said(KeyError("relu_4"), plain()).endswith("'relu_4', which Relu 'relu_node_2' makes")


@pytest.mark.parametrize("name", ["joined", ""])
def test_a_tool_that_ends_without_words_is_said_with_the_operator_it_was_at(name: str) -> None:
    def infer(node: onnx.NodeProto) -> None:
        assert node.op_type == "Split"

    with pytest.raises(AssertionError) as caught:
        infer(onnx.helper.make_node("Concat", ["a", "b"], ["c"], name=name, axis=1))
    caught.value.args = ()  # pytest puts words of its own there
    at = "Concat 'joined'" if name else "Concat (unnamed, makes 'c')"
    expected = f"the library stopped at {at} and ended with AssertionError and no words"
    assert said(caught.value, plain()) == expected


WORDS = st.lists(st.sampled_from(["the", "shape", "of", "x", "is", "wrong.", "It", "ends;"]))


@given(WORDS, st.integers(0, 2**128), st.text("abc_.", min_size=1, max_size=9), WORDS)
@example(["the"] * 90, 0, "a", [])
def test_equal_failures_read_the_same_and_hold_nothing_of_the_day(
    before: list[str], number: int, name: str, after: list[str]
) -> None:
    def text(path: str, digest: str, identity: str) -> str:
        middle = f"at {path} with {digest} and {identity} in"
        return " ".join((*before, middle, *after))

    one = text(f"/tmp/bitgauge-build-{name}/preprocessed.onnx", f"{number:064x}", UUID)
    other = text("/var/x/other.onnx", "f" * 64, UUID.replace("1", "2"))
    assert said(RuntimeError(one)) == said(RuntimeError(other))
    found = said(RuntimeError(one))
    assert "/" not in found
    assert not re.search(r"[0-9a-f]{32}|\n", found)
    assert len(found) <= LONGEST + 4


UUID = "5052652c-43c8-437d-b976-b85b274f39b4"


def test_a_long_text_ends_where_a_sentence_does() -> None:
    assert said(RuntimeError("It is so. " * 40)).endswith("It is so")


def test_the_real_library_is_understood(tmp_path: Path) -> None:
    """Not only its texts of today."""
    import onnxruntime

    model = plain()
    model.graph.node[0].input[1] = model.graph.node[1].input[1]
    onnx.save(model, tmp_path / "m.onnx")
    with pytest.raises(Exception, match=r"MatMul|matmul") as caught:
        onnxruntime.InferenceSession(tmp_path / "m.onnx", providers=["CPUExecutionProvider"])
    found = said(caught.value, model)
    assert "MatMul" in found
    assert str(tmp_path) not in found
