"""Room on the device's disk: no new job while there is too little to bring one to its end.

What was measured needs room to be kept, so an agent on a full disk would measure in vain. It
empties its cache first; then it waits, says so once, and goes on by itself when there is room.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bitgauge.benchmarks.common.files import on_disk
from bitgauge.benchmarks.vocabulary.errors import Refused

from .cache import Cache


@dataclass(slots=True)
class Room:
    """Whether there is room for a job: `_reserve_bytes` on the disk of the agent's folder."""

    _folder: Path
    _cache: Cache
    _reserve_bytes: int
    _say: Callable[[str], None]
    _low: bool = False

    def low(self) -> bool:
        """Whether no job may be taken now; blocks on the disk.

        Raises:
            Refused: `STORE_IO`, the disk does not answer.
        """
        if self._free_bytes() < self._reserve_bytes:
            self._cache.clear()
        free_bytes = self._free_bytes()
        low = free_bytes < self._reserve_bytes
        if low and not self._low:
            self._say(
                f"The disk of {self._folder} has {free_bytes} bytes free and a job needs"
                f" {self._reserve_bytes}: no new job until some are freed; nothing needs a restart."
            )
        elif self._low and not low:
            self._say(f"The disk of {self._folder} has room again.")
        self._low = low
        return low

    def _free_bytes(self) -> int:
        with on_disk(f"{self._folder} on the device", Refused):
            return shutil.disk_usage(self._folder).free
