"""Tiny ONNX models of one integer operator, for the probe of ONNX Runtime's kernels.

Each builder multiplies the constant matrices of one case and says how its output is to be read.
Only the probe's child imports this module; it needs the package onnx.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from bitgauge.benchmarks.numerics.kernel_cases import Answer, Case, Ints
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code
from onnx import TensorProto, helper, numpy_helper

Array = npt.NDArray[Any]
Arrays = dict[str, Array]
Inputs = dict[str, tuple[type, Sequence[int | None]]]

_OPSET, _MS, _IR = 17, "com.microsoft", 9
_FP8_OPSET = 19
_CODES = 100.0  # steps of a quantized output that the largest exact sum comes to
_FLOAT_ERROR = 1e-4  # of single precision, relative to the largest sum
_SIDE = 3  # of a depthwise convolution's kernel


@dataclass(frozen=True, slots=True, eq=False)
class Setup:
    """One case in its types.

    Attributes:
        a: numpy type of the activations.
        b: numpy type of the weights.
        constant: whether the weights are part of the model.
    """

    case: Case
    a: type
    b: type
    constant: bool

    @property
    def step(self) -> float:
        """An output step such that every exact sum fits."""
        return float(np.abs(self.case.exact).max()) / _CODES

    @property
    def zero(self) -> int:
        """The output's zero point."""
        return 128 if self.a is np.uint8 else 0

    def scales(self) -> Arrays:
        """Steps of 1 and zero points of 0 inside, `step` and `zero` outside."""
        return {
            "one": np.asarray(1, np.float32),
            "za": np.asarray(0, self.a),
            "zb": np.asarray(0, self.b),
            "step": np.asarray(self.step, np.float32),
            "zy": np.asarray(self.zero, self.a),
        }


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """One tiny model, how it is fed, and what its output means.

    Attributes:
        case: the matrices that it multiplies.
        feed: inputs for rows of activations and the weights.
        read: what an output is, in the unit of `expect`.
        expect: what a matrix of sums comes out as.
        tolerance: how far rounding alone may take it.
        may_fall_back: whether the runtime may choose to compute it in floating point.
    """

    model: bytes
    case: Case
    feed: Callable[[Ints, Ints], Arrays]
    expect: Callable[[Ints], npt.NDArray[np.float64]]
    tolerance: float
    read: Callable[[Array], Array] = lambda output: output
    may_fall_back: bool = False

    def parts(self) -> Iterator[slice]:
        """All rows together, then each alone: one row may take another kernel."""
        rows = self.case.a.shape[0]
        yield slice(0, rows)
        for row in range(rows):
            yield slice(row, row + 1)

    def feeds(self, rows: slice) -> Arrays:
        """The inputs for these rows."""
        return self.feed(self.case.a[rows], self.case.b)

    def answer(self, output: Array, rows: slice) -> Answer:
        """What came out for these rows, beside what each arithmetic gives."""
        exact = self.case.exact[rows]
        got = np.asarray(self.read(output), np.float64).reshape(exact.shape)
        saturated = tuple(self.expect(sums[rows]) for sums in self.case.hypotheses())
        wrapped = self.expect(self.case.wrapped()[rows])
        return Answer(got, self.expect(exact), saturated, self.tolerance, wrapped)


Build = Callable[[Setup], Made]


def _sums(sums: Ints) -> npt.NDArray[np.float64]:
    return sums.astype(np.float64)


def _codes(setup: Setup, zero: int) -> Callable[[Ints], npt.NDArray[np.float64]]:
    def codes(sums: Ints) -> npt.NDArray[np.float64]:
        found: npt.NDArray[np.float64] = np.rint(sums / setup.step) + zero
        return found

    return codes


def _matrices(setup: Setup, a: type | None = None) -> tuple[Any, Inputs, Arrays]:
    """Feeds, inputs and constants of a product of matrices."""
    kind = a or setup.a

    def feed(x: Ints, w: Ints) -> Arrays:
        return {"a": x.astype(kind)} | ({} if setup.constant else {"b": w.astype(setup.b)})

    inputs: Inputs = {"a": (kind, [None, setup.case.a.shape[1]])}
    return feed, *_weights(setup, inputs, setup.case.b)


def _images(setup: Setup) -> tuple[Any, Inputs, Arrays]:
    """Feeds, inputs and constants of a convolution over images of one pixel."""
    depth = setup.case.a.shape[1]

    def laid(w: Ints) -> Ints:
        kernels: Ints = w.T.reshape(-1, depth, 1, 1)
        return kernels

    def feed(x: Ints, w: Ints) -> Arrays:
        images: Arrays = {"a": x.reshape(-1, depth, 1, 1).astype(setup.a)}
        return images | ({} if setup.constant else {"b": laid(w).astype(setup.b)})

    inputs: Inputs = {"a": (setup.a, [None, depth, 1, 1])}
    return feed, *_weights(setup, inputs, laid(setup.case.b))


