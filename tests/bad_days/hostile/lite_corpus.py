"""Hostile tflite files: tables that contradict one another, kernels that are asked for too much.

Each is what a stranger may send. Without a look at them before they are loaded, several end the
process or read what is not there; wherever they end, nobody else may notice.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tests.labs.graphs.lite import Lite, Operator, Tensor

from .corpus import Hostile

BAD = "bad_model"


def baseline() -> bytes:
    """Twice its input, which does nothing wrong."""
    return _doubled().encoded()


def lite_models() -> tuple[Hostile, ...]:
    """Every file, and how it must end."""
    return (
        Hostile("an empty file", b"", BAD),
        Hostile("four bytes", b"TFL3", BAD),
        Hostile("no table behind the mark", b"\xff\xff\xff\x7fTFL3" + bytes(32), BAD),
        *(
            Hostile(f"cut at {share} %", baseline()[: len(baseline()) * share // 100], BAD)
            for share in (20, 50, 90)
        ),
        Hostile("offsets set high", _flipped(), BAD),
        Hostile("a schema of tomorrow", _changed(_version), BAD),
        Hostile("no graph", _changed(_no_graph), BAD),
        Hostile("an input that is no tensor", _changed(_no_tensor), BAD),
        Hostile("an output far away", _changed(_far_output), BAD),
        Hostile("an operator of no kind", _changed(_no_kind), BAD),
        Hostile("values of no buffer", _changed(_no_buffer), BAD),
        Hostile("values beyond the file", _changed(_beyond), BAD),
        Hostile("fewer values than its shape", _short_weights(), BAD),
        Hostile("a constant that is written to", _written_constant(), BAD),
        Hostile("a size below zero", _changed(_below_zero), BAD),
        Hostile("a tensor of exabytes", _changed(_exabytes), BAD),
        Hostile("a graph within itself", _changed(_within_itself), BAD),
        Hostile("one scale for many channels", _one_scale(), BAD),
        Hostile("scales of blocks far away", _blocks(scales=1 << 20), BAD),
        Hostile("fewer scales than blocks", _blocks(block=2), BAD),
        Hostile("blocks that fill no row", _blocks(block=24), BAD),
        Hostile("blocks of nothing", _blocks(block=0), BAD),
        Hostile("a signature of another graph", _changed(_far_signature), BAD),
        Hostile("code of its own", _custom(), "unsupported_artifact"),
    )


IN_A_CHILD = (
    *("offsets set high", "values beyond the file", "a tensor of exabytes"),
    *("a graph within itself", "one scale for many channels", "code of its own"),
    *("scales of blocks far away", "fewer scales than blocks"),
)
"""Those that an agent is given; all of them are looked at in `tests/agents/runtimes/litert`."""


def _doubled() -> Lite:
    x, y = Tensor("input", (-1, 10)), Tensor("y", (-1, 10))
    add = Operator("ADD", ("input", "input"), ("y",), schema.AddOptionsT())
    return Lite((x, y), (add,), ("input",), ("y",))


def _changed(change: Callable[[Any], None], model: Lite | None = None) -> bytes:
    """A file whose tables are changed and packed again."""
    held = (model or _doubled()).encoded()
    made = schema.ModelT.InitFromObj(schema.Model.GetRootAs(held, 0))
    change(made)
    builder = flatbuffers.Builder(1024)
    builder.Finish(made.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def _flipped() -> bytes:
    """Every offset of the root table points far behind the end."""
    data = bytearray(baseline())
    root = int.from_bytes(data[:4], "little")
    for at in range(root + 4, root + 28, 4):
        data[at : at + 4] = (0x7FFFFFF0).to_bytes(4, "little")
    return bytes(data)


def _version(model: Any) -> None:
    model.version = 4


def _no_graph(model: Any) -> None:
    model.subgraphs = []


def _no_tensor(model: Any) -> None:
    model.subgraphs[0].operators[0].inputs = [0, 1 << 20]


def _far_output(model: Any) -> None:
    model.subgraphs[0].outputs = [1 << 28]


def _no_kind(model: Any) -> None:
    model.subgraphs[0].operators[0].opcodeIndex = 77


def _no_buffer(model: Any) -> None:
    model.subgraphs[0].tensors[0].buffer = 1 << 24


def _beyond(model: Any) -> None:
    model.buffers[0].offset, model.buffers[0].size = 1 << 40, 1 << 20


def _below_zero(model: Any) -> None:
    model.subgraphs[0].tensors[1].shape = [-5, 10]


def _exabytes(model: Any) -> None:
    model.subgraphs[0].tensors[1].shape = [1 << 30, 1 << 30]


def _far_signature(model: Any) -> None:
    model.signatureDefs[0].subgraphIndex = 9


def _within_itself(model: Any) -> None:
    """Its loop's body is the graph that it is in."""
    code = schema.OperatorCodeT()
    code.builtinCode, code.deprecatedBuiltinCode, code.version = (
        schema.BuiltinOperator.WHILE,
        119,
        1,
    )
    model.operatorCodes.append(code)
    one = model.subgraphs[0].operators[0]
    one.opcodeIndex, one.inputs = 1, [0]
    one.builtinOptionsType = schema.BuiltinOptions.WhileOptions
    one.builtinOptions = schema.WhileOptionsT()
    one.builtinOptions.condSubgraphIndex = one.builtinOptions.bodySubgraphIndex = 0


