"""What a tflite file must be before LiteRT builds anything from it.

LiteRT verifies that the flatbuffer is well formed: its offsets and lengths. It trusts what the
tables say of each other, and a file whose tables contradict one another crashes it or makes it read
what is not there. This looks at exactly that: numbers of tensors, buffers and subgraphs, sizes
against bytes, and a scale for each channel that a kernel asks for. What it raises is one sentence.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bitgauge.benchmarks.common.tflite.tables import (
    BITS,
    FileGraph,
    FileOperator,
    FileTensor,
    Tables,
)
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code, Refused

MAX_RANK = 8
"""Axes of a tensor that LiteRT's kernels take."""
MAX_DEPTH = 32
"""Subgraphs that call one another, one inside the other."""
MAX_BYTES = 1 << 40
"""Of one tensor as its shape says; more is no mistake of a size but of a file."""

_CHANNEL_AXIS = {"CONV_2D": 0, "DEPTHWISE_CONV_2D": 3, "TRANSPOSE_CONV": 0, "FULLY_CONNECTED": 0}
_RANKS = {"CONV_2D": 4, "DEPTHWISE_CONV_2D": 4, "TRANSPOSE_CONV": 4, "FULLY_CONNECTED": 2}
"""Axes of the weights of what multiplies."""
_WEIGHTS_AT = {"CONV_2D": 1, "DEPTHWISE_CONV_2D": 1, "TRANSPOSE_CONV": 1, "FULLY_CONNECTED": 1}
_CALLS = {
    "IF": ("thenSubgraphIndex", "elseSubgraphIndex"),
    "WHILE": ("condSubgraphIndex", "bodySubgraphIndex"),
    "CALL": ("subgraph",),
    "CALL_ONCE": ("initSubgraphIndex",),
}
_OWN = ("TFLite_Detection_PostProcess",)
"""Custom operators that LiteRT brings kernels for."""


def verify(tables: Tables) -> None:
    """Looks at all of a file.

    Raises:
        BadInput: `bad_model`, its tables contradict one another.
        Refused: `unsupported_artifact`, it needs an operator that LiteRT has no kernel for.
    """
    if not tables.graphs:
        raise _bad("The file has no graph")
    for at, graph in enumerate(tables.graphs):
        where = "" if not at else f" of subgraph {at}"
        for problem in (*_tensors(graph), *_operators(graph), *_edges(graph)):
            raise _bad(f"{problem}{where}")
    for problem in (*_signatures(tables), *_calls(tables)):
        raise _bad(problem)
    for one in (one for graph in tables.graphs for one in graph.operators if one.custom):
        if one.kind not in _OWN:
            raise Refused(
                Code.UNSUPPORTED_ARTIFACT,
                f"The file needs custom operator {one.kind[:80]!r}, which LiteRT has no kernel"
                " for; export it without.",
            )


def _bad(sentence: str) -> BadInput:
    return BadInput(Code.BAD_MODEL, sentence + ".")


