"""What an agent asks the kernel about processes and time.

Linux only: other systems have neither PDEATHSIG nor high-water resets. Only the agent imports
this module; the child has `worker.childhood`, which stays small because every launch pays for it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import signal
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil
from bitgauge.benchmarks.common.prctl import adopts_orphans

from .files import counted

PROC = Path("/proc")
MARK_VARIABLE = "BITGAUGE_CHILD_MARK"

OWN_MARK = secrets.token_hex(16)
"""What this process's own programs carry: those that it starts and waits for itself."""

_POLL_S = 0.01
_BEGINNING_S = 2.0
_STAT_START = 19  # index into /proc/PID/stat after the command name, see proc_pid_stat(5)


def boottime_ns() -> int:
    """Nanoseconds since boot, suspended time included: the clock that leases are judged by."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def boot_id(proc: Path = PROC) -> str:
    """The kernel's random name of this boot; empty where it cannot be read."""
    try:
        return (proc / "sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return ""


def machine_id(root: Path = Path("/")) -> str:
    """A hash of what names this machine for ever; empty where nothing does.

    The id of the installation, which others must not see as it is (see machine-id(5)), and the
    serial of a board where the firmware tells it: a disk that was copied is in another board.
    """
    told = _told(root / "etc/machine-id") or _told(root / "var/lib/dbus/machine-id")
    if not told or told == b"uninitialized":
        return ""
    serial = _told(root / "proc/device-tree/serial-number")
    return hashlib.sha256(b"\n".join((b"bitgauge", told, serial))).hexdigest()


def _told(path: Path) -> bytes:
    try:
        return path.read_bytes().strip(b"\0\n ")
    except OSError:
        return b""


def start_ticks(pid: int, proc: Path = PROC) -> int | None:
    """When `pid` started, in clock ticks since boot; with the id it names one process.

    psutil's own creation time follows the wall clock when that is set, so it cannot name one. Its
    first thread is asked: of a process's own `stat` qemu-user makes up the start, at times a tick
    beside it, and other agents then took an emulated one for dead and ended its children.
    """
    own = proc / str(pid)
    for place in (own / "task" / str(pid) / "stat", own / "stat"):
        with contextlib.suppress(OSError):
            text = place.read_bytes()
            break
    else:
        return None
    fields = text[text.rfind(b")") + 2 :].split()  # the name may hold blanks and brackets
    return int(fields[_STAT_START])


def has_ended(pid: int, ticks: int, proc: Path = PROC) -> bool:
    """Whether the process of this id and start is no more.

    One that lives and cannot be looked at, for want of a descriptor say, has not ended.
    """
    found = start_ticks(pid, proc)
    return not (proc / str(pid)).exists() if found is None else found != ticks


def leftovers(mark: str, pid: int | None = None, ticks: int | None = None) -> set[int]:
    """Living processes of a child that was started under `mark`.

    Found are those that carry the mark in their environment, those in the child's session, and
    all descendants of both: a process that hides from one is seen by another.

    Args:
        mark: the mark written with the intent, before the child was spawned.
        pid: the child's id, when the agent lived long enough to record it.
        ticks: its start time; a process of the same id and another start is a stranger.
    """
    leads = pid is not None and start_ticks(pid) in (None, ticks)
    found: set[int] = set()
    for one in psutil.process_iter():
        # A session keeps its leader's id after the leader's death, and the kernel does not hand
        # out an id that is still a session's.
        if _carries(one, mark) or (leads and _session(one.pid) == pid):
            found.add(one.pid)
            with contextlib.suppress(psutil.Error):
                found |= {child.pid for child in one.children(recursive=True)}
    return {one for one in found if one != os.getpid() and _lives(one)}


def _carries(one: psutil.Process, mark: str) -> bool:
    try:
        return one.environ().get(MARK_VARIABLE) == mark
    except (psutil.Error, OSError):
        return False  # ended meanwhile, or another user's


def _session(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except OSError:
        return None


def _lives(pid: int) -> bool:
    try:
        return str(psutil.Process(pid).status()) != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def end(
    mark: str, pid: int | None = None, ticks: int | None = None, *, patience_s: float = 5.0
) -> bool:
    """Ends what `leftovers` finds until nothing is found.

    Returns:
        Whether nothing was left when `patience_s` had passed.
    """
    until = time.monotonic() + patience_s
    while found := leftovers(mark, pid, ticks):
        # A process that is stopped starts no others, so that those who fork without end are all
        # seen before the first of them makes room.
        stopped: set[int] = set()
        while found - stopped and time.monotonic() < until:
            if not _signal_all(found - stopped, signal.SIGSTOP):
                return False
            stopped |= found
            found = leftovers(mark, pid, ticks)
        if not _signal_all(found | stopped, signal.SIGKILL):
            return False
        if time.monotonic() > until:
            return False
        time.sleep(_POLL_S)
    return True


def _signal_all(pids: set[int], number: signal.Signals) -> bool:
    """Whether every one of them that lives could be signalled."""
    for one in pids:
        try:
            os.kill(one, number)
        except ProcessLookupError:
            continue
        except PermissionError:
            return False
    return True


_LIVING = {OWN_MARK}


@contextlib.contextmanager
def living(mark: str) -> Iterator[None]:
    """A child that is started under `mark` inside is spared when others' orphans are ended."""
    _LIVING.add(mark)
    try:
        yield
    finally:
        _LIVING.discard(mark)


def marked_own(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment of a program that this process starts for itself."""
    return {MARK_VARIABLE: OWN_MARK, **environ}


def _is_spared(one: psutil.Process) -> bool:
    """Whether a child of this process is no orphan: it carries the mark of one that lives."""
    try:
        return one.environ().get(MARK_VARIABLE) in _LIVING
    except (psutil.Error, OSError):
        return False


def _is_beginning(one: psutil.Process) -> bool:
    """Whether a child may not have become another program yet, and so shows no mark of its own."""
    try:
        fresh = time.time() - one.create_time() < _BEGINNING_S
        return fresh and one.cmdline() == psutil.Process().cmdline()
    except (psutil.Error, OSError):
        return False


def end_orphans(child: int, patience_s: float = 5.0) -> bool:
    """Ends and reaps everything that a dead child left to this process, when it adopts.

    Spared are children that carry the mark of a child that lives, since another device's may run
    beside it; see `living`.

    Args:
        child: id of the child, whose status somebody else collects.
        patience_s: how long to try.

    Returns:
        Whether none is left.
    """
    if not adopts_orphans():
        return True
    until = time.monotonic() + patience_s
    while found := [
        one for one in psutil.Process().children() if one.pid != child and not _is_spared(one)
    ]:
        for one in found:
            if _is_beginning(one):
                continue
            with contextlib.suppress(ProcessLookupError, ChildProcessError):
                os.kill(one.pid, signal.SIGKILL)
                os.waitpid(one.pid, os.WNOHANG)
        if time.monotonic() > until:
            return False
        time.sleep(_POLL_S)
    return True


def oom_kills(proc: Path = PROC) -> int | None:
    """How many processes the kernel has ended for lack of memory since boot.

    Limits of control groups count too. None where the kernel does not tell (before 4.13).
    """
    return counted(proc / "vmstat", "oom_kill")
