"""What was built of artifacts on this device, for this device: programs of an accelerator.

Building one may take minutes, and every launch would build it again. It is found by the artifact,
by what it was built with and by the stack that it was built on, so that another driver finds
nothing; what an older stack left is removed. It is hashed before each use. Nothing enters here but
what a child of this agent made: from outside such a program is never accepted (DESIGN 11.11).
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

from bitgauge.benchmarks.common.digests import digest_of
from bitgauge.benchmarks.common.files import remove_tree
from bitgauge.benchmarks.vocabulary.values.devices import StackItem
from bitgauge.benchmarks.vocabulary.values.digests import Digest

from ..host.machine import THIS_MACHINE, Machine

MAX_BUILT_BYTES = 2 << 30
"""Of one program; a larger one is built in every launch."""
MAX_ALL_BUILT_BYTES = 8 << 30
"""Of all that a device keeps; what was not used for longest goes."""


class BuiltPrograms:
    """A folder of programs. Calls block on the disk: the agent makes them from a thread.

    Args:
        folder: made when something is kept.
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
                if digest_of(path).sha256 == path.name:
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
        for older in [one for one in self._folder.glob("*") if one != place.parent]:
            remove_tree(older)
        for older in [one for one in place.iterdir() if one.name != kept.sha256]:
            older.unlink()
        self._shrink()

    def _place(self, artifact: Digest, fingerprint: str, options: Iterable[StackItem]) -> Path:
        text = "\n".join((artifact.sha256, *(f"{one.name}={one.value}" for one in options)))
        return self._folder / fingerprint / hashlib.sha256(text.encode()).hexdigest()

    def _shrink(self) -> None:
        files = [path for path in self._folder.glob("*/*/*") if path.is_file()]
        files.sort(key=lambda path: path.stat().st_mtime_ns, reverse=True)
        total = 0
        for path in files:
            total += path.stat().st_size
            if total > self._limit_bytes:
                path.unlink()
