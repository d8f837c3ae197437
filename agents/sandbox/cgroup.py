"""Control groups for children: what bounds memory and processes of a whole tree, root's too.

Works where this user may make groups: as root with version 1 or 2, or in a version 2 group that
was delegated to the agent (systemd: ``Delegate=yes``). Elsewhere there are no groups and rlimits
must do.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..host import process
from ..host.files import counted

_PREFIX = "bitgauge-child-"
_AGENTS_OWN = "bitgauge-agent"
_CONTROLLERS = ("memory", "pids")
PEAK_FILES = ("memory.peak", "memory.max_usage_in_bytes")
_POLL_S = 0.01
_LONG_S = 3600.0  # a group is entered milliseconds after it is made
_NUMBERS = itertools.count()


@dataclass(frozen=True, slots=True)
class KillEvidence:
    """What a group saw while it lived.

    Attributes:
        out_of_memory: the kernel ended a process of it for lack of memory.
        forks_refused: it asked for more processes than its limit.
    """

    out_of_memory: bool = False
    forks_refused: bool = False


@dataclass(frozen=True, slots=True)
class Parents:
    """Folders in which groups are made.

    Attributes:
        memory: for the memory limit; None where that cannot be had.
        pids: for the limit on processes; None where that cannot be had.
    """

    memory: Path | None
    pids: Path | None

    def open(self, memory_bytes: int, processes: int) -> ControlGroup:
        """A new, empty group with these limits.

        Args:
            memory_bytes: most memory of all its processes together.
            processes: most processes and threads.

        Raises:
            OSError: it could not be made.
        """
        name = f"{_PREFIX}{_this_agent()}-{next(_NUMBERS)}"
        folders = tuple(sorted({one / name for one in (self.memory, self.pids) if one}))
        group = ControlGroup(folders)
        try:
            for folder in folders:
                folder.mkdir()
            if self.memory:
                _set(self.memory / name, memory_bytes, "memory.max", "memory.limit_in_bytes")
            if self.pids:
                _set(self.pids / name, processes, "pids.max")
        except OSError:
            group.close()
            raise
        return group

    def end_leftovers(self) -> None:
        """Ends and removes the groups of agents that are no more.

        Whether an agent of another namespace of processes, such as a container's, still lives
        cannot be seen from here: of its groups only what has been empty for long is removed.
        """
        for parent in {self.memory, self.pids} - {None}:
            for folder in parent.glob(f"{_PREFIX}*") if parent else ():
                name = folder.name.removeprefix(_PREFIX)
                namespace, pid, ticks = map(int, name.split("-")[:3])
                if namespace != _process_ids():
                    _remove_old(folder)
                elif process.has_ended(pid, ticks):
                    ControlGroup((folder,)).close()


@dataclass(frozen=True, slots=True)
class ControlGroup:
    """One child's group: the same name in one folder per hierarchy."""

    folders: tuple[Path, ...]

    @property
    def enter(self) -> tuple[str, ...]:
        """Words that put a command, which follows them, into the group before it starts.

        A shell does it, because nothing of Python may run between fork and exec of the agent,
        and a process that was moved later would have started others meanwhile.
        """
        if not self.folders:
            return ()
        script = (
            'while [ "$1" != -- ]; do echo 0 > "$1/cgroup.procs" || exit 1; shift; done; shift;'
            ' exec "$@"'
        )
        return ("/bin/sh", "-c", script, "sh", *map(str, self.folders), "--")

    def evidence(self) -> KillEvidence:
        """What happened so far."""
        killed = forks = 0
        for folder in self.folders:
            killed += counted(folder / "memory.events", "oom_kill") or 0
            killed += counted(folder / "memory.oom_control", "oom_kill") or 0
            forks += counted(folder / "pids.events", "max") or 0
        return KillEvidence(killed > 0, forks > 0)

    def open_peak(self) -> int | None:
        """A descriptor that tells the group's own peak memory, in bytes; None where no file does.

        Version 2 has ``memory.peak`` (Linux 5.19), version 1 ``memory.max_usage_in_bytes``; see
        cgroup-v2.rst and cgroup-v1/memory.rst. The child reads through it, because a sandbox
        shows it no control groups.
        """
        for folder in self.folders:
            for name in PEAK_FILES:
                with contextlib.suppress(OSError):
                    return os.open(folder / name, os.O_RDONLY | os.O_CLOEXEC)
        return None

    def close(self, patience_s: float = 5.0) -> bool:
        """Ends every process of the group and removes it.

        Returns:
            Whether it is gone.
        """
        until = time.monotonic() + patience_s
        while not all(_removed(folder) for folder in self.folders):
            for folder in self.folders:
                _kill(folder)
            if time.monotonic() > until:
                return False
            time.sleep(_POLL_S)
        return True


