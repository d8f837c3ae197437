"""What a living step has taken so far, and what the machine has; read from the kernel."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_CONTAINER_LIMITS = (
    "/sys/fs/cgroup/memory.max",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes",
)


def machine_bytes() -> int:
    """Memory of the machine, or of the container that this is."""
    found = os.sysconf("SC_PHYS_PAGES") * _PAGE_BYTES
    for path in _CONTAINER_LIMITS:
        with contextlib.suppress(OSError, ValueError):
            found = min(found, int(Path(path).read_text("ascii")))
    return found


def tree_bytes(pid: int) -> int:
    """Memory of a process and of all below it, without what is only mapped from files."""
    return sum(map(_own_bytes, _tree(pid)))


def _own_bytes(pid: int) -> int:
    with contextlib.suppress(OSError):
        _, resident, shared = Path(f"/proc/{pid}/statm").read_text("ascii").split()[:3]
        return (int(resident) - int(shared)) * _PAGE_BYTES
    return 0


def _tree(pid: int) -> Iterator[int]:
    yield pid
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            below = Path(f"/proc/{pid}/task/{thread}/children").read_text("ascii").split()
            for child in map(int, below):
                yield from _tree(child)


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
