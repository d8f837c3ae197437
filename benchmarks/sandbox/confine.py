"""Runs a command in namespaces of its own, behind Landlock: ``confine AGENT rPATH wPATH -- CMD``.

Three processes: this one waits outside; the first process of the new process id namespace reaps,
and takes everything along when it ends; the third becomes the command. Each dies with the one
before it, the first with the agent.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Sequence

from ..common.prctl import die_with_parent, forbid_new_rights
from . import landlock, seccomp
from .namespaces import separate

_FIRST_INHERITED = 3


def main(arguments: Sequence[str]) -> int:
    """Returns the command's exit status, 128 + n when signal n ended it."""
    agent = int(arguments[0])
    split = arguments.index("--")
    rules = [(word[1:], _rights(word[0])) for word in arguments[1:split]]
    if not die_with_parent(agent):
        return 1
    separate()
    ready, go = os.pipe(), os.pipe()
    first = os.fork()
    if first == 0:
        os.close(ready[0])
        os.close(go[1])
        _first(ready[1], go[0], rules, arguments[split + 1 :])
    os.close(ready[1])
    os.close(go[0])
    os.read(ready[0], 1)  # its life is tied to ours now
    os.write(go[1], b"\n")
    os.closerange(_FIRST_INHERITED, os.sysconf("SC_OPEN_MAX"))
    return _wait(first)


def _rights(letter: str) -> int:
    return landlock.WRITE if letter == "w" else landlock.READ


def _first(ready: int, go: int, rules: list[tuple[str, int]], command: Sequence[str]) -> None:
    """Process 1: starts the command, reaps what it leaves, ends with its status."""
    die_with_parent(0)
    os.write(ready, b"\n")
    if not os.read(go, 1):
        os._exit(1)  # the parent had ended before our request was in place
    os.close(ready)
    os.close(go)
    child = os.fork()
    if child == 0:
        _become(rules, command)
    os.closerange(_FIRST_INHERITED, os.sysconf("SC_OPEN_MAX"))
    os._exit(_wait(child))


def _become(rules: list[tuple[str, int]], command: Sequence[str]) -> None:
    try:
        # A rule on a folder of /proc holds while its inode lives, which an open descriptor sees to.
        own = os.open("/proc/self", os.O_PATH | os.O_DIRECTORY)
        os.set_inheritable(own, True)
        forbid_new_rights()
        landlock.restrict([*rules, (f"/proc/self/fd/{own}", landlock.WRITE)])
        seccomp.restrict()
        os.execv(command[0], list(command))  # noqa: S606 (the command is ours)
    except OSError as error:
        sys.stderr.write(f"confine: {error}\n")
    os._exit(1)


def _wait(wanted: int) -> int:
    """Reaps until `wanted` has ended; its status as a shell would tell it."""
    while True:
        with contextlib.suppress(InterruptedError):
            ended, status = os.wait()
            if ended == wanted:
                code = os.waitstatus_to_exitcode(status)
                return code if code >= 0 else 128 - code


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        result = main(sys.argv[1:])
    except OSError as error:
        sys.stderr.write(f"confine: {error}\n")
        result = 1
    os._exit(result)
