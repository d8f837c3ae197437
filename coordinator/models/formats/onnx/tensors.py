"""Tensors of a model that claim more values than they hold: said before anything makes room."""

from __future__ import annotations

from math import prod
from typing import Any

from bitgauge.benchmarks.numerics.external_data import bytes_of, is_external
from bitgauge.benchmarks.numerics.onnx_operators import messages
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code

MAX_EXPANSION = 200
"""Bytes of a sparse tensor when it is written out, for each of its stored ones."""
FREE_BYTES = 64 << 20
"""Of a sparse tensor that is written out, which need no such ratio."""
_SHOWN = 100


def require_sound(model: Any, label: str) -> None:
    """Refuse tensors whose shape is not that of their values, wherever they stand.

    Raises:
        BadInput: `BAD_MODEL`.
    """
    for tensor in messages(model, "TensorProto"):
        name = tensor.name[:_SHOWN]
        if min(tensor.dims, default=0) < 0:
            raise _bad(f"{label} gives tensor {name!r} a negative size.")
        claimed = prod(int(size) for size in tensor.dims)
        if not is_external(tensor) and claimed > (held := _held(tensor)):
            raise _bad(f"{label} says that tensor {name!r} has {claimed} values; it holds {held}.")
    for sparse in messages(model, "SparseTensorProto"):
        _require_dense_enough(sparse, label)


def _require_dense_enough(sparse: Any, label: str) -> None:
    """Refuse a sparse tensor of a few values that a runtime would write out as a huge one."""
    values, dims = sparse.values, [int(size) for size in sparse.dims]
    if min(dims, default=0) < 0:
        raise _bad(f"{label} gives sparse tensor {values.name[:_SHOWN]!r} a negative size.")
    stored = bytes_of(values)
    each = stored // max(prod(int(size) for size in values.dims), 1) or 1
    if (claimed := prod(dims) * each) > FREE_BYTES + MAX_EXPANSION * stored:
        raise _bad(
            f"{label} makes {claimed} bytes out of {stored} stored ones in sparse tensor"
            f" {values.name[:_SHOWN]!r}."
        )


def _held(tensor: Any) -> int:
    """At most how many values a tensor that is in the model holds."""
    import onnx

    if tensor.data_type == onnx.TensorProto.STRING:
        return len(tensor.string_data)
    one = onnx.TensorProto(data_type=tensor.data_type, dims=[8])
    eight = bytes_of(one)
    if tensor.HasField("raw_data"):
        return 8 * len(tensor.raw_data) // eight
    per_entry = max(8 // eight, 1)  # of 4 bits or less, several share one
    halves = 2 if tensor.data_type in _COMPLEX else 1
    counts = (
        len(tensor.float_data) // halves,
        len(tensor.double_data) // halves,
        len(tensor.int32_data) * per_entry,
        len(tensor.int64_data),
        len(tensor.uint64_data),
    )
    return max(counts)


_COMPLEX = (14, 15)
"""COMPLEX64 and COMPLEX128 of onnx.proto3, whose values are pairs."""


def _bad(sentence: str) -> BadInput:
    return BadInput(Code.BAD_MODEL, sentence)
