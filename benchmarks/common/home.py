"""Where Bitgauge keeps its state on this machine, and that it is its owner's alone.

Whoever could write to a folder before it was closed may have left links there, to have us write,
read, open or remove files elsewhere, or files that we would believe. So a state folder is closed
first and looked through then; from that moment on nobody else can put anything there.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from ..vocabulary.errors import Code, Refused

DEFAULT_PORT = 50950
_OTHERS = 0o077
_OTHERS_WRITE = 0o022


def home(environ: Mapping[str, str] = os.environ) -> Path:
    """The state folder: ``$BITGAUGE_HOME``, else ``$XDG_DATA_HOME/bitgauge``, else the XDG default.

    The folder need not exist yet.
    """
    if own := environ.get("BITGAUGE_HOME"):
        return Path(own).expanduser().absolute()
    if data := environ.get("XDG_DATA_HOME"):
        return Path(data).expanduser().absolute() / "bitgauge"
    return Path("~/.local/share/bitgauge").expanduser()


def private_folder(folder: Path, *, link: bool = False) -> bool:
    """Makes a folder that nobody else may look into, or closes one that is there.

    Args:
        folder: which one.
        link: it may be a link of its owner's to another place, as a whole state folder may.

    Returns:
        Whether it was open to others until now.

    Raises:
        Refused: `NOT_OWNER`, it is somebody else's; `PLANTED`, it is a link.
        OSError: it cannot be made, or is no folder.
    """
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700, parents=True)
    facts = folder.lstat()
    if link and stat.S_ISLNK(facts.st_mode):
        _require_own(folder, facts)
        facts = folder.stat()
    _require_plain(folder, facts)
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | (0 if link else os.O_NOFOLLOW)
    descriptor = os.open(folder, flags)
    try:
        facts = os.fstat(descriptor)
        _require_own(folder, facts)
        was_open = bool(facts.st_mode & _OTHERS)
        if was_open:
            os.fchmod(descriptor, 0o700)
    finally:
        os.close(descriptor)
    return was_open


def require_own(paths: Iterable[Path], besides: Collection[str] = ()) -> None:
    """Refuses what somebody else may have left below: links, files and folders of other users.

    Folders that others may write to are closed on the way.

    Args:
        paths: what to look through, as far as it is there.
        besides: names of folders whose contents are not looked at.

    Raises:
        Refused: `NOT_OWNER` or `PLANTED`; the sentence names the first one that was found.
        OSError: something cannot be looked at.
    """
    for path in paths:
        try:
            facts = path.lstat()
        except FileNotFoundError:
            continue
        _require_plain(path, facts)
        if stat.S_ISDIR(facts.st_mode):
            _require_own_below(path, facts, besides)


def _require_own_below(folder: Path, facts: os.stat_result, besides: Collection[str]) -> None:
    if facts.st_mode & _OTHERS_WRITE:
        private_folder(folder)
    if folder.name in besides:
        return
    with os.scandir(folder) as entries:
        for entry in entries:
            try:
                found = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            _require_plain(Path(entry.path), found)
            if stat.S_ISDIR(found.st_mode):
                _require_own_below(Path(entry.path), found, besides)


def _require_plain(path: Path, facts: os.stat_result) -> None:
    if not (stat.S_ISDIR(facts.st_mode) or stat.S_ISREG(facts.st_mode)):
        kind = "a link" if stat.S_ISLNK(facts.st_mode) else "neither a file nor a folder"
        raise Refused(
            Code.PLANTED, f"{path} is {kind}, and Bitgauge keeps nothing there but its own files."
        )
    _require_own(path, facts)


def _require_own(path: Path, facts: os.stat_result) -> None:
    if facts.st_uid != os.geteuid():
        raise Refused(Code.NOT_OWNER, f"{path} belongs to user {facts.st_uid}, not to you.")
