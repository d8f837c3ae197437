"""Who is on a GPU: processes that compute or draw there, and which is not the one that measures."""

from __future__ import annotations

import os
from collections.abc import Mapping
from collections.abc import Set as AbstractSet

from ...host.nvml import Gpu

_ASKED = ("nvmlDeviceGetComputeRunningProcesses_v3", "nvmlDeviceGetGraphicsRunningProcesses_v3")


def processes_on(gpu: Gpu) -> frozenset[int] | None:
    """Ids of all that are on it, as the host counts them; None where the driver does not tell."""
    told = [gpu.own(name) for name in _ASKED]
    if all(one is None for one in told):
        return None
    return frozenset(int(process.pid) for one in told for process in one or ())


def memory_on(gpu: Gpu) -> Mapping[int, int | None]:
    """Bytes of the card that each process has; None where the driver does not count them.

    One that computes and draws is listed twice with the same bytes, so the larger number is it.
    """
    found: dict[int, int | None] = {}
    for name in _ASKED:
        for process in gpu.own(name) or ():
            pid, used = int(process.pid), process.usedGpuMemory
            before = found.get(pid)
            found[pid] = before if used is None else max(int(used), before or 0)
    return found


_FIRST: dict[str, frozenset[int]] = {}
"""By unit, who was there when this process first looked, before it computed anything there."""


def seen_first(unit: str, gpu: Gpu) -> frozenset[int]:
    """Who was on a GPU when this process first looked; nobody where the driver does not tell."""
    return _FIRST.setdefault(unit, processes_on(gpu) or frozenset())


def others(first: AbstractSet[int], now: AbstractSet[int], own: int) -> int:
    """How many of those that are there now are not the one that measures.

    In a process namespace of its own it does not know how the host counts it. Then one that came
    after the first look is itself, as far as anybody can tell; a second one is not.

    Args:
        first: who was there before it computed.
        now: who is there.
        own: its own number, as it knows it.
    """
    if own in now:
        return len(now - {own})
    came = now - first
    return len(now) - min(len(came), 1)


def foreign_processes(unit: str, gpu: Gpu) -> int | None:
    """How many others are on a GPU now; None where the driver does not tell."""
    now = processes_on(gpu)
    return None if now is None else others(_FIRST.setdefault(unit, now), now, os.getpid())
