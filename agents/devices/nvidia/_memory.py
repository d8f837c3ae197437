"""What of a card's memory the driver counts for this process, and its peak: polled, nothing else.

Source: NVML's reference on nvmlDeviceGetComputeRunningProcesses: bytes of each process, its
context included; not told where a driver of Windows manages the memory, and to a process that
does not see how its host counts it. NVML keeps no peak of a process that still runs, so it is
polled (measurement.md B-4); no clock runs in the pass that does.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from collections.abc import Set as AbstractSet

from bitgauge.benchmarks.vocabulary.errors import BitgaugeError
from bitgauge.benchmarks.vocabulary.reasons import HIDDEN_PROCESS, UNCOUNTED_MEMORY

from ...host.nvml import Nvml
from .processes import memory_on, seen_first

_POLL_S = 0.02


def own_entry(first: AbstractSet[int], listed: AbstractSet[int], own: int) -> int | None:
    """The number under which a process is listed; None when it is not, or cannot be told.

    In a process namespace of its own it is the one that came since the first look, when only one
    did; see `processes.others`.
    """
    if own in listed:
        return own
    came = sorted(listed - first)
    return came[0] if len(came) == 1 else None


class PolledMemory:
    """The memory of one GPU as this process uses it; see `base.MemoryOfCard`.

    Attributes:
        reason: why the process' own is not told, as far as anybody looked; "" where it is.
    """

    def __init__(self, unit: str) -> None:
        self._library = Nvml()
        self._gpu = self._library.gpu(unit)
        self._first = seen_first(unit, self._gpu)
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._peak, self._card_peak = 0, 0
        self.reason = HIDDEN_PROCESS
        self._look()
        self._thread = threading.Thread(target=self._poll, daemon=True)
        self._thread.start()

    def open_phase(self) -> None:
        """Forgets the peaks so far."""
        with self._lock:
            self._peak = self._card_peak = 0

    def peaks_bytes(self) -> tuple[int, int]:
        """The most since `open_phase`: of this process, and of everybody on the card."""
        self._look()
        with self._lock:
            return self._peak, self._card_peak

    def close(self) -> None:
        """Ends polling."""
        self._over.set()
        self._thread.join()
        self._library.close()

    def _poll(self) -> None:
        while not self._over.wait(_POLL_S):
            try:
                self._look()
            except BitgaugeError:  # the pass itself meets that and says it
                return

    def _look(self) -> None:
        listed = memory_on(self._gpu)
        memory = self._gpu.own("nvmlDeviceGetMemoryInfo")
        with self._lock:
            if memory is not None:
                self._card_peak = max(self._card_peak, int(memory.used))
            self._note(listed)

    def _note(self, listed: Mapping[int, int | None]) -> None:
        own = own_entry(self._first, listed.keys(), os.getpid())
        if own is None:
            return  # nothing of it is there yet, or it is hidden
        used = listed[own]
        if used is None:
            self.reason = UNCOUNTED_MEMORY
        else:
            self.reason = ""
            self._peak = max(self._peak, used)
