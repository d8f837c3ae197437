"""What an agent asks of the machine it runs on: files that survive, processes, and clocks.

The thin shell under spool, runs and leases. Those decide; this module does. Another machine can
be put in its place, one that crashes at a chosen moment, for example.
"""

from __future__ import annotations

import errno
import os
import platform
import shutil
import time
from pathlib import Path

from bitgauge.benchmarks.common.digests import Hasher
from bitgauge.benchmarks.common.files import open_made, remove_tree, sync, write_durably, write_own
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.runs import MAX_RAW_FILE_BYTES

from . import process


class Machine:
    """This machine. Calls block on the disk: the agent makes them from a thread."""

    # -- files ----------------------------------------------------------------------------
    def make_folder(self, folder: Path) -> None:
        """Makes a folder that may be there already."""
        folder.mkdir(parents=True, exist_ok=True)

    def fresh_folder(self, folder: Path) -> None:
        """Makes a folder in which nothing is."""
        self.drop_folder(folder)
        folder.mkdir(parents=True)

    def drop_folder(self, folder: Path) -> None:
        """Removes a folder and what is in it, as far as that is possible."""
        remove_tree(folder)

    def place(self, path: Path, what: Path | bytes) -> None:
        """Puts a file where a child looks for it: a link to another file, or bytes."""
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(what, bytes):
            write_own(path, what)
        else:
            try:
                os.link(what, path)
            except OSError:  # a file system without links
                shutil.copyfile(what, path)

    def names(self, folder: Path) -> list[str]:
        """The names of the files in a folder, sorted."""
        return sorted(path.name for path in folder.iterdir())

    def read(self, path: Path) -> bytes:
        """The bytes of a file."""
        return path.read_bytes()

    def write(self, path: Path, data: bytes) -> None:
        """Writes a whole file; once this returns it survives a power cut."""
        write_durably(path, data)

    def keep(self, path: Path, folder: Path, limit_bytes: int = MAX_RAW_FILE_BYTES) -> Digest:
        """Moves a file into `folder` under the name of its digest, durably.

        Raises:
            OSError: it is larger than `limit_bytes`, is no plain file, or cannot be moved.
        """
        with os.fdopen(open_made(path, limit_bytes), "rb") as file:
            digest = Hasher.of_open(file).digest
            os.fsync(file.fileno())
            place = folder / digest.sha256
            os.replace(path, place)
            # A child that escaped its end may have put another file there meanwhile.
            if not os.path.samestat(place.lstat(), os.fstat(file.fileno())):
                place.unlink()
                raise OSError(errno.EINVAL, "another file was put in its place", str(path))
        sync(folder)
        return digest

    def rename(self, path: Path, name: str) -> None:
        """Gives a file another name in its folder."""
        os.replace(path, path.with_name(name))

    def remove(self, path: Path) -> None:
        """Removes a file that may have gone already; durable when this returns."""
        path.unlink(missing_ok=True)
        sync(path.parent)

    def sync(self, folder: Path) -> None:
        """Makes everything durable that was renamed or removed in a folder."""
        sync(folder)

    def discard(self, path: Path) -> None:
        """Removes a file that may as well come back after a power cut."""
        path.unlink(missing_ok=True)

    # -- processes ------------------------------------------------------------------------
    def boot_id(self) -> str:
        """The name of this boot; process ids of another boot mean nothing."""
        return process.boot_id()

    def machine_id(self) -> str:
        """A hash of what names this machine for ever; empty where nothing does."""
        return process.machine_id()

    def host_name(self) -> str:
        """What this machine calls itself."""
        return platform.node()

    def place_of(self, folder: Path) -> str:
        """Names a folder on this machine; a copy of it has another name."""
        found = folder.stat()
        return f"{found.st_ino}"

    def start_ticks(self, pid: int) -> int | None:
        """When a process started; with its id that names one process."""
        return process.start_ticks(pid)

    def end(self, mark: str, pid: int | None, ticks: int | None) -> bool:
        """Ends every process that was started under `mark`; whether none is left."""
        return process.end(mark, pid, ticks)

    # -- clocks ---------------------------------------------------------------------------
    def boottime_ns(self) -> int:
        """The clock that leases are judged by: never set, and not stopped by suspend."""
        return process.boottime_ns()

    def unix_ns(self) -> int:
        """The wall clock, which may be set at any time."""
        return time.time_ns()


THIS_MACHINE = Machine()
