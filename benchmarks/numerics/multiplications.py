"""How many multiplications an operator makes, also where its tensors are not shown.

Tensors inside the graph of another node (If, Loop, Scan) cannot be looked at without changing what
the node is: there the shapes that the file states are taken, and the stated number of rounds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from .graph import ATTENTION, COLUMNS, CONVOLUTION, DENSE, RECURRENT, SCORES
from .onnx_operators import attributes

Shapes = Mapping[str, tuple[int, ...]]


def multiplications(
    form: str, inputs: Sequence[str], output: str, factors: tuple[str, str], shapes: Shapes
) -> int:
    """Products that one call computes, from the shapes of its tensors; 0 when unknown.

    Args:
        form: of the operator, a key of `graph.FORMS`.
        inputs: names of its tensors.
        output: name of what it makes.
        factors: names of activations and weights.
        shapes: of the tensors by name.
    """
    made = int(np.prod(shapes[output], dtype=np.int64)) if output in shapes else 0
    a, b = (shapes.get(name, ()) for name in factors)
    if form == RECURRENT:
        weights = [shapes.get(name, ()) for name in inputs[1:3]]
        per_step = sum(int(np.prod(shape, dtype=np.int64)) for shape in weights if shape)
        return int(np.prod(a[:2], dtype=np.int64)) * per_step if a else 0
    if form == SCORES and len(a) == len(b) == 4:  # (batch, head, place, feature)
        return 2 * made * b[2]
    if form in (ATTENTION, SCORES):
        return _attention(made, shapes.get(output, ()), a, b if form == ATTENTION else ())
    return made * _depth(form, a, b, shapes.get(output, ()))


def _depth(form: str, a: tuple[int, ...], b: tuple[int, ...], made: tuple[int, ...]) -> int:
    """Products that are summed into one value of the output; 0 when unknown."""
    if form == CONVOLUTION:
        return int(np.prod(b[1:], dtype=np.int64)) if len(b) > 2 else 0
    if form == DENSE:
        return b[-1] if b else 0
    if form == COLUMNS:
        return a[-2] if len(a) > 1 else 0
    if not a and len(b) == 2 and made:
        return b[0] if b[1] == made[-1] else b[1]
    return a[-1] if a else 0


def _attention(
    made: int, output: tuple[int, ...], a: tuple[int, ...], projected: tuple[int, ...]
) -> int:
    """Scores and weighted sums, and the projections where the operator holds them."""
    length = output[1] if len(output) == 3 else 0
    projections = 0
    if len(a) == 3 and len(projected) == 2:
        projections = a[0] * a[1] * projected[0] * projected[1]
    return 2 * made * length + projections


def known_shapes(graph: Any) -> dict[str, tuple[int | None, ...]]:
    """Shapes that a graph message states of its tensors, constants included."""
    found: dict[str, tuple[int | None, ...]] = {
        str(tensor.name): tuple(tensor.dims) for tensor in graph.initializer
    }
    for value in (*graph.input, *graph.value_info, *graph.output):
        tensor = value.type.tensor_type
        if tensor.HasField("shape"):
            sizes = (dim.dim_value if dim.dim_value > 0 else None for dim in tensor.shape.dim)
            found[str(value.name)] = tuple(sizes)
    return found


def bodies(
    node: Any, constants: Mapping[str, Any], shapes: Mapping[str, tuple[int | None, ...]]
) -> Iterator[tuple[Any, int]]:
    """The graphs inside a node, and how often each runs in a call as far as that is stated.

    Of two branches each is taken to run: which one does only a call can tell.

    Args:
        node: the node message.
        constants: tensor messages that are known beside it, by name.
        shapes: stated beside it.
    """
    times = 1
    if node.op_type == "Loop":
        times = _rounds(node, constants)
    elif node.op_type == "Scan":
        times = _steps(node, shapes)
    for item in node.attribute:
        for body in (*([item.g] if item.HasField("g") else ()), *item.graphs):
            yield body, times


def _rounds(node: Any, constants: Mapping[str, Any]) -> int:
    """The trip count of a Loop where it is a constant, else 1."""
    from onnx import numpy_helper

    count = constants.get(node.input[0]) if node.input else None
    value = numpy_helper.to_array(count) if count is not None else np.ones(1)
    return max(int(value.reshape(-1)[0]), 1) if value.size == 1 else 1


def _steps(node: Any, shapes: Mapping[str, tuple[int | None, ...]]) -> int:
    """The length of a Scan's sequences where it is stated, else 1."""
    given = attributes(node)
    scanned = int(given.get("num_scan_inputs", 0))
    axes: list[int] = list(given.get("scan_input_axes") or [0] * scanned)
    names = list(node.input)[-scanned:] if scanned else []
    for name, axis in zip(names, axes, strict=False):
        shape = shapes.get(name, ())
        if -len(shape) <= axis < len(shape) and (size := shape[axis]) is not None:
            return max(size, 1)
    return 1
