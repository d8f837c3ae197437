"""Confinement of a process that was forked for it, and so has what it needs in memory already.

Where a level has process ids of its own, three processes come of one: the caller waits and ends
as the confined one does, another is the first of the new namespace, and the third goes on.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from ..common.prctl import die_with_parent, forbid_new_rights
from . import namespaces

_FIRST_OWN = 3
"""The first descriptor that is not standard input, output or error."""
_OUTSIDE = 0
"""The process id of a parent that lives in another namespace."""


@dataclass(frozen=True, slots=True)
class Confined:
    """What the caller of a level's `enter` is told before it waits.

    Attributes:
        pid: of the process that is confined, as the caller's own parent sees it.
        holders: processes beside it that do nothing but hold its namespaces.
    """

    pid: int
    holders: tuple[int, ...] = ()


Told = Callable[[Confined], None]


def beside(holder: int, told: Told) -> None:
    """Go on in a new process in the namespaces that children are born into.

    It has no descriptors but the standard ones.

    Args:
        holder: the process that holds these; it is ended with the one that goes on.
        told: is told of it.
    """
    caller = os.getpid()
    child = os.fork()
    if child == 0:
        if not die_with_parent(_OUTSIDE):
            os._exit(1)
        os.closerange(_FIRST_OWN, os.sysconf("SC_OPEN_MAX"))
        return
    told(Confined(child, (holder, caller)))
    _follow(child, holder)


def hold() -> int:
    """A first process for the namespace of process ids that children are born into.

    It collects whatever loses its parent there; the kernel ends all with it. It ends with the
    caller.

    Raises:
        OSError: it could not be started.
    """
    ready, told = os.pipe()
    first = os.fork()
    if first == 0:
        os.close(ready)
        _collect(told)
    os.close(told)
    with os.fdopen(ready, "rb") as file:
        if not file.read(1):  # its life is tied to ours now
            raise OSError("the first process of a namespace could not be started")
    return first


def give_up_rights() -> None:
    """No capability, and no way to gain rights by starting a program.

    Raises:
        OSError: the kernel refused.
    """
    forbid_new_rights()
    namespaces.give_up_capabilities()


def _collect(told: int) -> NoReturn:
    try:
        die_with_parent(_OUTSIDE)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD):
            signal.signal(number, signal.SIG_IGN)  # the kernel collects who has ended
        os.write(told, b"\n")
        os.closerange(0, os.sysconf("SC_OPEN_MAX"))
        while True:
            signal.pause()
    finally:
        os._exit(1)


def _follow(child: int, holder: int) -> NoReturn:
    """Wait for `child`, then end as it ended."""
    status = os.waitpid(child, 0)[1]
    with contextlib.suppress(ProcessLookupError):
        os.kill(holder, signal.SIGKILL)
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        with contextlib.suppress(OSError, ValueError):
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    sys.stderr.flush()
    os._exit(os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else 1)
