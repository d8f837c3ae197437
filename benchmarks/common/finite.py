"""JSON knows no number that is not finite: a writer that meets one would write null instead."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Mapping
from dataclasses import is_dataclass
from enum import Enum
from types import NoneType
from typing import Any, get_args, get_type_hints

from ..vocabulary.errors import Code, Internal

_WITHOUT = (str, int, bool, bytes, NoneType)


def require_finite(value: object, what: str = "") -> None:
    """Refuse to write a value of which a number is not finite; it names the number.

    Raises:
        Internal: whoever made the value should have refused or explained it.
    """
    for name, number in _numbers(value, what or type(value).__name__):
        if not math.isfinite(number):
            raise Internal(
                Code.INTERNAL, f"{name} is {number}, and nothing but finite numbers is stored."
            )


def _numbers(value: Any, name: str) -> Iterator[tuple[str, float]]:
    if isinstance(value, float):
        yield name, value
    elif isinstance(value, (tuple, list)):
        for index, item in enumerate(value):
            if type(item) in _WITHOUT:
                continue
            yield from _numbers(item, f"{name}[{index}]")
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _numbers(item, f"{name}[{key!r}]")
    elif hasattr(value, "__dataclass_fields__"):
        for field in _telling(type(value)):  # type: ignore[arg-type]  # a class has a hash
            yield from _numbers(getattr(value, field), f"{name}.{field}")


@functools.cache
def _telling(kind: Any) -> tuple[str, ...]:
    """The fields of a value in which a number with a fraction may be."""
    return tuple(name for name, hint in get_type_hints(kind).items() if _may_tell(hint))


@functools.cache
def _may_tell(hint: Any) -> bool:
    if hint is float:
        return True
    if hint in _WITHOUT or hint is Ellipsis:
        return False
    if parts := get_args(hint):
        return any(map(_may_tell, parts))
    if isinstance(hint, type) and issubclass(hint, Enum):
        return False
    return not is_dataclass(hint) or bool(_telling(hint))  # type: ignore[arg-type]
