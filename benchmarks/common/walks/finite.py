"""JSON knows no number that is not finite: a writer that meets one would write null instead."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from ...vocabulary.errors import Code, Internal
from .leaves import fields_with


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
            yield from _numbers(item, f"{name}[{index}]")
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _numbers(item, f"{name}[{key!r}]")
    elif hasattr(value, "__dataclass_fields__"):
        for field in fields_with(type(value), float):
            yield from _numbers(getattr(value, field), f"{name}.{field}")