def _weights(setup: Setup, inputs: Inputs, laid: Ints) -> tuple[Inputs, Arrays]:
    if setup.constant:
        return inputs, {"b": laid.astype(setup.b)}
    return inputs | {"b": (setup.b, laid.shape)}, {}


def _matmul_integer(setup: Setup) -> Made:
    feed, inputs, weights = _matrices(setup)
    model = one_node("MatMulInteger", ["a", "b"], inputs, weights, np.int32)
    return Made(model, setup.case, feed, _sums, 0.0)


def _matmul_to_float(setup: Setup) -> Made:
    feed, inputs, weights = _matrices(setup)
    names = ["a", "b", "one", "one", "za", "zb"]
    model = one_node(
        "MatMulIntegerToFloat", names, inputs, weights | setup.scales(), np.float32, domain=_MS
    )
    return Made(model, setup.case, feed, _sums, _rounding(setup))


def _dynamic_matmul(setup: Setup) -> Made:
    """Quantizes its float activations itself: 0 to 255 at a step of 1."""
    if setup.a is not np.uint8:
        raise BitgaugeError(Code.UNSUPPORTED_ARTIFACT, "Dynamic quantization makes uint8.")
    feed, inputs, weights = _matrices(setup, np.float32)
    names = ["a", "b", "one", "zb"]
    model = one_node(
        "DynamicQuantizeMatMul", names, inputs, weights | setup.scales(), np.float32, domain=_MS
    )
    return Made(model, setup.case, feed, _sums, _rounding(setup))


def _rounding(setup: Setup) -> float:
    return float(np.abs(setup.case.exact).max()) * _FLOAT_ERROR


def _qlinear_matmul(setup: Setup) -> Made:
    names = ["a", "one", "za", "b", "one", "zb", "step", "zy"]
    return _to_codes(setup, _matrices(setup), "QLinearMatMul", names)


def _qgemm(setup: Setup) -> Made:
    names = ["a", "one", "za", "b", "one", "zb", "", "step", "zy"]
    return _to_codes(setup, _matrices(setup), "QGemm", names, _MS)


def _conv_integer(setup: Setup) -> Made:
    feed, inputs, weights = _images(setup)
    model = one_node("ConvInteger", ["a", "b"], inputs, weights, np.int32)
    return Made(model, setup.case, feed, _sums, 0.0)


_CONV = ["a", "one", "za", "b", "one", "zb", "step", "zy"]


def _qlinear_conv(setup: Setup) -> Made:
    return _to_codes(setup, _images(setup), "QLinearConv", _CONV)


def _depthwise_conv(setup: Setup) -> Made:
    """One channel per group: nine products, whatever the K of the case."""
    products, columns = _SIDE**2, setup.case.b.shape[1]
    case = Case(
        np.repeat(setup.case.a[:, :1], products, 1), np.repeat(setup.case.b[:1], products, 0)
    )
    small = Setup(case, setup.a, setup.b, setup.constant)
    shape = (columns, 1, _SIDE, _SIDE)

    def feed(x: Ints, w: Ints) -> Arrays:
        images: Array = np.repeat(x.reshape(-1, 1, _SIDE, _SIDE), columns, 1).astype(small.a)
        return {"a": images} | ({} if small.constant else {"b": w.T.reshape(shape).astype(small.b)})

    inputs: Inputs = {"a": (small.a, [None, columns, _SIDE, _SIDE])}
    laid = _weights(small, inputs, case.b.T.reshape(shape))
    return _to_codes(small, (feed, *laid), "QLinearConv", _CONV, group=columns)


def _to_codes(
    setup: Setup,
    parts: tuple[Any, Inputs, Arrays],
    op: str,
    names: list[str],
    domain: str = "",
    **attributes: int,
) -> Made:
    feed, inputs, weights = parts
    model = one_node(
        op, names, inputs, weights | setup.scales(), setup.a, domain=domain, **attributes
    )
    return Made(model, setup.case, feed, _codes(setup, setup.zero), 1.0)


def _qdq_matmul(setup: Setup) -> Made:
    return _qdq(setup, "MatMul", [setup.case.a.shape[1]], setup.case.b)


def _qdq_conv(setup: Setup) -> Made:
    depth = setup.case.a.shape[1]
    return _qdq(setup, "Conv", [depth, 1, 1], setup.case.b.T.reshape(-1, depth, 1, 1))


