"""Peak memory of a process by the kernel's own high-water mark (measurement.md B-2).

Writing 5 to ``clear_refs`` sets VmHWM back to the present size, so each phase has an exact peak
and nothing polls. Where the kernel lacks that file, a thread polls at 200 Hz instead and the
result says `sampled`.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from bitgauge.benchmarks.vocabulary.values.devices import MeterDescription

from ..host.files import kilobytes

if TYPE_CHECKING:
    from bitgauge.benchmarks.samples import MemoryCheckpoint

NAME = "high_water"
RANK = 10
HINT = "needs Linux with /proc"

_RESET_PEAK = b"5"
_POLL_S = 0.005
_STATUS = ("VmRSS", "RssAnon", "RssFile", "VmHWM")
_PRIVATE = ("Private_Clean", "Private_Dirty", "Private_Hugetlb")


def describe(process: Path = Path("/proc/self")) -> MeterDescription | None:
    """The memory meter of this machine; None without /proc."""
    if not (process / "status").exists():
        return None
    kind = "high_water" if os.access(process / "clear_refs", os.W_OK) else "sampled"
    return MeterDescription(name=NAME, quantity="memory", kind=kind, scope="process")


class MemoryMeter:
    """Checkpoints of one process's memory, in bytes.

    Args:
        process: its folder below /proc.
    """

    def __init__(self, process: Path = Path("/proc/self")) -> None:
        self._process = process
        self._poller: _Poller | None = None
        self.method = "vmhwm"

    def open_phase(self) -> None:
        """Forgets the peak so far; the next checkpoint tells the peak since now."""
        try:
            descriptor = os.open(self._process / "clear_refs", os.O_WRONLY | os.O_CLOEXEC)
            with os.fdopen(descriptor, "wb", buffering=0) as file:
                file.write(_RESET_PEAK)
        except OSError:
            self.method = "sampled"
            self._poller = _Poller(self._process)

    def checkpoint(self, name: str) -> MemoryCheckpoint:
        """What the process holds now, and its peak since `open_phase`.

        Args:
            name: ``m0`` to ``m3`` of measurement.md B-2.
        """
        from bitgauge.benchmarks.samples import MemoryCheckpoint

        polled = self._poller.stop() if self._poller else None
        self._poller = None
        status = kilobytes(self._process / "status", _STATUS)
        rollup = kilobytes(self._process / "smaps_rollup", ("Pss", *_PRIVATE))
        peak = status.get("VmHWM", 0) if polled is None else polled
        return MemoryCheckpoint(
            name=name,
            rss_bytes=status.get("VmRSS", 0),
            rss_anon_bytes=status.get("RssAnon", 0),
            rss_file_bytes=status.get("RssFile", 0),
            pss_bytes=rollup.get("Pss", 0),
            uss_bytes=sum(rollup.get(key, 0) for key in _PRIVATE),
            hwm_bytes=max(peak, status.get("VmRSS", 0)) if polled is not None else peak,
        )


class _Poller(threading.Thread):
    """Polls VmRSS and keeps the largest value, in bytes."""

    def __init__(self, process: Path) -> None:
        super().__init__(daemon=True)
        self._status = process / "status"
        self._done = threading.Event()
        self._peak = 0
        self.start()

    def run(self) -> None:
        while not self._done.wait(_POLL_S):
            self._peak = max(self._peak, kilobytes(self._status, ("VmRSS",)).get("VmRSS", 0))

    def stop(self) -> int:
        """The peak that was seen; the thread has ended."""
        self._done.set()
        self.join()
        return self._peak
