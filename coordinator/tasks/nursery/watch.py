"""What a living step has taken so far, and what the machine has; read from the kernel."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bitgauge.benchmarks.sandbox.forked import Confined

from ...decisions.steps import MAX_PROCESSES, MAX_SHARE_OF_MEMORY, End, StepLimit

MIN_FREE_BYTES = 1 << 30
"""What a step leaves free on its disk, unless there was not twice as much when it began."""
_MIN_FREE_FILES = 10_000
_KIB = 1024
_CONTAINER_LIMITS = (
    "/sys/fs/cgroup/memory.max",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes",
)


@dataclass(frozen=True, slots=True)
class Free:
    """What is free on a disk, in bytes and files."""

    size_bytes: int
    files: int


def share_of_memory_bytes() -> int:
    """What a step may have of the memory of the machine, or of the container that this is."""
    found = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    for path in _CONTAINER_LIMITS:
        with contextlib.suppress(OSError, ValueError):
            found = min(found, int(Path(path).read_text("ascii")))
    return int(found * MAX_SHARE_OF_MEMORY)


def free(folder: Path) -> Free:
    """What is free where `folder` lies."""
    found = os.statvfs(folder)
    return Free(found.f_bavail * found.f_frsize, found.f_favail)


def too_much(
    root: int, confined: Confined, limit: StepLimit, before: Free, now: Free
) -> End | None:
    """What a step has taken more of than it may: all below `root` but those who only hold it."""
    pids = [one for one in _tree(root) if one not in confined.holders]
    if sum(map(_own_bytes, pids)) > limit.memory_bytes:
        return End.MEMORY
    if sum(map(_threads, pids)) > MAX_PROCESSES:
        return End.PROCESSES
    if sum(map(_written_bytes, pids)) > limit.written_bytes:
        return End.WRITTEN
    # What it has unlinked, or had written by processes that have ended, shows there alone.
    if now.size_bytes < min(MIN_FREE_BYTES, before.size_bytes // 2):
        return End.DISK
    return End.DISK if now.files < min(_MIN_FREE_FILES, before.files // 2) else None


def _own_bytes(pid: int) -> int:
    """Memory of a process without what is only mapped from files."""
    with contextlib.suppress(OSError, ValueError):
        lines = Path(f"/proc/{pid}/status").read_text("ascii", "replace").splitlines()
        kept = (line.split() for line in lines if line.startswith(("RssAnon:", "RssShmem:")))
        return sum(int(words[1]) * _KIB for words in kept)
    return 0


def _threads(pid: int) -> int:
    with contextlib.suppress(OSError):
        return len(os.listdir(f"/proc/{pid}/task"))
    return 0


def _written_bytes(pid: int) -> int:
    """By system calls or to the disk, whichever is more: memory that is a file shows in one."""
    with contextlib.suppress(OSError, ValueError):
        lines = Path(f"/proc/{pid}/io").read_text("ascii").splitlines()
        found = dict(line.split(": ") for line in lines)
        return max(int(found["wchar"]), int(found["write_bytes"]))
    return 0


def _tree(root: int) -> Iterator[int]:
    """A process and those below it, as far as it matters how many there are."""
    found = [root]
    for count, pid in enumerate(found):
        yield pid
        if count > 2 * MAX_PROCESSES:
            return
        with contextlib.suppress(OSError):
            for thread in os.listdir(f"/proc/{pid}/task"):
                below = Path(f"/proc/{pid}/task/{thread}/children").read_text("ascii")
                found += map(int, below.split())


def kept_waiting_s(pid: int) -> float:
    """Seconds in which a process could have run and others had the processor; see sched-stats."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int(Path(f"/proc/{pid}/schedstat").read_text("ascii").split()[1]) / 1e9
    return 0.0


def oom_kills() -> int:
    """How many processes the kernel has ended for lack of memory since the machine started."""
    with contextlib.suppress(OSError, ValueError):
        for line in Path("/proc/vmstat").read_text("ascii").splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    return 0
