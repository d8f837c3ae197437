"""What may befall a GPU while an agent serves it: a loss, a fault, another driver.

Source: NVML's reference on events and on volatile ECC counters. The library stays in use as long
as the watch is kept: an event is told only to who waited for it.
"""

from __future__ import annotations

from dataclasses import dataclass

from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code

from ...host.nvml import Nvml

_WAIT_MS = 0


@dataclass(frozen=True, slots=True)
class _Health:
    """What is compared: the driver's version, and errors of memory that were not corrected."""

    driver: str
    uncorrected: int


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
    if now.uncorrected > before.uncorrected:
        more = now.uncorrected - before.uncorrected
        return BitgaugeError(
            Code.MEMORY_FAULT, f"The memory of {name} had {more} errors that nothing corrected."
        )
    if fault is not None:
        return BitgaugeError(Code.DEVICE_FAULT, f"The driver of {name} reported Xid {fault}.")
    return None


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
        """Nothing where it is as it was when the watch began.

        Raises:
            BitgaugeError: what befell it: `device_lost`, `device_fault`, `memory_fault` or
                `driver_changed`.
        """
        found = trouble(self._name, self._before, self._health(), self._fault())
        if found is not None:
            raise found

    def _health(self) -> _Health:
        value, gpu = self._gpu.value, self._gpu
        kind, since = value("NVML_MEMORY_ERROR_TYPE_UNCORRECTED"), value("NVML_VOLATILE_ECC")
        gpu.card("nvmlDeviceGetUUID")  # a lost card is lost whatever else it does not tell
        driver = self._library.ask("nvmlSystemGetDriverVersion")
        return _Health(str(driver), gpu.card("nvmlDeviceGetTotalEccErrors", kind, since) or 0)

    def _fault(self) -> int | None:
        """The number of an Xid since the last look; None where there was none."""
        if self._events is None:
            return None
        event = self._library.ask("nvmlEventSetWait_v2", self._events, _WAIT_MS)
        return None if event is None else int(event.eventData)