def _dense(weights: Tensor) -> Lite:
    sides = (Tensor("input", (1, 10)), weights, Tensor("y", (1, 10)))
    options = schema.FullyConnectedOptionsT()
    return Lite(
        sides, (Operator("FULLY_CONNECTED", ("input", "w"), ("y",), options),), ("input",), ("y",)
    )


def _short_weights() -> bytes:
    return _dense(Tensor("w", (10, 10), data=np.ones(7, np.float32))).encoded()


def _written_constant() -> bytes:
    x = Tensor("input", (1, 10))
    y = Tensor("y", (1, 10), data=np.ones(10, np.float32))
    add = Operator("ADD", ("input", "input"), ("y",), schema.AddOptionsT())
    return Lite((x, y), (add,), ("input",), ("y",)).encoded()


def _one_scale() -> bytes:
    """The depthwise kernel for floats reads a scale of each channel without counting them."""
    options = schema.DepthwiseConv2DOptionsT()
    options.strideW = options.strideH = options.dilationWFactor = options.dilationHFactor = 1
    options.padding, options.depthMultiplier = schema.Padding.VALID, 4096
    held = np.ones((1, 1, 1, 4096), np.int8)
    sides = (
        Tensor("input", (1, 1, 1, 1)),
        Tensor("w", (1, 1, 1, 4096), "int8", held, 0.1),
        Tensor("bias", (4096,), data=np.zeros(4096, np.float32)),
        Tensor("y", (1, 1, 1, 4096)),
    )
    apart = Operator("DEPTHWISE_CONV_2D", ("input", "w", "bias"), ("y",), options)
    return Lite(sides, (apart,), ("input",), ("y",)).encoded()


def _blocks(scales: int | None = None, block: int | None = None) -> bytes:
    """Kernels read the scale of each block without counting them."""
    held = np.ones((10, 64), np.int8)
    sides = (
        Tensor("input", (1, 64)),
        Tensor("w", (10, 64), "int4", held, (0.25, 0.75), block=32),
        Tensor("y", (1, 10)),
    )
    dense = Operator("FULLY_CONNECTED", ("input", "w"), ("y",), schema.FullyConnectedOptionsT())

    def change(model: Any) -> None:
        details = model.subgraphs[0].tensors[1].quantization.details
        details.scales = details.scales if scales is None else scales
        details.blockSize = details.blockSize if block is None else block

    return _changed(change, Lite(sides, (dense,), ("input",), ("y",)))


def _custom() -> bytes:
    x, y = Tensor("input", (1, 10)), Tensor("y", (1, 10))
    return Lite(
        (x, y), (Operator("Open", ("input",), ("y",), custom=True),), ("input",), ("y",)
    ).encoded()
