"""Small tflite files: real ones, and ones that are wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from ai_edge_litert import schema_py_generated as schema
from bitgauge.agents.runtimes.litert.encode import Lite, Operator, Tensor
from bitgauge.benchmarks import zoo
from onnx import numpy_helper

__all__ = ["Lite", "Operator", "Tensor"]


def empty() -> Lite:
    """y = |x| of one float."""
    return Lite(
        (Tensor("x", (1,)), Tensor("y", (1,))),
        (Operator("ABS", ("x",), ("y",), schema.AbsOptionsT()),),
        ("x",),
        ("y",),
        description="empty",
    )


def sentinel(side: int = 192) -> Lite:
    """Four products with x itself."""
    options = schema.BatchMatMulOptionsT()
    options.adjX = options.adjY = options.asymmetricQuantizeInputs = False
    names = ("x", "h1", "h2", "h3", "y")
    return Lite(
        tuple(Tensor(name, (1, side, side)) for name in names),
        tuple(
            Operator("BATCH_MATMUL", (names[k], "x"), (names[k + 1],), options) for k in range(4)
        ),
        ("x",),
        ("y",),
        description="sentinel",
    )


def doubled(batch: int = -1, *, scale: float = 0.0, **more: Any) -> Lite:
    """y = x + x of four floats a sample; with a scale its tensors are 8-bit codes."""
    kind = "int8" if scale else "float32"
    x, y = (Tensor(name, (batch, 4), kind, None, scale, 3) for name in ("x", "y"))
    return Lite(
        (x, y), (Operator("ADD", ("x", "x"), ("y",), schema.AddOptionsT()),), ("x",), ("y",), **more
    )


def halves(batch: int) -> Lite:
    """y = x + x between borders of half precision."""
    cast = [schema.CastOptionsT(), schema.CastOptionsT()]
    half, single = schema.TensorType.FLOAT16, schema.TensorType.FLOAT32
    for one, (given, made) in zip(cast, ((half, single), (single, half)), strict=True):
        one.inDataType, one.outDataType = given, made
    kinds = {"x": "float16", "wide": "float32", "sum": "float32", "y": "float16"}
    return Lite(
        tuple(Tensor(name, (batch, 4), kind) for name, kind in kinds.items()),
        (
            Operator("CAST", ("x",), ("wide",), cast[0]),
            Operator("ADD", ("wide", "wide"), ("sum",), schema.AddOptionsT()),
            Operator("CAST", ("sum",), ("y",), cast[1]),
        ),
        ("x",),
        ("y",),
    )


def mlp(batch: int = 1) -> Lite:
    """The zoo's dense network with the same weights, for batches of one size."""
    model = next(one for one in zoo.models() if one.name == "digits-mlp")
    graph = onnx.load(model.path).graph
    arrays = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    weights = [name for name in arrays if name.endswith(".weight")]
    tensors = [Tensor("pixels", (batch, 1, 8, 8)), Tensor("flat", (batch, 64))]
    tensors += [Tensor("shape", (2,), "int32", np.array([batch, 64], np.int32))]
    reshape = schema.ReshapeOptionsT()
    reshape.newShape = [batch, 64]
    operators = [Operator("RESHAPE", ("pixels", "shape"), ("flat",), reshape)]
    source = "flat"
    for name in weights:
        last = name == weights[-1]
        matrix, bias = arrays[name].T, arrays[name.replace(".weight", ".bias")]
        target = "logits" if last else f"{name}.out"
        tensors += [
            Tensor(name, matrix.shape, data=matrix),
            Tensor(f"{name}.bias", bias.shape, data=bias),
            Tensor(target, (batch, len(bias))),
        ]
        options = schema.FullyConnectedOptionsT()
        if not last:
            options.fusedActivationFunction = schema.ActivationFunctionType.RELU
        inputs = (source, name, f"{name}.bias")
        operators.append(Operator("FULLY_CONNECTED", inputs, (target,), options))
        source = target
    return Lite(tuple(tensors), tuple(operators), ("pixels",), ("logits",))