def _tensors(graph: FileGraph) -> Iterator[str]:
    for one in graph.tensors:
        if any(size < 0 for size in one.shape):
            yield f"Tensor {_named(one)} has a size below zero"
        if len(one.shape) > MAX_RANK:
            yield f"Tensor {_named(one)} has {len(one.shape)} axes, more than {MAX_RANK}"
        bits = BITS.get(one.kind)
        if bits is None:
            continue
        wanted = -(-one.elements * bits // 8)
        if wanted > MAX_BYTES:
            yield f"Tensor {_named(one)} is of {wanted} bytes, more than {MAX_BYTES}"
        if one.data.size and one.data.size < wanted:
            yield f"Tensor {_named(one)} has {one.data.size} bytes for a shape of {wanted}"
        yield from _scales(one)
        if one.block:
            yield from _blocks(one, graph)


def _blocks(one: FileTensor, graph: FileGraph) -> Iterator[str]:
    """A scale for each block, which kernels read by their number without counting them."""
    if one.block < 0 or not one.shape or one.shape[-1] % one.block:
        yield f"Tensor {_named(one)} has blocks of {max(one.block, 0)} in rows of {one.shape[-1:]}"
    elif not 0 <= one.scales_at < len(graph.tensors):
        yield (
            f"Tensor {_named(one)} has scales of blocks in tensor {one.scales_at} of"
            f" {len(graph.tensors)}"
        )
    else:
        held, wanted = graph.tensors[one.scales_at], one.elements // one.block
        if held.kind != "FLOAT16" or held.data.size != 2 * wanted:
            yield (
                f"Tensor {_named(one)} has {wanted} blocks, and {held.data.size} bytes of"
                f" {held.kind} as their scales instead of {2 * wanted} of FLOAT16"
            )


def _scales(one: FileTensor) -> Iterator[str]:
    if one.block or len(one.scales) < 2:
        return
    if not 0 <= one.axis < len(one.shape):
        yield f"Tensor {_named(one)} has scales along axis {one.axis} of {len(one.shape)}"
    elif len(one.scales) != one.shape[one.axis]:
        yield (
            f"Tensor {_named(one)} has {len(one.scales)} scales for {one.shape[one.axis]} channels"
        )
    if one.zeros and len(one.zeros) not in (1, len(one.scales)):
        yield f"Tensor {_named(one)} has {len(one.zeros)} zero points for {len(one.scales)} scales"


def _operators(graph: FileGraph) -> Iterator[str]:
    count = len(graph.tensors)
    for one in graph.operators:
        for at in one.inputs:
            if not -1 <= at < count:
                yield f"Operator {one.kind} takes tensor {at} of {count}"
                return
        for at in one.outputs:
            if not 0 <= at < count:
                yield f"Operator {one.kind} makes tensor {at} of {count}"
                return
            if graph.tensors[at].constant:
                yield f"Operator {one.kind} makes {_named(graph.tensors[at])}, which is a constant"
        yield from _weights(one, graph)


def _weights(one: FileOperator, graph: FileGraph) -> Iterator[str]:
    """A scale for each channel, where a kernel asks for channels by their number."""
    axis, at = _CHANNEL_AXIS.get(one.kind), _WEIGHTS_AT.get(one.kind, 0)
    if axis is None:
        return
    if len(one.inputs) <= at or one.inputs[at] < 0:
        yield f"Operator {one.kind} has no weights"
        return
    weights = graph.tensors[one.inputs[at]]
    if len(weights.shape) != _RANKS[one.kind]:
        yield (
            f"Operator {one.kind} has weights of {len(weights.shape)} axes instead of"
            f" {_RANKS[one.kind]}"
        )
        return
    if len(weights.scales) > 1 and not weights.block and weights.axis != axis:
        yield f"Operator {one.kind} has a scale for each place of axis {weights.axis}, not {axis}"
    bias = graph.tensors[one.inputs[2]] if len(one.inputs) > 2 and one.inputs[2] >= 0 else None
    if one.kind != "TRANSPOSE_CONV" and bias is not None:
        channels = weights.shape[axis]
        if bias.shape and bias.elements != channels:
            yield f"Operator {one.kind} has a bias of {bias.elements} for {channels} channels"
    yield from _apart(one, weights, graph)


def _apart(one: FileOperator, weights: FileTensor, graph: FileGraph) -> Iterator[str]:
    """The depthwise kernel that quantizes floats reads a scale per channel without counting."""
    if one.kind != "DEPTHWISE_CONV_2D" or one.inputs[0] < 0:
        return
    floats = graph.tensors[one.inputs[0]].kind == "FLOAT32"
    integers = weights.kind in ("INT8", "INT4")
    if floats and integers and len(weights.scales) != weights.shape[3]:
        yield (
            f"Operator {one.kind} has {len(weights.scales)} scales for {weights.shape[3]} channels"
        )


def _edges(graph: FileGraph) -> Iterator[str]:
    for side, numbers in (("input", graph.inputs), ("output", graph.outputs)):
        for at in numbers:
            if not 0 <= at < len(graph.tensors):
                yield f"An {side} is tensor {at} of {len(graph.tensors)}"


def _signatures(tables: Tables) -> Iterator[str]:
    for one in tables.signatures:
        if not 0 <= one.graph < len(tables.graphs):
            yield f"Signature {one.key[:80]!r} is of subgraph {one.graph} of {len(tables.graphs)}"
            return
        graph = tables.graphs[one.graph]
        for names, numbers in ((one.inputs, graph.inputs), (one.outputs, graph.outputs)):
            for name, at in names.items():
                if at not in numbers:
                    yield (
                        f"Signature {one.key[:80]!r} names tensor {at} {name[:80]!r}, which is no"
                        " input or output"
                    )
                    return


def _calls(tables: Tables) -> Iterator[str]:
    """Subgraphs that call one another: each there, and none within itself."""
    calls: list[set[int]] = []
    for graph in tables.graphs:
        found: set[int] = set()
        for one in graph.operators:
            for name in _CALLS.get(one.kind, ()):
                found.add(_number(one.options.get(name)))
        calls.append(found)
    for at, found in enumerate(calls):
        for other in sorted(found):
            if not 0 <= other < len(calls):
                yield f"Subgraph {at} calls subgraph {other} of {len(calls)}"
                return
    yield from _endless(calls)


def _endless(calls: list[set[int]]) -> Iterator[str]:
    """A subgraph within itself would be entered for ever."""
    level = {at for at, found in enumerate(calls) if found}
    for _ in range(MAX_DEPTH):
        level = {at for at in level if calls[at] & level}
        if not level:
            return
    yield f"Subgraph {min(level)} calls itself, or more than {MAX_DEPTH} others one in another"


def _number(value: Any) -> int:
    return -1 if value is None else int(value)


def _named(one: FileTensor) -> str:
    return repr(one.name[:80])
