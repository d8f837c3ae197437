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
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn

from ..common.prctl import die_with_parent, forbid_new_rights
from . import namespaces

_FIRST_OWN = 3
"""The first descriptor that is not standard input, output or error."""
_HOLDER = ("/bin/sh", "-c", "echo; read _")
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


def hold(before: Sequence[str] = (), given: Sequence[int] = ()) -> int:
    """A small process that says that it is there and stays, as long as the caller does.

    It is started without a copy of the caller's memory. As the first of a namespace of process
    ids it takes along whatever is left there when it ends.

    Args:
        before: a command that runs it.
        given: descriptors that this inherits.

    Raises:
        OSError: it could not be started.
    """
    asleep, _awake = os.pipe()  # its input ends with this process
    said, said_to = os.pipe()
    for descriptor in given:
        os.set_inheritable(descriptor, True)
    words = (*before, *_HOLDER)
    actions = [(os.POSIX_SPAWN_DUP2, asleep, 0), (os.POSIX_SPAWN_DUP2, said_to, 1)]
    pid = os.posix_spawn(words[0], words, os.environ, file_actions=actions)
    for descriptor in (asleep, said_to, *given):
        os.close(descriptor)
    with os.fdopen(said, "rb") as ready:
        if not ready.readline():
            raise OSError(f"{words[0]} could not be started")
    return pid


def give_up_rights() -> None:
    """No capability, and no way to gain rights by starting a program.

    Raises:
        OSError: the kernel refused.
    """
    forbid_new_rights()
    namespaces.give_up_capabilities()


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
