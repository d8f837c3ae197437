"""Level `userns`: namespaces made by ourselves, Landlock and a system call filter.

For machines without bubblewrap. The host's file tree stays in place, but a child may open only
what its box names; `confine` does the work in the child, before the runtime is loaded.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from .. import forked, landlock, namespaces, seccomp
from ..base import SYSTEM_FILES, Box

NAME = "userns"
RANK = 10
OWN_PROCESS_IDS = True

_CONFINE = f"{__package__.rpartition('.')[0]}.confine"

_READABLE = tuple(
    map(
        Path,
        (
            *("/sys", "/dev/urandom", "/dev/random", "/proc/cpuinfo", "/proc/loadavg"),
            *("/proc/meminfo", "/proc/pressure", "/proc/stat", "/proc/sys", "/proc/vmstat"),
        ),
    )
)
_ZERO = Path("/dev/zero")
_WRITABLE = (Path("/dev/null"),)


def missing(box: Box) -> str | None:
    """Whether the kernel has Landlock, the filter knows this processor, and no tree holds secrets.

    Landlock only adds rights: what lies below a readable folder cannot be hidden again.
    """
    if landlock.version() == 0:
        return "the kernel has no Landlock."
    if not seccomp.known():
        return f"no system call numbers are known for {os.uname().machine}."
    for hidden in box.hidden:
        for tree in box.trees:
            if hidden.is_relative_to(tree):
                return f"{hidden} lies inside {tree}, which children must read."
    return None


def wrap(box: Box, command: Sequence[str]) -> tuple[str, ...]:
    """The command behind `confine`."""
    readable = (*box.trees, *SYSTEM_FILES, *_READABLE, _ZERO, *box.files)
    return (
        *(sys.executable, "-m", _CONFINE, str(os.getpid())),
        *(f"r{path}" for path in readable if path.exists()),
        *(f"w{path}" for path in (*_WRITABLE, *box.devices, box.folder)),
        "--",
        *command,
    )


def enter(box: Box, told: forked.Told) -> None:
    """Namespaces, then a new process in them that may open nothing but what the box names."""
    readable = (*box.trees, *SYSTEM_FILES, *_READABLE, *box.files)
    rules = [(str(path), landlock.READ) for path in readable if path.exists()]
    rules += [(str(path), landlock.WRITE) for path in (*_WRITABLE, *box.devices, box.folder)]
    namespaces.separate()
    forked.beside(forked.hold(), told)
    # A rule on a folder of /proc holds while its inode lives, which an open descriptor sees to.
    own = os.open("/proc/self", os.O_PATH | os.O_DIRECTORY)
    forked.give_up_rights()
    landlock.restrict([*rules, (f"/proc/self/fd/{own}", landlock.READ)])
    seccomp.restrict(step=True)
