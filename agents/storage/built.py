"""What was built of artifacts on this device, for this device: programs of an accelerator.

Building one may take minutes, and every launch would build it again. It is found by the artifact,
by what it was built with and by the stack that it was built on, so that another driver finds
nothing; what an older stack left is removed. Nothing enters here but what a child of this agent
made: from outside such a program is never accepted (DESIGN 11.11). Such programs are run as they
are, so a file has the name that a key of this agent gives its bytes at this very place: whoever can
write here and does not know the key can put nothing here that is used, and move nothing.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import secrets
from collections.abc import Iterable
from pathlib import Path

from bitgauge.benchmarks.common.files import remove_tree, whole_file
from bitgauge.benchmarks.vocabulary.values.devices import StackItem
from bitgauge.benchmarks.vocabulary.values.digests import Digest

from ..host.machine import THIS_MACHINE, Machine

MAX_BUILT_BYTES = 2 << 30
"""Of one program; a larger one is built in every launch."""
MAX_ALL_BUILT_BYTES = 8 << 30
"""Of all that a device keeps; what was not used for longest goes."""
_KEY_BYTES = 32
_BLOCK_BYTES = 1 << 20


class BuiltPrograms:
    """A folder of programs. Calls block on the disk: the agent makes them from a thread.

    Args:
        folder: made when something is kept; the key lies beside it, its owner's alone.
        limit_bytes: what all of them together keep to.
        machine: what moves files.
    """

    def __init__(
        self,
        folder: Path,
        limit_bytes: int = MAX_ALL_BUILT_BYTES,
        machine: Machine = THIS_MACHINE,
    ) -> None:
        self._folder = folder
        self._limit_bytes = limit_bytes
        self._machine = machine

    def find(self, artifact: Digest, fingerprint: str, options: Iterable[StackItem]) -> Path | None:
        """The program, when it is there and its bytes are what they were.

        Args:
            artifact: what it was built of.
            fingerprint: of the stack of device and runtime.
            options: what its session is made with.
        """
        place = self._place(artifact, fingerprint, options)
        with contextlib.suppress(OSError):
            for path in sorted(place.iterdir()):
                if hmac.compare_digest(self._seal(path), path.name):
                    os.utime(path)
                    return path
                path.unlink()
        return None

    def keep(
        self, made: Path, artifact: Digest, fingerprint: str, options: Iterable[StackItem]
    ) -> None:
        """Takes what a child left over, in place of what there was, and makes room for it.

        Raises:
            OSError: it is no plain file, is too large, or the disk does not take it.
        """
        place = self._place(artifact, fingerprint, options)
        made.lstat()  # an agent whose child left nothing loses nothing
        place.mkdir(parents=True, exist_ok=True)
        kept = self._machine.keep(made, place, MAX_BUILT_BYTES)
        seal = self._seal(place / kept.sha256)
        self._machine.rename(place / kept.sha256, seal)
        for older in [one for one in self._folder.glob("*") if one != place.parent]:
            remove_tree(older)
        for older in [one for one in place.iterdir() if one.name != seal]:
            older.unlink()
        self._shrink()

    def _place(self, artifact: Digest, fingerprint: str, options: Iterable[StackItem]) -> Path:
        text = "\n".join((artifact.sha256, *(f"{one.name}={one.value}" for one in options)))
        return self._folder / fingerprint / hashlib.sha256(text.encode()).hexdigest()

    def _seal(self, path: Path) -> str:
        """What the agent's key makes of a file and of its place."""
        place = path.parent.relative_to(self._folder).as_posix()
        seal = hmac.new(self._key(), f"{place}\n".encode(), hashlib.sha256)
        with path.open("rb") as file:
            while block := file.read(_BLOCK_BYTES):
                seal.update(block)
        return seal.hexdigest()

    def _key(self) -> bytes:
        """The key, made at the first call; another one where it is no key: nothing is found then.

        Raises:
            OSError: it cannot be read or written.
        """
        path = self._folder.with_suffix(".key")
        with contextlib.suppress(FileNotFoundError):
            key = path.read_bytes()
            if len(key) == _KEY_BYTES:
                return key
            path.unlink()
        path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError), whole_file(path, 0o600, first=True) as file:
            file.write(secrets.token_bytes(_KEY_BYTES))
        return path.read_bytes()

    def _shrink(self) -> None:
        files = [path for path in self._folder.glob("*/*/*") if path.is_file()]
        files.sort(key=lambda path: path.stat().st_mtime_ns, reverse=True)
        total = 0
        for path in files:
            total += path.stat().st_size
            if total > self._limit_bytes:
                path.unlink()
