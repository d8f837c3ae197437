"""The state folder, and who holds it."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from pathlib import Path

import msgspec
from bitgauge.benchmarks.common.files import write_durably
from bitgauge.benchmarks.common.home import private_folder, require_own
from bitgauge.benchmarks.vocabulary.errors import Code, Refused

from .last_backup import FOLDER, RESTORING

_PARTS = (FOLDER, RESTORING, "crash")


@dataclass(frozen=True, slots=True)
class StateFolder:
    """Where everything of one coordinator lies.

    Attributes:
        home: the folder, absolute.
    """

    home: str

    @property
    def home_folder(self) -> Path:
        """The state folder."""
        return Path(self.home)

    @property
    def store_path(self) -> Path:
        """The database."""
        return self.home_folder / "store.db"

    @property
    def lock_path(self) -> Path:
        """The lock that the one writing process holds."""
        return self.home_folder / "store.lock"

    @property
    def holder_path(self) -> Path:
        """The side file that says who holds the lock."""
        return self.home_folder / "store.holder"

    @property
    def blobs_folder(self) -> Path:
        """The content-addressed files."""
        return self.home_folder / "blobs"

    @property
    def tokens_folder(self) -> Path:
        """One token file for each role."""
        return self.home_folder / "tokens"

    @property
    def authority_path(self) -> Path:
        """Key and certificate of the CA."""
        return self.home_folder / "ca" / "authority.pem"

    @property
    def ray_token_path(self) -> Path:
        """The secret that Ray's own processes share."""
        return self.home_folder / "ray-token"

    @property
    def alert_webhook_path(self) -> Path:
        """Where alerts go; a file, because the URL may hold a secret."""
        return self.tokens_folder / "alert-webhook"

    @property
    def logs_folder(self) -> Path:
        """Logs of the coordinator's processes."""
        return self.home_folder / "logs"

    def _own(self) -> list[Path]:
        """Everything there that a coordinator, or what is done to its state folder, has made."""
        home, database = self.home_folder, self.store_path.stem
        folders = (self.blobs_folder, self.tokens_folder, self.authority_path.parent)
        ours = {path.name for path in (*folders, self.logs_folder, self.ray_token_path)}
        ours.update(_PARTS)
        return [
            home / name
            for name in os.listdir(home)
            if name in ours or name.startswith(f"{database}.")
        ]

    def claim(self) -> bool:
        """Make it the folder of its owner alone, or refuse what others may have left there.

        Returns:
            Whether it was open to others until now.

        Raises:
            Refused: `NOT_OWNER` or `PLANTED`.
            OSError: it cannot be made or looked at.
        """
        was_open = private_folder(self.home_folder, link=True)
        require_own(self._own())
        return was_open


@dataclass(frozen=True, slots=True)
class Holder:
    """The process that holds the store, as it wrote beside the lock."""

    pid: int
    host: str
    supervisor_pid: int


def write_holder(path: Path, supervisor_pid: int) -> None:
    """Say who holds the lock; called by the holder only."""
    holder = Holder(os.getpid(), socket.gethostname(), supervisor_pid)
    write_durably(path, msgspec.json.encode(holder))


def read_holder(path: Path) -> Holder | None:
    """Who wrote the side file last, dead or alive."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Holder)
    except (OSError, ValueError):  # also text that is no UTF-8
        return None


def running_error(folder: StateFolder) -> Refused:
    """The refusal that names the first coordinator of this folder."""
    holder = read_holder(folder.holder_path)
    who = f"process {holder.pid} on {holder.host}" if holder else "another process"
    return Refused(
        Code.COORDINATOR_RUNNING,
        f"A coordinator already works on {folder.home_folder}: {who}.",
    )
