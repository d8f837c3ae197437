"""Operators that compute in floats, read from the file: those not between codes on all sides."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from bitgauge.agents.runtimes.ort.providers.floats import float_operators
from onnx import TensorProto, helper, numpy_helper

Q, DQ = "QuantizeLinear", "DequantizeLinear"
SCALE = ["s", "z"]


def names(*nodes: tuple[str, list[str], str], zero: int = 0, ends: str = "y") -> list[str]:
    """Operators of floats in a graph from codes `x` and `w`, and floats `f`, to `ends`."""
    constants: dict[str, Any] = {
        "w": np.zeros((4, 4), np.int8),
        "s": np.array(0.1, np.float32),
        "z": np.array(zero, np.uint8),
        "f": np.ones(4, np.float32),
        "shape": np.array([4, 1]),
    }
    made: list[Any] = [
        helper.make_node(kind, given, [makes], name=f"{kind} {makes}")
        for kind, given, makes in ((DQ, ["x", *SCALE], "xd"), (DQ, ["w", "s"], "wd"), *nodes)
    ]
    graph = helper.make_graph(
        made,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.UINT8, [1, 4])],
        [helper.make_tensor_value_info(ends, TensorProto.FLOAT, None)],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    return [one.name for one in float_operators(helper.make_model(graph))]


PRODUCT = ("MatMul", ["xd", "wd"], "p")
CODES = (Q, ["p", *SCALE], "c")
BACK = (DQ, ["c", *SCALE], "y")


@pytest.mark.parametrize(
    ("nodes", "zero", "found"),
    [
        ((PRODUCT, CODES, BACK), 0, []),
        ((PRODUCT, ("Relu", ["p"], "y")), 0, ["MatMul p", "Relu y"]),
        ((PRODUCT, ("Relu", ["p"], "r"), (Q, ["r", *SCALE], "c"), BACK), 0, []),
        ((PRODUCT, ("Relu", ["p"], "r"), (Q, ["r", *SCALE], "c"), BACK), 9, ["MatMul p", "Relu r"]),
        ((PRODUCT, CODES, (DQ, ["c", *SCALE], "d"), ("Softmax", ["d"], "y")), 0, ["Softmax y"]),
        ((PRODUCT, CODES, BACK, ("Exp", ["p"], "e")), 0, ["MatMul p", "Exp e"]),
        (
            (
                ("Reshape", ["xd", "shape"], "m"),
                ("MatMul", ["m", "wd"], "p"),
                ("Transpose", ["p"], "t"),
                (Q, ["t", *SCALE], "c"),
                BACK,
            ),
            0,
            [],
        ),
        ((("Add", ["xd", "f"], "p"), CODES, BACK), 0, []),
        ((("Shape", ["xd"], "y"),), 0, []),
        ((("Cast", ["x"], "y"),), 0, ["Cast y"]),
    ],
)
def test_what_is_not_between_codes_computes_in_floats(
    nodes: tuple[tuple[str, list[str], str], ...], zero: int, found: list[str]
) -> None:
    assert names(*nodes, zero=zero) == found
