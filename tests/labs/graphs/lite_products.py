"""Tflite files of one integer operator with random codes, of every kind that is computed again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema
from bitgauge.agents.runtimes.litert.encode import Lite, Operator, Tensor

Array = npt.NDArray[Any]

_NAMES = {"s4": "int4", "s8": "int8", "s16": "int16", "f32": "float32"}
RELU, RELU6 = 1, 3


@dataclass(frozen=True)
class Product:
    """One operator: its types, such as `s8` and `s4`, and the shapes of its factors."""

    kind: str
    activations: str
    weights: str
    a: tuple[int, ...]
    b: tuple[int, ...]
    y: tuple[int, ...]
    activation: int = 0
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def types(self) -> str:
        return f"{self.activations}{self.weights}"

    @property
    def name(self) -> str:
        more = "".join(f" {name}={value}" for name, value in self.more.items())
        return f"{self.kind}.{self.types}.{self.activation}{more}"


def products() -> list[Product]:
    """Every product that is computed again."""
    found = []
    for a, b in (("s8", "s8"), ("s8", "s4"), ("s16", "s8"), ("f32", "s8"), ("f32", "s4")):
        for activation in (0, RELU, RELU6):
            found.append(Product("FULLY_CONNECTED", a, b, (5, 70), (9, 70), (5, 9), activation))
        same = {"padding": 0}
        apart = {"padding": 1, "strides": 2}
        for more, out in ((same, (2, 9, 7)), (apart, (2, 4, 3))):
            shape = (2, 9, 7, 6)
            found.append(Product("CONV_2D", a, b, shape, (8, 3, 3, 6), (*out, 8), RELU, more))
            if (a, b) == ("f32", "s4"):
                continue  # LiteRT has no such kernel
            deep = (*out, 12)
            found.append(Product("DEPTHWISE_CONV_2D", a, b, shape, (1, 3, 3, 12), deep, 0, more))
    for adjoint in (False, True):
        b_shape = (3, 8, 24) if adjoint else (3, 24, 8)
        found.append(
            Product("BATCH_MATMUL", "s8", "s8", (3, 6, 24), b_shape, (3, 6, 8), 0, {"adj": adjoint})
        )
    return found


def model(one: Product, seed: int = 5) -> tuple[Lite, dict[str, Array]]:
    """The file of one product, and its feeds as numbers."""
    rng = np.random.default_rng(seed)
    dynamic = one.kind == "BATCH_MATMUL"
    top = {"s4": 7, "s8": 127}[one.weights]
    b = rng.integers(-top, top + 1, one.b).astype(np.int8)
    axis = {"DEPTHWISE_CONV_2D": 3}.get(one.kind, 0)
    channels = one.b[axis]
    step = {"s8": 0.02, "s16": 0.0001, "f32": 0.0}[one.activations]
    zero = {"s8": -7, "s16": 0, "f32": 0}[one.activations]
    scales = tuple(rng.uniform(0.002, 0.01, channels).astype(np.float32).tolist())
    kind = _NAMES[one.activations]
    a = rng.normal(0.2, 0.8, one.a).astype(np.float32)
    out = {"s8": 0.06, "s16": 0.0006, "f32": 0.0}[one.activations]
    out_zero = {"s8": 5, "s16": 0, "f32": 0}[one.activations]
    tensors = [Tensor("a", one.a, kind, None, step, zero)]
    sides: tuple[str, ...] = ("a", "b", "bias")
    inputs: tuple[str, ...] = ("a",)
    feeds = {"a": a}
    if dynamic:
        tensors.append(Tensor("b", one.b, "int8", None, 0.01, 4))
        sides = inputs = ("a", "b")
        feeds["b"] = rng.normal(0, 0.5, one.b).astype(np.float32)
    else:
        tensors.append(Tensor("b", one.b, _NAMES[one.weights], b, scales, axis=axis))
        tensors.append(_bias(one, rng, step, scales, channels))
    tensors.append(Tensor("y", one.y, kind, None, out, out_zero))
    operator = Operator(one.kind, sides, ("y",), _options(one))
    return Lite(tuple(tensors), (operator,), inputs, ("y",)), feeds


def _bias(
    one: Product, rng: np.random.Generator, step: float, scales: tuple[float, ...], channels: int
) -> Tensor:
    if one.activations == "f32":
        return Tensor("bias", (channels,), "float32", rng.normal(size=channels).astype(np.float32))
    kind = "int64" if one.activations == "s16" else "int32"
    held = rng.integers(-2000, 2000, channels).astype(kind)
    return Tensor("bias", (channels,), kind, held, tuple(step * scale for scale in scales), axis=0)


def _options(one: Product) -> Any:
    made = {
        "FULLY_CONNECTED": schema.FullyConnectedOptionsT,
        "CONV_2D": schema.Conv2DOptionsT,
        "DEPTHWISE_CONV_2D": schema.DepthwiseConv2DOptionsT,
        "BATCH_MATMUL": schema.BatchMatMulOptionsT,
    }[one.kind]()
    if one.kind == "BATCH_MATMUL":
        made.adjX, made.adjY = False, one.more["adj"]
        made.asymmetricQuantizeInputs = False
        return made
    made.fusedActivationFunction = one.activation
    if one.kind != "FULLY_CONNECTED":
        made.padding = one.more["padding"]
        made.strideH = made.strideW = one.more.get("strides", 1)
        made.dilationHFactor = made.dilationWFactor = 1
    if one.kind == "DEPTHWISE_CONV_2D":
        made.depthMultiplier = one.b[3] // one.a[3]
    return made


def on_codes(kind: str, options: Any, inputs: int = 1, extra: Tensor | None = None) -> Lite:
    """A file of one operator that works value by value on codes of eight bits."""
    names = ("a", "b")[:inputs]
    shape = (2, 3, 8)
    out = {"CONCATENATION": (2, 3, 16), "MEAN": (2, 1, 8)}.get(kind, shape)
    scale, zero = {"SOFTMAX": (1 / 256, -128), "LOGISTIC": (1 / 256, -128)}.get(kind, (0.03, 2))
    tensors = [Tensor(name, shape, "int8", None, 0.02, -3) for name in names]
    tensors += [extra] if extra is not None else []
    tensors.append(
        Tensor(
            "y",
            out,
            "int8",
            None,
            0.02 if kind == "CONCATENATION" else scale,
            -3 if kind == "CONCATENATION" else zero,
        )
    )
    sides = (*names, *([extra.name] if extra is not None else []))
    return Lite(tuple(tensors), (Operator(kind, sides, ("y",), options),), names, ("y",))
