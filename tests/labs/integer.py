"""Models of one integer operator on random full-range codes, and what onnxruntime returns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
from bitgauge.benchmarks.numerics.graph import GraphFacts
from bitgauge.benchmarks.numerics.onnx_graph import read_graph
from onnx import TensorProto, helper, numpy_helper

Arrays = dict[str, npt.NDArray[Any]]

TYPES = {"u8": (np.uint8, TensorProto.UINT8), "s8": (np.int8, TensorProto.INT8)}
_SCALE = np.float32(0.01)


@dataclass(frozen=True)
class Case:
    """One operator: what it is, the types of its factors, and their shapes."""

    op_type: str
    activation: str
    weight: str
    a: tuple[int, ...]
    b: tuple[int, ...]
    constant: bool = True
    per_channel: bool = False
    attributes: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        weight = "const" if self.constant else "dynamic"
        return f"{self.op_type}.{self.activation}{self.weight}.{weight} {self.a}x{self.b}"


def cases() -> list[Case]:
    """Every operator that is computed again, in every pair of types, K even, odd and grouped."""
    found = []
    for activation, weight in (("u8", "s8"), ("s8", "s8"), ("u8", "u8")):
        for constant in (True, False):
            types = (activation, weight)
            for depth in (10, 63, 64, 130):
                found.append(Case("QLinearMatMul", *types, (40, depth), (depth, 50), constant))
            found.append(Case("QLinearMatMul", *types, (3, 20, 64), (3, 64, 50), constant))
            for op_type in ("MatMulInteger", "QGemm", "MatMulIntegerToFloat"):
                found.append(Case(op_type, *types, (40, 66), (66, 50), constant))
            if activation == "u8":
                found.append(Case("DynamicQuantizeMatMul", *types, (40, 66), (66, 50), constant))
            found += _convolutions(types, constant)
    return found


def _convolutions(types: tuple[str, str], constant: bool) -> list[Case]:
    def conv(channels: int, filters: int, groups: int, **more: Any) -> Case:
        given: dict[str, Any] = {
            "kernel_shape": [3, 3],
            "pads": [1, 1, 1, 1],
            "group": groups,
        } | more
        size = tuple(given["kernel_shape"])
        return Case(
            "QLinearConv",
            *types,
            (2, channels, 9, 9),
            (filters, channels // groups, *size),
            constant,
            per_channel=filters == 20,
            attributes=given,
        )

    same = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}
    return [
        conv(16, 32, 1),
        conv(3, 20, 1),
        conv(8, 24, 2),
        conv(32, 32, 32),
        conv(16, 32, 16),
        conv(16, 24, 1, kernel_shape=[1, 1], pads=[0, 0, 0, 0]),
        conv(16, 24, 1, pads=[0, 0, 0, 0], strides=[2, 2], dilations=[2, 2]),
        Case("ConvInteger", *types, (2, 16, 9, 9), (32, 16, 3, 3), constant, attributes=same),
    ]


def model(case: Case, seed: int = 3) -> tuple[bytes, Arrays]:
    """The model of one case, encoded, and its feeds."""
    rng = np.random.default_rng(seed)
    a = _codes(rng, case.activation, case.a)
    b = _codes(rng, case.weight, case.b)
    conv = "Conv" in case.op_type
    width = case.b[0] if conv else case.b[-1]
    depth = int(np.prod(case.b[1:])) if conv else case.b[-2]
    kind = TYPES[case.activation][0]
    constants: Arrays = {
        "a_scale": np.array(_SCALE),
        "a_zero": np.array(rng.integers(0, 60), kind),
        "b_scale": np.full(width if case.per_channel else (), _SCALE, np.float32),
        "b_zero": np.full(
            width if case.per_channel else (),
            0 if case.weight == "s8" else 128,
            TYPES[case.weight][0],
        ),
        "bias": rng.integers(-1000, 1000, width).astype(np.int32),
        "real_bias": rng.normal(size=width).astype(np.float32),
        # Sums of K products of full-range codes fill most of the output's range.
        "y_scale": np.array(_SCALE * _SCALE * np.sqrt(depth) * 120, np.float32),
        "y_zero": np.array(128 if case.activation == "u8" else 0, kind),
    }
    scaled = ["a", "a_scale", "a_zero", "b", "b_scale", "b_zero"]
    rest = ["y_scale", "y_zero"]
    names, output = {
        "QLinearMatMul": ([*scaled, *rest], TYPES[case.activation][1]),
        "QLinearConv": ([*scaled, *rest, "bias"], TYPES[case.activation][1]),
        "QGemm": ([*scaled, "bias", *rest], TYPES[case.activation][1]),
        "MatMulInteger": (["a", "b", "a_zero", "b_zero"], TensorProto.INT32),
        "ConvInteger": (["a", "b", "a_zero", "b_zero"], TensorProto.INT32),
        "MatMulIntegerToFloat": (
            ["a", "b", "a_scale", "b_scale", "a_zero", "b_zero", "real_bias"],
            TensorProto.FLOAT,
        ),
        "DynamicQuantizeMatMul": (
            ["a", "b", "b_scale", "b_zero", "real_bias"],
            TensorProto.FLOAT,
        ),
    }[case.op_type]
    feeds: Arrays = {"a": a}
    if case.op_type == "DynamicQuantizeMatMul":
        feeds["a"] = a.astype(np.float32) * np.float32(0.013) - np.float32(0.3)
    if case.constant:
        constants["b"] = b
    else:
        feeds["b"] = b
    inputs = [
        helper.make_tensor_value_info(
            name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape
        )
        for name, array in feeds.items()
    ]
    ours = case.op_type in ("QGemm", "MatMulIntegerToFloat", "DynamicQuantizeMatMul")
    node = helper.make_node(
        case.op_type, names, ["y"], domain="com.microsoft" if ours else "", **case.attributes
    )
    used = {name: array for name, array in constants.items() if name in names}
    return encoded(node, inputs, output, used, len(case.a)), feeds


def encoded(node: Any, inputs: list[Any], output: int, constants: Arrays, rank: int) -> bytes:
    """A model of one node that returns `y`."""
    graph = helper.make_graph(
        [node],
        "lab",
        inputs,
        [helper.make_tensor_value_info("y", output, [None] * rank)],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    opsets = [helper.make_opsetid("", 13), helper.make_opsetid("com.microsoft", 1)]
    made: bytes = helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()
    return made


def returned(model_bytes: bytes, feeds: Arrays) -> list[npt.NDArray[Any]]:
    """What this machine's kernels return."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(model_bytes, options, providers=["CPUExecutionProvider"])
    outputs: list[npt.NDArray[Any]] = session.run(None, feeds)
    return outputs


def facts(model_bytes: bytes) -> GraphFacts:
    """The graph of an encoded model."""
    return read_graph(onnx.load_model_from_string(model_bytes))


def _codes(rng: np.random.Generator, kind: str, shape: tuple[int, ...]) -> npt.NDArray[Any]:
    info = np.iinfo(TYPES[kind][0])
    return rng.integers(info.min, info.max + 1, shape).astype(TYPES[kind][0])
