"""Anchors: the most that was ever observed of a runtime on a device (measurement.md A-14). Pure.

They are measured beside the saturation probe, by `peak_name`: operations per second of products of
matrices in one type, bytes per second of memory, each at a number of threads, and the bytes of
all caches. They are readings: no part of a stack. What others computed meanwhile makes a reading
lower and never higher, so that it stays a lower bound; that a result lies beyond it proves nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from ..common.fits import Misfit, fitted
from ..vocabulary.values.devices import StackItem

FP32, FP16, INT8 = "fp32_flops_per_s", "fp16_flops_per_s", "int8_flops_per_s"
MEMORY = "memory_bytes_per_s"
CACHE = "cache_bytes"
FOREIGN = "foreign_cpu_pct"
"""What others took of one processor while it was read, in %, at least `LEAST_PCT`."""
READING = "reading"
"""How often the device was read until then."""

LEAST_PCT = 0.5
"""A tick of the kernel in the two seconds that a reading takes: less cannot be seen."""
MAX_FOREIGN_PCT = 10.0
"""What others may take of one processor before a reading is a lower bound and nothing else."""

MAX_ANCHORS = 64
_NAME = rf"\A(({FP32}|{FP16}|{INT8}|{MEMORY})\.[1-9][0-9]{{0,3}}|{CACHE}|{FOREIGN}|{READING})\Z"
_VALUES = Annotated[
    dict[Annotated[str, Meta(pattern=_NAME)], Annotated[float, Meta(gt=0, le=1e21)]],
    Meta(max_length=MAX_ANCHORS),
]
_DIGITS = 6


def peak_name(quantity: str, threads: int) -> str:
    """The name of an anchor: `fp32_flops_per_s.2`."""
    return f"{quantity}.{threads}"


@dataclass(frozen=True, slots=True)
class Anchors:
    """What was observed, by name; see `peak_name`."""

    values: Mapping[str, float]

    def peak(self, quantity: str, threads: int) -> float | None:
        """The most of `quantity` at so many threads, or None.

        One thread and as many as there are processors are measured. Of operations, each further
        thread may bring what the first one does: that bound holds also where somebody else had the
        other processors when all of them were measured. Memory is shared: the bound is the most
        at any count up to the next that was measured.

        Args:
            quantity: one of this module.
            threads: that the run was given.
        """
        counts = self.counts(quantity)
        enough = next((count for count in counts if count >= threads), None)
        seen = [
            (count, self.values[peak_name(quantity, count)])
            for count in counts
            if enough is None or count <= enough
        ]
        if quantity != MEMORY:
            most = min(threads, counts[-1]) if counts else 0
            seen += [(most, amount * most / count) for count, amount in seen if count < most]
        return max((amount for _, amount in seen), default=None)

    @property
    def cache_bytes(self) -> float | None:
        """All caches of all processors but those of the first level."""
        return self.values.get(CACHE)

    @property
    def is_quiet(self) -> bool:
        """Whether the device was its own while it was read; not when that is unknown."""
        return self.values.get(FOREIGN, math.inf) <= MAX_FOREIGN_PCT

    @property
    def is_unknown(self) -> bool:
        """Whether the reading does not tell what others computed meanwhile."""
        return FOREIGN not in self.values

    @property
    def reading(self) -> float:
        """How often the device was read until then; 0 where the reading does not say."""
        return self.values.get(READING, 0.0)

    def counts(self, quantity: str) -> list[int]:
        """The numbers of threads at which `quantity` was measured, ascending."""
        parts = (name.partition(".") for name in self.values)
        return sorted(int(count) for name, dot, count in parts if dot and name == quantity)


def readable(values: object) -> bool:
    """Whether these are anchors: numbers above 0 by known names."""
    try:
        fitted(values, _VALUES)
    except Misfit:
        return False
    return True


def as_items(values: Mapping[str, float]) -> tuple[StackItem, ...]:
    """Anchors as a description carries them, six digits of each, sorted by name."""
    return tuple(StackItem(name, f"{values[name]:.{_DIGITS}g}") for name in sorted(values))


def from_items(items: Iterable[StackItem]) -> Anchors | None:
    """Anchors out of a description; None when there are none that can be read."""
    try:
        values = {item.name: float(item.value) for item in items}
    except ValueError:
        return None
    return Anchors(values) if values and readable(values) else None


def together(found: Iterable[Anchors]) -> Anchors | None:
    """The largest of each, as quiet as the quietest of the readings; None without any."""
    values: dict[str, float] = {}
    for one in found:
        for name, value in one.values.items():
            most = min if name == FOREIGN else max
            values[name] = most(value, values.get(name, value))
    return Anchors(values) if values else None
