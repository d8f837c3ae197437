"""What may befall a GPU while an agent serves it: a loss, a fault, another driver, other users.

Source: NVML's reference on events, volatile ECC counters and compute modes. The library stays in
use as long as the watch is kept: an event is told only to who waited for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code

from ...host.nvml import Nvml, is_divided
from .processes import memory_on

_WAIT_MS = 0
_GIB = 1 << 30
_TAKEN_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class _Health:
    """What is compared: driver, division, and errors of memory that were not corrected.

    Attributes:
        divided: whether MIG is on.
        exclusive: whether one process alone may compute on it.
    """

    driver: str
    uncorrected: int
    divided: bool = False
    exclusive: bool = False


def trouble(name: str, before: _Health, now: _Health, fault: int | None) -> BitgaugeError | None:
    """What befell a card since it was looked at before, the most telling first; None for nothing.

    Args:
        name: of the card, in words.
        before: how it was when it registered.
        now: how it is.
        fault: the number of an Xid that it reported since.
    """
    if now.driver != before.driver:
        return BitgaugeError(
            Code.DRIVER_CHANGED,
            f"The driver of {name} is {now.driver}; when it registered it was {before.driver}.",
        )
    if now.divided != before.divided:
        what = "is divided now (MIG)" if now.divided else "is not divided any more (MIG)"
        return BitgaugeError(Code.DEVICE_DIVIDED, f"{name} {what}, and registered before that.")
    if now.uncorrected > before.uncorrected:
        more = now.uncorrected - before.uncorrected
        return BitgaugeError(
            Code.MEMORY_FAULT, f"The memory of {name} had {more} errors that nothing corrected."
        )
    if fault is not None:
        return BitgaugeError(Code.DEVICE_FAULT, f"The driver of {name} reported Xid {fault}.")
    return None


def taken(name: str, now: _Health, others: Mapping[int, int | None]) -> BitgaugeError | None:
    """Whether a process of others has a card that lets one process alone compute."""
    if not (now.exclusive and others):
        return None
    pid = min(others)
    return BitgaugeError(Code.DEVICE_TAKEN, f"{name} is exclusive, and process {pid} has it.")


def memory_taken(
    name: str, others: Mapping[int, int | None], used: int, total: int
) -> BitgaugeError | None:
    """Whose memory is in the way, while nothing of ours is on a card; None when nobody's is.

    Args:
        name: of the card, in words.
        others: bytes of each process that is there; None where they are not counted.
        used: bytes of the card that are not free, its driver's own among them.
        total: bytes of the card.
    """
    enough = _TAKEN_SHARE * total
    counted = {pid: size for pid, size in others.items() if size is not None}
    if sum(counted.values()) >= enough:
        most = max(counted, key=lambda pid: counted[pid])
        rest = f" and {len(others) - 1} more hold" if len(others) > 1 else " holds"
        size = sum(counted.values())
    elif len(counted) < max(len(others), 1) and used >= 2 * enough:
        most, rest, size = min(others, default=0), " holds", used
    else:
        return None
    who = f"Process {most}{rest}" if most else "Somebody whose processes are hidden holds"
    sentence = f"{who} {size / _GIB:.1f} of the {total / _GIB:.1f} GiB of {name}."
    return BitgaugeError(Code.DEVICE_MEMORY_TAKEN, sentence)


class GpuWatch:
    """Looks after one GPU from now on; see `base.Watch`."""

    def __init__(self, unit: str) -> None:
        self._library = Nvml()
        self._gpu = self._library.gpu(unit)
        self._name = f"GPU {unit}"
        self._before = self._health()
        self._events = self._library.ask("nvmlEventSetCreate")
        kinds = self._gpu.value("nvmlEventTypeXidCriticalError")
        if self._events is not None:
            self._gpu.card("nvmlDeviceRegisterEvents", kinds, self._events)

    def look(self) -> None:
        """Nothing where it is as it was when the watch began, and can compute.

        Raises:
            BitgaugeError: what befell it: `device_lost`, `device_fault`, `memory_fault`,
                `device_divided` or `driver_changed`; or `device_taken`.
        """
        now = self._health()
        found = trouble(self._name, self._before, now, self._fault())
        if found is None and now.exclusive:
            found = taken(self._name, now, memory_on(self._gpu))
        if found is not None:
            raise found

    def explained(self, code: str) -> BitgaugeError | None:
        """Whose memory was in the way of a run that found none; None when it was its own."""
        memory = self._gpu.own("nvmlDeviceGetMemoryInfo")
        if code != Code.OUT_OF_DEVICE_MEMORY.value or memory is None:
            return None
        used, total = int(memory.used), int(memory.total)
        return memory_taken(self._name, memory_on(self._gpu), used, total)

    def _health(self) -> _Health:
        value, gpu = self._gpu.value, self._gpu
        kind, since = value("NVML_MEMORY_ERROR_TYPE_UNCORRECTED"), value("NVML_VOLATILE_ECC")
        gpu.card("nvmlDeviceGetUUID")  # a lost card is lost whatever else it does not tell
        mode = gpu.card("nvmlDeviceGetComputeMode")
        return _Health(
            driver=str(self._library.ask("nvmlSystemGetDriverVersion")),
            uncorrected=gpu.card("nvmlDeviceGetTotalEccErrors", kind, since) or 0,
            divided=is_divided(gpu.card("nvmlDeviceGetMigMode")),
            exclusive=mode == value("NVML_COMPUTEMODE_EXCLUSIVE_PROCESS"),
        )

    def _fault(self) -> int | None:
        """The number of an Xid since the last look; None where there was none."""
        if self._events is None:
            return None
        event = self._library.ask("nvmlEventSetWait_v2", self._events, _WAIT_MS)
        return None if event is None else int(event.eventData)
