"""Energy of an NVIDIA GPU by NVML: the counter since Volta, and beside it the present power.

Source: NVML's reference: nvmlDeviceGetTotalEnergyConsumption gives millijoules since the driver
was loaded, field 186 the present power in milliwatts, nvmlDeviceGetPowerUsage since Ampere the
mean of one second. How often the counter moves is found in every pass; what is stated here is the
shortest that it may be. On A100 and H100 the sensor behind it sees 25 of 100 ms, on the fastest
cards 10 of 20 (measurement.md C.1): windows begin at random moments on all of them.
"""

from __future__ import annotations

import importlib.util
import time
from dataclasses import dataclass
from pathlib import Path

from bitgauge.benchmarks.vocabulary.errors import BitgaugeError
from bitgauge.benchmarks.vocabulary.meters import GPU
from bitgauge.benchmarks.vocabulary.values.devices import MeterDescription

from ..host.nvml import EXTRA, Gpu, Nvml, NvmlForbidden, is_there
from .base import EnergyReader, MeterForbidden, MeterLost, Reading

NAME = "nvml"
RANK = 40
HINT = EXTRA
DEVICE = "nvidia"

_ROOT = Path("/")
_U_GAIN = 0.05  # measurement.md C-6
_QUARTER_SEEN = ("A100", "H100", "H200", "A30")
_SLOW_NS, _SLOW_SEEN_NS = 100_000_000, 25_000_000
_FAST_NS, _FAST_SEEN_NS = 20_000_000, 10_000_000
_MEAN = ("NVML_FI_DEV_POWER_AVERAGE", "NVML_POWER_SCOPE_GPU")
_INSTANT = ("NVML_FI_DEV_POWER_INSTANT", "NVML_POWER_SCOPE_GPU")


@dataclass(frozen=True, slots=True)
class UnitMeter:
    """The meter of one GPU, by its UUID; see `base.SecondMeterModule`."""

    unit: str
    NAME: str = NAME
    RANK: int = RANK
    HINT: str = HINT

    def describe(self) -> MeterDescription | None:
        """What it is, or why it cannot be used."""
        return describe(self.unit)

    def open_reader(self) -> EnergyReader:
        """Its counter."""
        return _Counter(self.unit)

    def open_second(self) -> EnergyReader | None:
        """Its present power; None where only the counter is."""
        return open_second(self.unit)


def of(unit: str) -> UnitMeter:
    """The meter of one GPU; see `base.UnitMeterModule`."""
    return UnitMeter(unit)


def describe(unit: str = "", *, root: Path = _ROOT) -> MeterDescription | None:
    """The meter of a GPU, of the first one unless it is named; None on a machine without any."""
    if not is_there():
        has_driver = (root / "dev/nvidiactl").exists()
        lacks_library = has_driver and importlib.util.find_spec("pynvml") is None
        return _description("", "no_library") if lacks_library else None
    try:
        reader = _Counter(unit)
    except MeterForbidden:
        return _description("", "no_permission")
    except MeterLost:
        return _description("", "no_sensor")
    try:
        if reader.gpu.is_part:  # the card has one counter for all its parts
            return _description(reader.gpu.name, "shared_device")
        reader.read()
        return _description(reader.gpu.name, None)
    except (MeterLost, BitgaugeError):
        return _description("", "no_sensor")
    finally:
        reader.close()


def _description(gpu: str, reason: str | None) -> MeterDescription:
    slow = any(name in gpu for name in _QUARTER_SEEN)
    return MeterDescription(
        name=NAME,
        quantity="energy",
        kind="counter",
        scope=f"{GPU} {gpu}".strip(),
        update_period_ns=_SLOW_NS if slow else _FAST_NS,
        uncertainty_relative=_U_GAIN,
        averaging_window_ns=_SLOW_SEEN_NS if slow else _FAST_SEEN_NS,
        reason=reason,
    )


def open_reader() -> EnergyReader:
    """The counter of the first GPU; see `base.EnergyMeterModule`."""
    return _Counter("")


def open_second(unit: str = "") -> EnergyReader | None:
    """Present power, which is polled beside the counter; None where only the counter is."""
    reader = _Power(unit)
    try:
        reader.read()
    except MeterLost:
        reader.close()
        return None
    return reader


class _Counter:
    """One GPU while NVML is in use; a reader of its counter."""

    is_counter = True
    wraps_at_mj: float | None = 2.0**64
    """Its width: a counter that falls by less than half of that was reset, and is not believed."""

    def __init__(self, unit: str) -> None:
        try:
            self._library = Nvml()
        except NvmlForbidden as error:
            raise MeterForbidden(error.sentence) from error
        except BitgaugeError as error:
            raise MeterLost(error.sentence) from error
        try:
            found = self._library.gpu(unit) if unit else next(self._library.gpus(), None)
        except BitgaugeError as error:
            self.close()
            raise MeterLost(error.sentence) from error
        if found is None:
            self.close()
            raise MeterLost("there is no GPU that can compute")
        self.gpu: Gpu = found

    def read(self) -> Reading:
        """The present value; see `base.EnergyReader`."""
        try:
            found = self._asked()
        except BitgaugeError as error:
            raise MeterLost(error.sentence) from error
        if found is None:
            raise MeterLost("the GPU does not tell it")
        return Reading(float(found), time.monotonic_ns())

    def close(self) -> None:
        """Ends the use of NVML."""
        self._library.close()

    def _asked(self) -> float | None:
        """Millijoules since the driver was loaded."""
        found: int | None = self.gpu.card("nvmlDeviceGetTotalEnergyConsumption")
        return found


class _Power(_Counter):
    """Present power of the GPU."""

    is_counter = False

    def _asked(self) -> float | None:
        """Milliwatts: those of now where the card tells them, else a mean, else its "use"."""
        instant, mean = self.gpu.fields([_INSTANT, _MEAN])
        told = mean if instant is None else instant
        return self.gpu.card("nvmlDeviceGetPowerUsage") if told is None else told


class ScopePower(_Counter):
    """Power of another scope of the card: of now, else a mean."""

    is_counter = False

    def __init__(self, unit: str, scope: str) -> None:
        self._scope = scope
        super().__init__(unit)

    def _asked(self) -> float | None:
        kinds = ("NVML_FI_DEV_POWER_INSTANT", "NVML_FI_DEV_POWER_AVERAGE")
        instant, mean = self.gpu.fields([(kind, self._scope) for kind in kinds])
        return mean if instant is None else instant


def describe_scope(name: str, word: str, scope: str, unit: str) -> MeterDescription | None:
    """The meter of another scope of a card; None where it does not tell it, as most do not.

    Args:
        name: of the meter.
        word: for the scope, see `vocabulary.meters.BESIDE`.
        scope: the same for NVML.
        unit: which card.
    """
    if not unit or not is_there():
        return None
    try:
        reader = ScopePower(unit, scope)
    except MeterLost:
        return None
    try:
        reader.read()
        part = reader.gpu.is_part
        return MeterDescription(
            name=name,
            quantity="energy",
            kind="polled_power",
            scope=f"{word} {reader.gpu.name}".strip(),
            update_period_ns=_SLOW_NS,
            uncertainty_relative=_U_GAIN,
            reason="shared_device" if part else None,
        )
    except (MeterLost, BitgaugeError):
        return None
    finally:
        reader.close()
