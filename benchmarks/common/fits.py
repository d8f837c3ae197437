"""Plain values from outside into typed ones: what does not fit ends in where and why.

`msgspec.convert` does the work; here its error becomes a path and a reason, so that a raw file, a
suite and whatever comes next can each say it in a sentence of their own.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

T = TypeVar("T")
Path = tuple[str | int, ...]
"""Where a value stands: ``("model", 1, "class")`` is key `class` of the second model."""

Whole = Annotated[int, Meta(ge=0)]
"""A whole number, not negative."""
_MOST = 1.7976931348623157e308
Finite = Annotated[float, Meta(ge=-_MOST, le=_MOST)]
"""A number that is neither NaN nor infinite."""
Amount = Annotated[float, Meta(ge=0, le=_MOST)]
"""The same, not negative."""
Sha256 = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]
"""A digest in hexadecimal, lower case."""

_LONGEST = 200
_SAID = re.compile(r"(?s)(?P<why>.*) - at `(?:key` in `)?\$(?P<where>[^`]*)`")
_STEP = re.compile(r"\.(?P<key>[^.\[\]]+)|\[(?P<index>\d+)\]")


class Misfit(ValueError):
    """A value that is not of the type that it should be.

    Attributes:
        path: where it stands in what was given.
        why: what is wrong, as words without a full stop.
    """

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{dotted(path)}: {why}" if path else why)
        self.path = path
        self.why = why


def fitted(values: Any, kind: Any, hook: Callable[[Any, Any], Any] | None = None) -> Any:
    """`values` as a `kind`: a struct, a dataclass, or any other type that msgspec knows.

    Args:
        values: plain values, such as JSON or TOML gives them.
        kind: the type.
        hook: makes values of types that msgspec does not know; a ValueError is a misfit.

    Raises:
        Misfit: they do not fit.
    """
    try:
        return msgspec.convert(values, kind, dec_hook=hook)
    except msgspec.ValidationError as error:
        said = _SAID.fullmatch(str(error))
        why, where = (said["why"], said["where"]) if said else (str(error), "")
        raise Misfit(_path(where), _short(why)) from error


def _path(where: str) -> Path:
    steps = _STEP.finditer(where)
    return tuple(step["key"] or int(step["index"]) for step in steps)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else line[:_LONGEST] + "..."


def dotted(path: Path) -> str:
    """A path as people write it, counted from 1: ``model[2].class``."""
    words = ""
    for part in path:
        words += f"[{part + 1}]" if isinstance(part, int) else f"{'.' if words else ''}{part}"
    return words
