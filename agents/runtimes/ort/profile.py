"""Reads the profile that ONNX Runtime writes: one JSON list of events per session.

An event of category `Node` whose name ends in ``_kernel_time`` is one run of one node: `dur` in
whole microseconds, `args` with operator, provider, types and shapes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean, median
from typing import Any

import msgspec
from bitgauge.benchmarks.raw.operators import OperatorTime

RESOLUTION_NS = 1_000
MAX_BYTES = 256 << 20

_KERNEL = "_kernel_time"
_SHORT = {
    "float": "f32",
    "float16": "f16",
    "double": "f64",
    "uint8": "u8",
    "int8": "s8",
    "int32": "s32",
    "int64": "s64",
    "bool": "b8",
}


class _Event(msgspec.Struct):
    """What is read of an event; there is more in it."""

    name: str = ""
    cat: str = ""
    dur: float = 0.0
    args: dict[str, Any] = {}


class Unreadable(Exception):
    """The file is no profile."""


def read(path: Path, calls: int, warm: int) -> tuple[OperatorTime, ...]:
    """The nodes in a profile, the slowest first.

    Args:
        path: the file.
        calls: calls that count, the last ones.
        warm: calls before them.

    Raises:
        Unreadable: the file is no profile, or too large.
    """
    if path.stat().st_size > MAX_BYTES:
        raise Unreadable("it is too large")
    try:
        events = msgspec.json.decode(path.read_bytes(), type=list[_Event])
    except (ValueError, RecursionError) as error:
        raise Unreadable(str(error)) from error
    found: defaultdict[str, list[_Event]] = defaultdict(list)
    for event in events:
        if event.cat == "Node" and event.name.endswith(_KERNEL):
            found[event.name.removesuffix(_KERNEL)].append(event)
    rows = [_row(name, _counted(seen, calls, warm), calls) for name, seen in found.items()]
    return tuple(sorted(rows, key=lambda row: (-row.time_ns, row.name)))


def _counted(events: Sequence[_Event], calls: int, warm: int) -> Sequence[_Event]:
    """The events of one node without those of the warm-up."""
    return events[len(events) * warm // (warm + calls) :]


def _row(name: str, events: Sequence[_Event], calls: int) -> OperatorTime:
    durations = sorted(max(event.dur, 0.0) * RESOLUTION_NS for event in events)
    quarter = len(durations) // 4
    last = events[-1].args
    return OperatorTime(
        name=name,
        op_type=str(last.get("op_name", "")),
        provider=str(last.get("provider", "")),
        calls=len(events),
        # A node in a loop runs more than once per call, one in a branch less.
        time_ns=fmean(durations[quarter : len(durations) - quarter]) * len(durations) / calls,
        median_ns=median(durations),
        inputs=_types(last.get("input_type_shape")),
        outputs=_types(last.get("output_type_shape")),
    )


def _types(listed: object) -> str:
    """``[{"uint8": [1, 64]}, ...]`` as ``u8[1,64] ...``."""
    words = []
    for one in listed if isinstance(listed, list) else ():
        for kind, shape in one.items() if isinstance(one, Mapping) else ():
            sizes = ",".join(map(str, shape)) if isinstance(shape, list) else ""
            words.append(f"{_SHORT.get(kind, kind)}[{sizes}]")
    return " ".join(words)
