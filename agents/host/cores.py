"""Processors of unlike kinds: big.LITTLE on ARM, performance and efficient cores on x86.

Sources: the kernel's ABI of /sys/devices/system/cpu: `cpuN/cpu_capacity` (the largest core of a
machine has 1024) and `cpuN/regs/identification/midr_el1` on arm64; `cpu_core/cpus` and
`cpu_atom/cpus` of hybrid x86 processors.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from bitgauge.benchmarks.vocabulary.errors import BadInput, Code

from .files import text, whole
from .isa import arm_core

_CPUS = "sys/devices/system/cpu"
_MOST_CPUS = 1 << 16
_HYBRID = (("performance", "sys/devices/cpu_core/cpus"), ("efficient", "sys/devices/cpu_atom/cpus"))


@dataclass(frozen=True, slots=True)
class CoreGroup:
    """Processors of one kind.

    Attributes:
        kind: name of the core, or what the kernel calls it.
        cpus: which logical processors, as the kernel lists them: ``4-7``.
        capacity: of each, 1024 for the largest of the machine; 0 where it is not told.
    """

    kind: str
    cpus: str
    capacity: int = 0

    @property
    def words(self) -> str:
        """The group in words: ``4-7 Cortex-A76``."""
        return f"{self.cpus} {self.kind}"


def groups(root: Path) -> tuple[CoreGroup, ...]:
    """The groups of like processors, the most capable first; one where all are alike or unknown."""
    hybrid = [(kind, text(root / path)) for kind, path in _HYBRID]
    if all(cpus for _, cpus in hybrid):
        return tuple(CoreGroup(kind, cpus) for kind, cpus in hybrid)
    found: dict[tuple[int, str], list[int]] = {}
    for number in cpus_of(text(root / _CPUS / "online")):
        folder = root / _CPUS / f"cpu{number}"
        key = (whole(folder / "cpu_capacity") or 0, _kind(folder))
        found.setdefault(key, []).append(number)
    return tuple(
        CoreGroup(kind or "unknown", listed(numbers), capacity)
        for (capacity, kind), numbers in sorted(found.items(), reverse=True)
    )


def cpus_of(listing: str) -> tuple[int, ...]:
    """The processors of a listing such as ``0-3,7``, ascending.

    Raises:
        ValueError: it is no such listing.
    """
    found: set[int] = set()
    for part in filter(None, listing.strip().split(",")):
        first, dash, last = part.partition("-")
        span = range(int(first), int(last if dash else first) + 1)
        if not span or span.start < 0 or span.stop > _MOST_CPUS:
            raise ValueError(part)
        found.update(span)
    return tuple(sorted(found))


def keep_to(listing: str) -> None:
    """Has this process, and all that it starts, run on these processors alone.

    Args:
        listing: which, such as ``4-7``.

    Raises:
        BadInput: it is no such listing, or not all of them may be used here.
    """
    mine = os.sched_getaffinity(0)
    try:
        wanted = set(cpus_of(listing))
    except ValueError:
        wanted = set()
    if not wanted or not wanted <= mine:
        raise BadInput(
            Code.BAD_ARGUMENT,
            f"--cores {listing[:80]!r} names no processors that this process may use, which are"
            f" {listed(mine)}.",
        )
    os.sched_setaffinity(0, wanted)


def listed(cpus: Iterable[int]) -> str:
    """Processors as the kernel lists them: ``0-3,7``."""
    parts: list[list[int]] = []
    for cpu in sorted(set(cpus)):
        if parts and cpu == parts[-1][1] + 1:
            parts[-1][1] = cpu
        else:
            parts.append([cpu, cpu])
    return ",".join(f"{a}" if a == b else f"{a}-{b}" for a, b in parts)


def _kind(folder: Path) -> str:
    """The name of an ARM core by its identification register; empty elsewhere."""
    register = text(folder / "regs/identification/midr_el1")
    try:
        value = int(register, 16)
    except ValueError:
        return ""
    return arm_core(value >> 24 & 0xFF, value >> 4 & 0xFFF)
