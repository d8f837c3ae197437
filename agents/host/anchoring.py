"""The anchors of a runtime on this machine: how much it was ever observed to do (A-14).

Only the probe's child imports this module, beside the saturation probe. Anchors are the best of
many attempts: what steals time makes them lower, nothing makes them higher than the machine is.
"""

from __future__ import annotations

import math
import os
import platform
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
from bitgauge.benchmarks.raw.anchors import (
    CACHE,
    FOREIGN,
    LEAST_PCT,
    MEMORY,
    READING,
    peak_name,
)

from .files import text
from .load import processor_ticks

Buffer = npt.NDArray[np.float32]

_CPU = "sys/devices/system/cpu"
_UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
_X86 = ("x86_64", "i686", "i386")
_LEAST_BYTES, _MOST_BYTES = 64 << 20, 256 << 20
_MEMORY_SHARE = 16
_TIMES_CACHE = 4
_ATTEMPTS = 4
_BUDGET_NS = 120_000_000


def thread_counts() -> tuple[int, ...]:
    """One thread, and as many as this process may use processors."""
    return tuple(sorted({1, len(os.sched_getaffinity(0))}))


def best_ns(call: Callable[[], object], budget_ns: int, attempts: int = 2) -> int:
    """The shortest duration of a call, which is made until the budget is spent."""
    best, ends = 1 << 62, time.perf_counter_ns() + budget_ns
    while attempts > 0 or time.perf_counter_ns() < ends:
        before = time.perf_counter_ns()
        call()
        best = min(best, time.perf_counter_ns() - before)
        attempts -= 1
    return max(best, 1)


def of_the_host(root: Path = Path("/")) -> dict[str, float]:
    """What holds for every runtime that computes on the processor: memory and caches."""
    cache = cache_bytes(root)
    found = memory_bandwidth(_buffer_bytes(cache))
    return found if cache is None else found | {CACHE: float(cache)}


def read_with_load(
    read: Callable[[], dict[str, float]], root: Path = Path("/")
) -> dict[str, float]:
    """A first reading of anchors, and what others took of one processor meanwhile, in %.

    Args:
        read: measures the anchors, all of it in this process.
        root: file system root.
    """
    before_s, others_s = time.perf_counter(), _others_s(root)
    found = read()
    elapsed_s, foreign_s = time.perf_counter() - before_s, _others_s(root) - others_s
    if not math.isnan(foreign_s):
        found = {**found, FOREIGN: max(100 * foreign_s / elapsed_s, LEAST_PCT)}
    return {**found, READING: 1.0}


def _others_s(root: Path) -> float:
    """Seconds that processors were stolen or used by other processes; NaN when not told."""
    try:
        stat = (root / "proc/stat").read_bytes()
    except OSError:
        return math.nan
    stolen, busy = processor_ticks(stat, 1 / os.sysconf("SC_CLK_TCK"))
    return stolen + busy - time.process_time()


def cache_bytes(root: Path = Path("/"), architecture: str = "") -> int | None:
    """All caches beyond the first level, each counted once; None when they are not told.

    A virtual machine may hide the last level: an x86 processor without a third is not believed.

    Args:
        root: file system root.
        architecture: machine name; asked from the kernel when not given.
    """
    sizes: dict[tuple[str, str, str], int] = {}
    for index in (root / _CPU).glob("cpu[0-9]*/cache/index[0-9]*"):
        kind, level, size = (text(index / name) for name in ("type", "level", "size"))
        if kind == "Instruction" or not level.isdigit() or level == "1":
            continue
        number, unit = size[:-1], size[-1:]
        if not number.isdigit() or unit not in _UNITS:
            return None
        shared = text(index / "shared_cpu_list") or index.parent.parent.name
        sizes[level, kind, shared] = int(number) * _UNITS[unit]
    levels = {int(level) for level, _, _ in sizes}
    hidden = (architecture or platform.machine()) in _X86 and max(levels, default=0) < 3
    return sum(sizes.values()) if levels and not hidden else None


def memory_bandwidth(size_bytes: int) -> dict[str, float]:
    """Bytes per second that copying moves (both ways) or reading takes, the better of the two.

    Args:
        size_bytes: of the buffer that is read, or of which one half is copied to the other.
    """
    buffer = np.ones(size_bytes // 4, np.float32)
    return {peak_name(MEMORY, threads): _per_s(buffer, threads) for threads in thread_counts()}


def _per_s(buffer: Buffer, threads: int) -> float:
    parts = np.array_split(buffer, threads)
    with ThreadPoolExecutor(threads) as pool:

        def every(work: Callable[[Buffer], object]) -> int:
            return best_ns(lambda: list(pool.map(work, parts)), _BUDGET_NS // 2, _ATTEMPTS)

        return buffer.nbytes * 1e9 / min(every(_copy), every(_read))


def _copy(part: Buffer) -> None:
    half = part.size // 2
    np.copyto(part[half : 2 * half], part[:half])


def _read(part: Buffer) -> object:
    return part.max()


def _buffer_bytes(cache: int | None) -> int:
    """Several times the caches, as far as a small part of the memory allows."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    wanted = min(max(_LEAST_BYTES, _TIMES_CACHE * (cache or 0)), _MOST_BYTES)
    return max(1 << 20, min(wanted, memory // _MEMORY_SHARE))
