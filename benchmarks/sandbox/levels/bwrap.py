"""Level `bwrap`: namespaces of every kind by bubblewrap, and a file system of the box alone.

No network, no home, no process of the host, no right to change anything but the own folder.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from .. import forked, landlock, namespaces, seccomp
from ..base import SYSTEM_FILES, Box

NAME = "bwrap"
RANK = 20
OWN_PROCESS_IDS = True

_NOBODY = "65534"
_NODES = (Path("/dev/null"), Path("/dev/urandom"), Path("/dev/random"))
"""What a step has of /dev; a whole one would cost a second user namespace, which none can join."""


def missing(box: Box) -> str | None:
    """Whether bubblewrap is installed."""
    if shutil.which("bwrap") is None:
        return "bubblewrap is not installed (Debian package bubblewrap)."
    return None


def wrap(box: Box, command: Sequence[str]) -> tuple[str, ...]:
    """The command below bubblewrap.

    Capabilities are dropped in a user namespace even for root. A proc of the new process id
    namespace shows the child itself, and of the host what the conditions need.
    """
    return _command(box, ("--dev", "/dev"), command)


def enter(box: Box, told: forked.Told) -> None:
    """Bubblewrap makes the place, and a new process joins it."""
    info, info_to = os.pipe()
    nodes = [word for path in _NODES for word in _same("--dev-bind", path)]
    own = ("--tmpfs", "/dev", *nodes, "--info-fd", str(info_to))
    holder = forked.hold(_command(box, own, ()), (info_to,))
    with os.fdopen(info, "rb") as facts:
        namespaces.join(int(json.loads(facts.read())["child-pid"]))
    forked.beside(holder, told)
    os.chdir(box.folder)
    forked.give_up_rights()
    if landlock.version():
        writable = (*_NODES, *box.devices, box.folder)
        rules = [(str(path), landlock.WRITE) for path in writable]
        landlock.restrict([("/", landlock.READ), *rules])
    if seccomp.known():
        seccomp.restrict(step=True)


def _command(box: Box, own: Sequence[str], command: Sequence[str]) -> tuple[str, ...]:
    program = shutil.which("bwrap") or "bwrap"
    return (
        *(program, "--unshare-all", "--unshare-user", "--uid", _NOBODY, "--gid", _NOBODY),
        *("--cap-drop", "ALL", "--die-with-parent", "--new-session"),
        *("--proc", "/proc", *own, "--ro-bind", "/sys", "/sys"),
        *("--tmpfs", "/tmp"),  # noqa: S108 (of the child alone)
        *_trees(box.trees),
        *_hidden(box),
        *(word for path in (*SYSTEM_FILES, *box.files) for word in _same("--ro-bind-try", path)),
        *(word for path in box.devices for word in _same("--dev-bind-try", path)),
        *_same("--bind", box.folder),
        *("--remount-ro", "/", "--chdir", str(box.folder), "--"),
        *command,
    )


def _same(option: str, path: Path) -> tuple[str, ...]:
    """A mount of `path` at its own place."""
    return (option, str(path), str(path))


def _trees(trees: Sequence[Path]) -> list[str]:
    """Links stay links, so that the loader finds what it finds outside."""
    words: list[str] = []
    for path in trees:
        if path.is_symlink():
            words += ("--symlink", str(path.readlink()), str(path))
        else:
            words += _same("--ro-bind", path)
    return words


def _hidden(box: Box) -> list[str]:
    """Empty folders over what a tree shows and must not."""
    return [
        word
        for path in box.hidden
        if path.exists() and any(path.is_relative_to(tree) for tree in box.trees)
        for word in ("--tmpfs", str(path))
    ]
