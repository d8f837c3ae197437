"""Who this agent and its devices are: ids for ever, and a lock for one process."""

from __future__ import annotations

import contextlib
import fcntl
import os
import uuid
from pathlib import Path
from urllib.parse import quote

from bitgauge.benchmarks.common.files import on_disk, whole_file
from bitgauge.benchmarks.common.home import private_folder, require_own
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code, Refused

WORK, PROBING = "work", "probe"
"""Folders of these names hold what children leave, links too; it is removed unread."""


class FolderLock:
    """Holds a state folder for one agent process, until the process ends.

    The folder becomes its owner's alone, and what others may have left there is refused.

    Args:
        folder: made when it is not there.

    Raises:
        Refused: another agent holds it; the sentence names its process. `NOT_OWNER` or `PLANTED`,
            others have left something there. `STORE_IO`, it cannot be used.
    """

    def __init__(self, folder: Path) -> None:
        with on_disk(f"The agent's state folder {folder}", Refused):
            folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            private_folder(folder)
            require_own(folder.iterdir(), besides=(WORK, PROBING))
            path = folder / "lock"
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            self._descriptor = os.open(path, flags, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(self._descriptor, 32, 0).decode("ascii", "replace").strip()
            os.close(self._descriptor)
            raise Refused(
                Code.AGENT_RUNNING,
                f"Another agent, process {holder or 'unknown'}, uses {folder}.",
            ) from error
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Lets the next agent in."""
        os.close(self._descriptor)


def device_id(folder: Path) -> str:
    """The id that is kept in a folder, minted at the first call and kept for ever after.

    In the agent's own folder it is the id of its machine, and what its certificate names.

    Raises:
        BadInput: the file holds something else.
    """
    path = folder / "device_id"
    text = _kept(path, str(uuid.uuid4()))
    try:
        return str(uuid.UUID(text))
    except ValueError as error:
        raise BadInput(
            Code.FILE_UNREADABLE, f"{path} holds no device id but {text[:40]!r}; remove it."
        ) from error


def device_folder(folder: Path, key: str, *, is_machine: bool) -> Path:
    """Where a device has its id, its outbox and its work.

    The first device that is the machine itself has the agent's own folder, as the only device of
    an agent always had; every other one has a folder of its own in there.

    Args:
        folder: the agent's own.
        key: what names the device for ever on this machine.
        is_machine: whether it is the machine itself and no unit beside it.
    """
    if is_machine and _kept(folder / "machine", key) == key:
        return folder
    return folder / "devices" / quote(key, safe="")


def _kept(path: Path, wanted: str) -> str:
    """What a file holds; `wanted` from now on when it is not there."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        # Of two processes that write at once, one wins.
        with contextlib.suppress(FileExistsError), whole_file(path, 0o600, first=True) as file:
            file.write(f"{wanted}\n".encode())
    return path.read_text("utf-8", errors="replace").strip()
