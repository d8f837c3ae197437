"""How nobody below a process is left over; `benchmarks.common.prctl` says who dies with whom."""

from __future__ import annotations

import contextlib
import os
import time

import psutil

_POLL_S = 0.05


def reap_orphans(except_pid: int | None = None) -> None:
    """Collect the exit status of ended children that nobody else waits for."""
    for child in psutil.Process().children():
        if child.pid != except_pid:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(child.pid, os.WNOHANG)


def end_descendants(timeout_s: float) -> tuple[int, ...]:
    """Kill every process below this one, each by its id, until none is left.

    Only for a process all of whose descendants are its own to end.

    Returns:
        The ids of processes that were still there after `timeout_s` seconds.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        left = []
        for process in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                if process.status() != psutil.STATUS_ZOMBIE:
                    process.kill()
                    left.append(process.pid)
        reap_orphans()
        if not left or time.monotonic() > deadline:
            return tuple(left)
        time.sleep(_POLL_S)