def find(root: Path = Path("/")) -> Parents:
    """Where this process may make groups that limit; tried out, not guessed.

    Args:
        root: file system root; tests give a directory tree.
    """
    own = _own_groups(root)
    if (unified := own.get("")) is not None and _delegated(unified):
        return Parents(unified, unified)
    found = {name: own[name] for name in _CONTROLLERS if name in own and _usable(own[name])}
    return Parents(found.get("memory"), found.get("pids"))


def _own_groups(root: Path) -> dict[str, Path]:
    """This process's group by controller; version 2 under the empty name."""
    mounts = dict(_mounts(root))
    found: dict[str, Path] = {}
    try:
        lines = (root / "proc/self/cgroup").read_text("utf-8").splitlines()
    except OSError:
        return {}
    for line in lines:
        _, names, group = line.split(":", 2)
        for name in names.split(","):
            if name in mounts:
                mounted, point = mounts[name]
                inner = os.path.relpath(group, mounted)
                if not inner.startswith(".."):
                    found[name] = root / point.lstrip("/") / inner
    return found


def _mounts(root: Path) -> Iterator[tuple[str, tuple[str, str]]]:
    """Controller, and which group is mounted where; see proc_pid_mountinfo(5)."""
    try:
        lines = (root / "proc/self/mountinfo").read_text("utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        before, _, after = line.partition(" - ")
        mounted, point = before.split()[3:5]
        kind, _, options = after.split(" ", 2)
        if kind == "cgroup2":
            yield "", (mounted, point)
        elif kind == "cgroup":
            for name in options.split(","):
                if name in _CONTROLLERS:
                    yield name, (mounted, point)


def _delegated(own: Path) -> bool:
    """Whether children of this version 2 group can be given limits; made so when it is ours.

    A group that hands controllers to its children may hold no process itself, so the agent moves
    into a child of its own. That is done only where no stranger's process is.
    """
    with contextlib.suppress(OSError):
        if not set(_CONTROLLERS) <= set(_words(own / "cgroup.controllers")):
            return False
        if own.name == _AGENTS_OWN:
            return _delegated(own.parent) if not _strangers(own) else False
        if not set(_CONTROLLERS) <= set(_words(own / "cgroup.subtree_control")):
            if _strangers(own):
                return False
            home = own / _AGENTS_OWN
            home.mkdir(exist_ok=True)
            for pid in _words(own / "cgroup.procs"):
                (home / "cgroup.procs").write_text(pid)
            (own / "cgroup.subtree_control").write_text("+memory +pids")
        return _usable(own)
    return False


def _strangers(own: Path) -> bool:
    return not set(_words(own / "cgroup.procs")) <= {str(os.getpid())}


def _usable(parent: Path) -> bool:
    """Whether a group can be made in `parent` and taken away again."""
    probe = parent / f"{_PREFIX}{_this_agent()}-probe"
    with contextlib.suppress(OSError):
        probe.mkdir(exist_ok=True)
        try:
            return any((probe / name).exists() for name in ("pids.max", "memory.limit_in_bytes"))
        finally:
            probe.rmdir()
    return False


def _this_agent() -> str:
    """Names this process and no other of this boot, whatever namespace it is in."""
    return f"{_process_ids()}-{os.getpid()}-{process.start_ticks(os.getpid()) or 0}"


def _process_ids() -> int:
    """The namespace in which this process's id means something; see pid_namespaces(7)."""
    return os.stat("/proc/self/ns/pid").st_ino


def _remove_old(folder: Path) -> None:
    """Removes a group that was made long ago; the kernel refuses one in which a process is."""
    with contextlib.suppress(OSError):
        if time.time() - folder.stat().st_mtime > _LONG_S:
            folder.rmdir()


def _set(folder: Path, value: int, *names: str) -> None:
    """Writes to the first of the files that is there."""
    path = next((folder / name for name in names if (folder / name).exists()), folder / names[0])
    with open(path, "w", encoding="ascii") as file:
        file.write(str(value))


def _words(path: Path) -> list[str]:
    return path.read_text("ascii").split()


def _removed(folder: Path) -> bool:
    try:
        folder.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _kill(folder: Path) -> None:
    with contextlib.suppress(OSError):
        for pid in _words(folder / "cgroup.procs"):
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
