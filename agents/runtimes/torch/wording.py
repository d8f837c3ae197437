"""What operators of exported programs are called, and what they do with values.

Names are those of the library's operators without their overload: ``aten.linear``. A node is one of
`torch.fx`, which no module here has to import to read.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

SUBCLASS = "export.access_subclass_inner_tensor"
_SAME_PLACES = frozenset(
    f"aten.{name}"
    for name in ("clone", "contiguous", "detach", "detach_", "alias", "lift_fresh_copy")
)
_OTHER_PLACES = frozenset(
    f"aten.{name}"
    for name in (
        *("t", "transpose", "permute", "reshape", "view", "_unsafe_view", "flatten", "unflatten"),
        *("squeeze", "unsqueeze", "expand", "slice", "select", "movedim", "swapaxes", "view_as"),
        *("split", "split_with_sizes", "chunk", "unbind", "repeat", "index_select"),
    )
)
_CASTS = frozenset(("aten.to", "aten._to_copy", "aten.type_as"))
_OF_DECOMPOSED = ("tensor", "channel", "channel_group", "token")
QUANTIZES = frozenset(
    (
        *(f"quantized_decomposed.quantize_per_{one}" for one in _OF_DECOMPOSED),
        *("torchao.quantize_affine", "quantization.quantize_affine"),
    )
)
DEQUANTIZES = frozenset(one.replace("quantize_", "dequantize_") for one in QUANTIZES)
_TRANSPOSES: dict[str, Callable[[tuple[Any, ...], int], bool]] = {
    "aten.t": lambda given, rank: rank == 2,
    "aten.transpose": lambda given, rank: {axis % rank for axis in given} == {rank - 2, rank - 1},
    "aten.permute": lambda given, rank: rank == 2 and [axis % 2 for axis in given[0]] == [1, 0],
}


def kind_of(node: Any) -> str:
    """The operator of a node without its overload; "" for what is none."""
    if node.op != "call_function":
        return ""
    if getattr(node.target, "__name__", "") == "getitem":
        return "getitem"
    return ".".join(str(node.target).split(".")[:2])


def dtype_of(node: Any) -> str:
    """``float32``; "" for what is no tensor."""
    return str(getattr(node.meta.get("val"), "dtype", "")).removeprefix("torch.")


def shape_of(node: Any) -> tuple[int | None, ...]:
    """None for a size that a call chooses."""
    return tuple(
        one if isinstance(one, int) else None for one in getattr(node.meta.get("val"), "shape", ())
    )


def source(node: Any) -> Any:
    """What a node takes first, where that is a node; else None."""
    first = node.args[0] if node.args else None
    return first if hasattr(first, "op") else None


def is_copy(node: Any) -> bool:
    """Whether it holds values of what it takes, in other places or another type."""
    kind = kind_of(node)
    if kind in _SAME_PLACES or kind in _OTHER_PLACES or kind in DEQUANTIZES:
        return True
    given = source(node)
    if given is None:
        return False
    if kind == "getitem":
        return is_copy(given)
    return kind in _CASTS and _keeps(dtype_of(given), dtype_of(node))


def _keeps(given: str, made: str) -> bool:
    """Whether a cast changes no value that quantized programs cast."""
    if given == made or (given in ("float16", "bfloat16") and made in ("float32", "float64")):
        return True
    return given.startswith(("int", "uint", "float8")) and made.startswith("float")


def keeps_shape(node: Any) -> bool:
    """Whether it holds all values of what it takes in their places."""
    kind, given = kind_of(node), source(node)
    if given is None:
        return False
    within = kind in _SAME_PLACES or kind in DEQUANTIZES or kind in _CASTS
    same = shape_of(given) == shape_of(node)
    return same and (within or kind in _OTHER_PLACES)


def transposes(node: Any) -> bool:
    """Whether it swaps the last two axes and does nothing else."""
    turns = _TRANSPOSES.get(kind_of(node))
    return turns is not None and turns(tuple(node.args[1:]), len(shape_of(node)))
