"""Named axes get the size that a user gave them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bitgauge.benchmarks.numerics.onnx_operators import graphs
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code

from .base import OrderTerms, copy_of


def finds(model: Any, wanted: OrderTerms) -> str:
    """Which named axes are given a size here."""
    named = {dim.dim_param for dim in _dims(model) if dim.dim_param}
    fixed = [f"{name} = {size}" for name, size in wanted.dims if name in named]
    return f"axes fixed: {', '.join(fixed)}" if fixed else ""


def taken(model: Any, wanted: OrderTerms) -> Any:
    """Every axis of such a name has its size, that of outputs and inner tensors too."""
    copy, sizes = copy_of(model), dict(wanted.dims)
    for dim in _dims(copy):
        if dim.dim_param in sizes:
            size = sizes[dim.dim_param]
            dim.Clear()
            dim.dim_value = size
    return copy


def require_named(model: Any, wanted: OrderTerms, label: str) -> None:
    """Refuse a size for what is no named axis of an input, or is the batch.

    Raises:
        BadInput: BAD_ARGUMENT, naming `label` and the axes that there are.
    """
    shapes = [
        [dim.dim_param for dim in one.type.tensor_type.shape.dim] for one in model.graph.input
    ]
    batch = {shape[0] for shape in shapes if shape}
    named = sorted({name for shape in shapes for name in shape[1:] if name} - batch)
    for name, _ in wanted.dims:
        if name in batch:
            raise BadInput(
                Code.BAD_ARGUMENT, f"The axis {name!r} of {label} is its batch; give --batch."
            )
        if name not in named:
            there = f"named axes are {', '.join(named)}" if named else "it has no named axis to fix"
            raise BadInput(Code.BAD_ARGUMENT, f"{label} has no axis {name!r}; {there}.")


def _dims(model: Any) -> Iterator[Any]:
    for graph in graphs(model.graph):
        for value in (*graph.input, *graph.output, *graph.value_info):
            if value.type.HasField("tensor_type"):
                yield from value.type.tensor_type.shape.dim
