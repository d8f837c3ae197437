"""What an agent asks the kernel about processes and time.

Everything reads a proc folder that tests replace by a directory tree, except the calls that act
on this process. Linux only: other systems have neither PDEATHSIG nor high-water resets.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
MARK_VARIABLE = "BITGAUGE_CHILD_MARK"

_PR_SET_PDEATHSIG = 1
_STAT_STATE = 0  # indexes into /proc/PID/stat after the command name, see proc_pid_stat(5)
_STAT_PARENT = 1
_STAT_SESSION = 3
_STAT_START = 19


@dataclass(frozen=True, slots=True)
class ProcessInfo:
    """One line of the process table.

    Attributes:
        pid: process id.
        parent: its parent's id.
        session: id of its session leader.
        start_ticks: start time in clock ticks since boot; with `pid` it names one process.
        zombie: ended and not yet waited for.
    """

    pid: int
    parent: int
    session: int
    start_ticks: int
    zombie: bool


def boottime_ns() -> int:
    """Nanoseconds since boot, suspended time included: the clock that leases are judged by."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def boot_id(proc: Path = PROC) -> str:
    """The kernel's random name of this boot; empty where it cannot be read."""
    try:
        return (proc / "sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return ""


def info(pid: int, proc: Path = PROC) -> ProcessInfo | None:
    """The process `pid` as the kernel lists it, or None when there is none."""
    try:
        text = (proc / str(pid) / "stat").read_bytes()
    except OSError:
        return None
    fields = text[text.rfind(b")") + 2 :].split()  # the name may hold blanks and brackets
    if len(fields) <= _STAT_START:
        return None
    return ProcessInfo(
        pid=pid,
        parent=int(fields[_STAT_PARENT]),
        session=int(fields[_STAT_SESSION]),
        start_ticks=int(fields[_STAT_START]),
        zombie=fields[_STAT_STATE] in (b"Z", b"X"),
    )


def table(proc: Path = PROC) -> list[ProcessInfo]:
    """Every process that this one can see."""
    pids = (int(name) for name in os.listdir(proc) if name.isdigit())
    return [found for pid in pids if (found := info(pid, proc)) is not None]


def marked(mark: str, proc: Path = PROC) -> set[int]:
    """Processes that carry `mark` in their environment, whatever session they moved to."""
    wanted = f"{MARK_VARIABLE}={mark}".encode()
    found = set()
    for name in os.listdir(proc):
        if not name.isdigit():
            continue
        try:
            environment = (proc / name / "environ").read_bytes()
        except OSError:
            continue  # ended meanwhile, or another user's
        if wanted in environment.split(b"\0"):
            found.add(int(name))
    return found


def family(
    processes: Iterable[ProcessInfo], roots: Iterable[int], sessions: Iterable[int] = ()
) -> set[int]:
    """`roots`, everything in `sessions`, and all their descendants."""
    listed = list(processes)
    led = set(sessions)
    found = {one.pid for one in listed if one.session in led} | set(roots)
    while True:
        grown = found | {one.pid for one in listed if one.parent in found}
        if grown == found:
            return found & {one.pid for one in listed}
        found = grown


def leftovers(mark: str, pid: int | None, start_ticks: int | None, proc: Path = PROC) -> set[int]:
    """Living processes of a child that was started under `mark`.

    Args:
        mark: the mark written with the intent, before the child was spawned.
        pid: the child's id, when the agent lived long enough to record it.
        start_ticks: its start time; a process of the same id and another start is a stranger.
        proc: the proc folder.
    """
    listed = [one for one in table(proc) if not one.zombie and one.pid != os.getpid()]
    roots = marked(mark, proc)
    sessions: set[int] = set()
    if pid is not None and start_ticks is not None:
        holder = next((one for one in listed if one.pid == pid), None)
        if holder is None or holder.start_ticks == start_ticks:
            # A session keeps its leader's id after the leader's death, and the kernel does not
            # hand out an id that is still a session's.
            sessions.add(pid)
    return family(listed, roots, sessions) - {os.getpid()}


def end(
    mark: str,
    pid: int | None = None,
    start_ticks: int | None = None,
    *,
    patience_s: float = 5.0,
    proc: Path = PROC,
) -> bool:
    """SIGKILL what `leftovers` finds until nothing is found.

    Returns:
        Whether nothing was left when `patience_s` had passed.
    """
    until = time.monotonic() + patience_s
    while found := leftovers(mark, pid, start_ticks, proc):
        for one in found:
            try:
                os.kill(one, signal.SIGKILL)
            except ProcessLookupError:
                continue
            except PermissionError:
                return False
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


def die_with_parent(parent: int) -> bool:
    """Asks the kernel to SIGKILL this process when the thread that started it ends.

    Args:
        parent: id of the process that is expected to be the parent.

    Returns:
        False when the parent had ended before the request was in place.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    return os.getppid() == parent


def limit_resources(*, file_bytes: int, open_files: int = 256) -> None:
    """Limits of a child: no core dumps, few descriptors, no endless files.

    Args:
        file_bytes: largest file that the child may write, in bytes.
        open_files: descriptors it may hold.
    """
    wanted = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: file_bytes,
        resource.RLIMIT_NOFILE: open_files,
    }
    for kind, value in wanted.items():
        hard = resource.getrlimit(kind)[1]
        capped = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (capped, capped))


def oom_kills(proc: Path = PROC) -> int | None:
    """How many processes the kernel has ended for lack of memory since boot.

    Limits of control groups count too. None where the kernel does not tell (before 4.13).
    """
    try:
        text = (proc / "vmstat").read_text("ascii")
    except OSError:
        return None
    for line in text.splitlines():
        name, _, value = line.partition(" ")
        if name == "oom_kill":
            return int(value)
    return None
