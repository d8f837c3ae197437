"""Quantities that people type: times and sizes, always with their unit."""

from __future__ import annotations

import re

from .errors import BadInput, Code

_TIMES_NS = {"ns": 1.0, "us": 1e3, "µs": 1e3, "μs": 1e3, "ms": 1e6, "s": 1e9, "min": 6e10}
_SIZES_BYTES = {
    "b": 1,
    "kb": 10**3,
    "mb": 10**6,
    "gb": 10**9,
    "kib": 1 << 10,
    "mib": 1 << 20,
    "gib": 1 << 30,
}
_QUANTITY = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*([^\d\s.]+)\s*", re.ASCII)


def parse_time_ns(text: str) -> float:
    """Nanoseconds of a time such as `250us` or `1.5 ms`.

    Raises:
        BadInput: there is no unit, or none that is known.
    """
    return _parse(text, _TIMES_NS, "a time with its unit, such as 250us, 1.5ms or 2s")


def parse_size_bytes(text: str) -> int:
    """Bytes of a size such as `300KiB` or `1.5 MB`; fractions of a byte are cut off.

    Raises:
        BadInput: there is no unit, or none that is known.
    """
    return int(_parse(text, _SIZES_BYTES, "a size with its unit, such as 500KiB or 2MB"))


def _parse(text: str, units: dict[str, float] | dict[str, int], meant: str) -> float:
    match = _QUANTITY.fullmatch(text)
    factor = units.get(match.group(2).lower()) if match else None
    if match is None or factor is None:
        raise BadInput(Code.BAD_ARGUMENT, f"{text!r} is not {meant}.")
    return float(match.group(1)) * factor
