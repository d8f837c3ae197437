"""Who this agent is: an id for ever, a lock for one process, a description of the device."""

from __future__ import annotations

import contextlib
import fcntl
import os
import uuid
from pathlib import Path

from bitgauge.benchmarks.common.files import whole_file
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code, Refused


class FolderLock:
    """Holds a state folder for one agent process, until the process ends.

    Args:
        folder: made when it is not there.

    Raises:
        Refused: another agent holds it; the sentence names its process.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "lock"
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
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
    """The id of this device, minted at the first call and kept for ever after.

    Raises:
        BadInput: the file holds something else.
    """
    path = folder / "device_id"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        # Of two processes that mint at once, one wins.
        with contextlib.suppress(FileExistsError), whole_file(path, 0o600, first=True) as file:
            file.write(f"{uuid.uuid4()}\n".encode())
    text = path.read_text("ascii", errors="replace").strip()
    try:
        return str(uuid.UUID(text))
    except ValueError as error:
        raise BadInput(
            Code.FILE_UNREADABLE, f"{path} holds no device id but {text[:40]!r}; remove it."
        ) from error
