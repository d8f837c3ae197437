"""The share of multiplications in integer kernels: recurrent layers, graphs inside nodes, names."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from bitgauge.benchmarks.numerics.graph import MATRIX
from bitgauge.benchmarks.numerics.ledger import FLOAT, INTEGER, Ledger
from bitgauge.benchmarks.numerics.ledger_builder import LedgerBuilder
from bitgauge.benchmarks.numerics.multiplications import multiplications
from bitgauge.benchmarks.numerics.onnx_graph import exposable, exposed, read_graph
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

BATCH, STEPS, FEATURES, HIDDEN, CLASSES = 2, 9, 12, 24, 10
GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
Arrays = dict[str, np.ndarray[Any, Any]]


def weights(*shape: int) -> np.ndarray[Any, Any]:
    found: np.ndarray[Any, Any] = np.random.default_rng(len(shape)).normal(0, 0.3, shape)
    return found.astype(np.float32)


def model_of(
    nodes: list[onnx.NodeProto],
    constants: Arrays,
    inputs: dict[str, list[int]],
    outputs: dict[str, list[int]],
) -> onnx.ModelProto:
    def values(shapes: dict[str, list[int]]) -> list[onnx.ValueInfoProto]:
        return [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
            for name, shape in shapes.items()
        ]

    graph = helper.make_graph(
        nodes,
        "g",
        values(inputs),
        values(outputs),
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    made.ir_version = 8
    return made


def ledger_of(model: onnx.ModelProto, feeds: Arrays, batch: int) -> Ledger:
    """The ledger of a graph as it stands, over one call."""
    facts = read_graph(model)
    names = exposable(facts)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(
        exposed(model, names), options, providers=["CPUExecutionProvider"]
    )
    known = [one.name for one in session.get_outputs()]
    observed = feeds | dict(zip(known, session.run(None, feeds), strict=True))
    builder = LedgerBuilder(facts, 1)
    builder.add(observed, batch, batch)
    return builder.ledger("all")


INTEGER_HEAD = [
    helper.make_node("DynamicQuantizeLinear", ["h"], ["hq", "hs", "hz"]),
    helper.make_node("MatMulInteger", ["hq", "wq", "hz"], ["acc"], name="head"),
    helper.make_node("Cast", ["acc"], ["accf"], to=TensorProto.FLOAT),
    helper.make_node("Mul", ["accf", "hs"], ["y"]),
]


@pytest.mark.parametrize("op_type", sorted(GATES))
@pytest.mark.parametrize("outputs", [["all", "last"], ["", "last"]], ids=["both", "last alone"])
def test_a_recurrent_layer_counts_whichever_of_its_outputs_is_left_out(
    op_type: str, outputs: list[str]
) -> None:
    gates = GATES[op_type]
    nodes = [
        helper.make_node(op_type, ["x", "w", "r"], outputs, hidden_size=HIDDEN, name="layer"),
        helper.make_node("Squeeze", ["last", "first"], ["h"]),
        *INTEGER_HEAD,
    ]
    constants: Arrays = {
        "w": weights(1, gates * HIDDEN, FEATURES),
        "r": weights(1, gates * HIDDEN, HIDDEN),
        "first": np.array([0], np.int64),
        "wq": np.ones((HIDDEN, CLASSES), np.int8),
    }
    model = model_of(nodes, constants, {"x": [STEPS, BATCH, FEATURES]}, {"y": [BATCH, CLASSES]})
    ledger = ledger_of(model, {"x": weights(STEPS, BATCH, FEATURES)}, BATCH)
    layer, head = ledger.operators
    in_floats = STEPS * gates * HIDDEN * (FEATURES + HIDDEN)
    assert (layer.name, layer.compute, layer.macs) == ("layer", FLOAT, in_floats)
    assert (head.compute, head.macs) == (INTEGER, HIDDEN * CLASSES)
    assert ledger.int_coverage == pytest.approx(HIDDEN * CLASSES / (in_floats + HIDDEN * CLASSES))


def branch(name: str, kind: str) -> onnx.GraphProto:
    """A graph that multiplies the outer `h` by its own weights, in integers or floats."""
    out = f"{name}_y"
    if kind == "integer":
        nodes = [
            helper.make_node("DynamicQuantizeLinear", ["h"], ["q", "s", "z"]),
            helper.make_node("MatMulInteger", ["q", "w", "z"], ["acc"], name="inner"),
            helper.make_node("Cast", ["acc"], ["f"], to=TensorProto.FLOAT),
            helper.make_node("Mul", ["f", "s"], [out]),
        ]
        constant = numpy_helper.from_array(np.ones((FEATURES, CLASSES), np.int8), "w")
        stated = [helper.make_tensor_value_info("acc", TensorProto.INT32, ["n", CLASSES])]
    else:
        nodes = [helper.make_node("MatMul", ["h", "w"], [out], name="inner")]
        constant = numpy_helper.from_array(weights(FEATURES, CLASSES), "w")
        stated = []
    made = helper.make_graph(
        nodes,
        name,
        [],
        [helper.make_tensor_value_info(out, TensorProto.FLOAT, ["n", CLASSES])],
        [constant],
        value_info=stated,
    )
    return made


@pytest.mark.parametrize("kinds", [("integer", "float"), ("float", "float")])
def test_what_is_inside_a_branch_counts_by_the_shapes_that_the_file_states(
    kinds: tuple[str, str],
) -> None:
    nodes = [
        helper.make_node("Relu", ["x"], ["h"]),
        helper.make_node(
            "If",
            ["which"],
            ["y"],
            name="either",
            then_branch=branch("then", kinds[0]),
            else_branch=branch("else", kinds[1]),
        ),
    ]
    constants: Arrays = {"which": np.array(True)}
    model = model_of(nodes, constants, {"x": [BATCH, FEATURES]}, {"y": [BATCH, CLASSES]})
    ledger = ledger_of(model, {"x": weights(BATCH, FEATURES)}, BATCH)
    rows = {row.compute: row for row in ledger.operators}
    assert [row.macs for row in ledger.operators] == [FEATURES * CLASSES] * 2
    assert {row.inside for row in ledger.operators} == {"either"}
    assert ledger.int_coverage == (0.5 if "integer" in kinds else 0)
    assert ledger.claims_integer is ("integer" in kinds)
    assert ledger.executed == (), "the types of what is not shown are unknown"
    if INTEGER in rows:
        assert "not shown" in rows[INTEGER].why
        assert ledger.unchecked == {"MatMulInteger": 1}


def test_a_loop_counts_as_often_as_it_states() -> None:
    body = helper.make_graph(
        [
            helper.make_node("MatMul", ["v", "w"], ["v_next"], name="step"),
            helper.make_node("Identity", ["going"], ["goes_on"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("going", TensorProto.BOOL, []),
            helper.make_tensor_value_info("v", TensorProto.FLOAT, [BATCH, FEATURES]),
        ],
        [
            helper.make_tensor_value_info("goes_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("v_next", TensorProto.FLOAT, [BATCH, FEATURES]),
        ],
    )
    nodes = [helper.make_node("Loop", ["count", "", "x"], ["y"], name="loop", body=body)]
    constants: Arrays = {"count": np.array(7, np.int64), "w": weights(FEATURES, FEATURES)}
    model = model_of(nodes, constants, {"x": [BATCH, FEATURES]}, {"y": [BATCH, FEATURES]})
    (step,) = ledger_of(model, {"x": weights(BATCH, FEATURES)}, BATCH).operators
    assert (step.inside, step.macs) == ("loop", 7 * FEATURES * FEATURES)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 5), st.integers(1, 40), st.integers(1, 40), st.booleans())
def test_a_product_counts_the_same_with_and_without_its_activations(
    rows: int, depth: int, columns: int, transposed: bool
) -> None:
    """Inside a graph the shape of a tensor from outside may not be stated."""
    b = (columns, depth) if transposed and depth != columns else (depth, columns)
    shown = {"a": (rows, depth), "b": b, "y": (rows, columns)}
    hidden = {name: shape for name, shape in shown.items() if name != "a"}
    found = [
        multiplications(MATRIX, ("a", "b"), "y", ("a", "b"), shapes) for shapes in (shown, hidden)
    ]
    assert found == [rows * depth * columns] * 2


@pytest.mark.parametrize(
    ("node", "output", "name"),
    [("layer", "y", "layer"), ("", "y", "y"), ("_token_7", "_token_8_token_9", "MatMul")],
)
def test_every_operator_has_a_name(node: str, output: str, name: str) -> None:
    made = helper.make_node("MatMul", ["x", "w"], [output], name=node)
    model = model_of([made], {"w": weights(3, 4)}, {"x": [1, 3]}, {output: [1, 4]})
    (found,) = read_graph(model).operators
    assert found.name == name
