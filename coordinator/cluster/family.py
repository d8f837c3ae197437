"""Family matters of Linux processes: who dies with whom, and how nobody is left over."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import time

import psutil

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_POLL_S = 0.05


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, value, 0, 0, 0) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def become_subreaper() -> None:
    """Let every orphan below this process come back to it, so that it can be found and ended.

    Raises:
        OSError: the kernel refused.
    """
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent(parent_pid: int, signum: signal.Signals) -> bool:
    """Have the kernel send us `signum` when our parent dies.

    Returns:
        False when the parent is dead already, so that the signal would never come.

    Raises:
        OSError: the kernel refused.
    """
    _prctl(_PR_SET_PDEATHSIG, signum)
    return os.getppid() == parent_pid


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