def _qdq(setup: Setup, op: str, shape: list[int], weights: Ints) -> Made:
    """Float in and out around one operator; the session decides what becomes of it."""
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "one", "za"], ["xq"]),
        helper.make_node("DequantizeLinear", ["xq", "one", "za"], ["xd"]),
        helper.make_node("DequantizeLinear", ["w", "one", "zb"], ["wd"]),
        helper.make_node(op, ["xd", "wd"], ["f"]),
        helper.make_node("QuantizeLinear", ["f", "step", "zy"], ["fq"]),
        helper.make_node("DequantizeLinear", ["fq", "step", "zy"], ["y"]),
    ]
    constants = setup.scales() | {"w": weights.astype(setup.b)}
    inputs: Inputs = {"x": (np.float32, [None, *shape])}

    def feed(x: Ints, _w: Ints) -> Arrays:
        return {"x": x.reshape(-1, *shape).astype(np.float32)}

    return Made(
        serialized(nodes, inputs, constants, np.float32),
        setup.case,
        feed,
        _codes(setup, 0),
        1.0,
        read=lambda output: output / setup.step,
        may_fall_back=True,
    )


OPERATORS: Mapping[str, Build] = {
    "MatMulInteger": _matmul_integer,
    "MatMulIntegerToFloat": _matmul_to_float,
    "DynamicQuantizeMatMul": _dynamic_matmul,
    "QLinearMatMul": _qlinear_matmul,
    "QGemm": _qgemm,
    "ConvInteger": _conv_integer,
    "QLinearConv": _qlinear_conv,
    "DepthwiseConv": _depthwise_conv,
}
"""Builders of integer operators, by the operator that they make."""

QDQ: Mapping[str, Build] = {"QDQMatMul": _qdq_matmul, "QDQConv": _qdq_conv}
"""Builders of float operators between dequantized tensors; weights are constant."""


def there_and_back(to: str, saturate: bool | None) -> bytes:
    """A model that casts its input `x` to a narrow type and back.

    Args:
        to: the type, as ONNX names it.
        saturate: the cast's attribute of this name; None: as by default.
    """
    asked: dict[str, Any] = {} if saturate is None else {"saturate": int(saturate)}
    nodes = [
        helper.make_node("Cast", ["x"], ["narrow"], to=TensorProto.DataType.Value(to), **asked),
        helper.make_node("Cast", ["narrow"], ["y"], to=TensorProto.FLOAT),
    ]
    return serialized(nodes, {"x": (np.float32, [None])}, {}, np.float32, opset=_FP8_OPSET)


def fp8_product(op: str, to: str) -> bytes:
    """A model that multiplies its input `x`, rounded to a narrow type, by four of one and of two.

    What comes out stays float32: a product between narrow types the library fuses to an operator
    that takes none of them, and then refuses the model.

    Args:
        op: `MatMul` or `Conv`.
        to: the type, as ONNX names it.
    """
    kind = TensorProto.DataType.Value(to)
    shape: Sequence[int] = (4,) if op == "MatMul" else (4, 1, 1)
    weights = (4, 2) if op == "MatMul" else (2, *shape)
    ones = [1.0, 2.0] * 4 if op == "MatMul" else [1.0] * 4 + [2.0] * 4
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "one", "zero"], ["xq"]),
        helper.make_node("DequantizeLinear", ["xq", "one", "zero"], ["xd"]),
        helper.make_node("DequantizeLinear", ["w", "one", "zero"], ["wd"]),
        helper.make_node(op, ["xd", "wd"], ["y"]),
    ]
    narrow = [
        helper.make_tensor("zero", kind, [], [0.0]),
        helper.make_tensor("w", kind, weights, ones),
    ]
    inputs: Inputs = {"x": (np.float32, [None, *shape])}
    scale = {"one": np.asarray(1, np.float32)}
    return serialized(nodes, inputs, scale, np.float32, opset=_FP8_OPSET, narrow=narrow)


def one_node(
    op: str,
    names: list[str],
    inputs: Inputs,
    constants: Arrays,
    output: type,
    *,
    domain: str = "",
    **attributes: Any,
) -> bytes:
    """A model of one operator with output `y`."""
    node = helper.make_node(op, names, ["y"], domain=domain, **attributes)
    return serialized([node], inputs, constants, output)


def serialized(
    nodes: list[Any],
    inputs: Inputs,
    constants: Arrays,
    output: type,
    *,
    opset: int = _OPSET,
    narrow: Sequence[Any] = (),
) -> bytes:
    """A model of these nodes with output `y` of the first input's rank.

    `narrow` are constants that are made already, as numpy has no type for them.
    """

    def info(name: str, kind: type, shape: Sequence[int | None]) -> Any:
        code = helper.np_dtype_to_tensor_dtype(np.dtype(kind))
        return helper.make_tensor_value_info(name, code, list(shape))

    rank = len(next(iter(inputs.values()))[1])
    graph = helper.make_graph(
        nodes,
        "probe",
        [info(name, kind, shape) for name, (kind, shape) in inputs.items()],
        [info("y", output, [None] * rank)],
        [*(numpy_helper.from_array(array, name) for name, array in constants.items()), *narrow],
    )
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid(_MS, 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=_IR)
    data: bytes = model.SerializeToString()
    return data
