"""Energy of an NVIDIA GPU by NVML: the counter since Volta, present power before.

Source: NVML's reference: nvmlDeviceGetTotalEnergyConsumption gives millijoules since the driver
was loaded, nvmlDeviceGetPowerUsage milliwatts, since
Ampere as the mean of one second. The counter moves about every 100 ms; on A100 and
H100 the sensor behind it sees 25 of them (measurement.md C.1), which is stated.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
import time
from pathlib import Path
from typing import Any

from bitgauge.benchmarks.vocabulary.meters import GPU
from bitgauge.benchmarks.vocabulary.values.devices import MeterDescription

from .base import EnergyReader, MeterForbidden, MeterLost, Reading

NAME = "nvml"
RANK = 40
HINT = "pip install 'bitgauge[nvidia]'"

_ROOT = Path("/")
_UPDATE_NS = 100_000_000
_HALF_SEEN_NS = 25_000_000
_U_GAIN = 0.05  # measurement.md C-6
_QUARTER_SEEN = ("A100", "H100", "H200", "A30")


def describe(root: Path = _ROOT, library: Any = None) -> MeterDescription | None:
    """The GPU's meter; None on a machine without an NVIDIA GPU.

    Args:
        root: file system root.
        library: the module `pynvml`, or one like it; imported when not given.
    """
    if not (root / "dev/nvidiactl").exists() and library is None:
        return None
    if library is None and importlib.util.find_spec("pynvml") is None:
        return _description("", "no_library")
    try:
        with _Opened(library) as gpu:
            name = gpu.name()
            gpu.counter()
    except MeterForbidden:
        return _description("", "no_permission")
    except MeterLost:
        return _description("", "no_sensor")
    return _description(name, None)


def _description(gpu: str, reason: str | None) -> MeterDescription:
    quarter = any(name in gpu for name in _QUARTER_SEEN)
    return MeterDescription(
        name=NAME,
        quantity="energy",
        kind="counter",
        scope=f"{GPU} {gpu}".strip(),
        update_period_ns=_UPDATE_NS,
        uncertainty_relative=_U_GAIN,
        averaging_window_ns=_HALF_SEEN_NS if quarter else _UPDATE_NS,
        reason=reason,
    )


def open_reader(library: Any = None) -> EnergyReader:
    """The counter of the GPU; see `base.EnergyMeterModule`."""
    return _Opened(library)


def open_second(library: Any = None) -> EnergyReader | None:
    """Its present power, which is polled beside the counter; None where only the counter is."""
    gpu = _Power(library)
    try:
        gpu.read()
    except MeterLost:
        gpu.close()
        return None
    return gpu


class _Opened:
    """One GPU while NVML is initialised; a reader of its counter."""

    is_counter = True
    wraps_at_mj: float | None = None

    def __init__(self, library: Any = None) -> None:
        try:
            self._nvml = library or importlib.import_module("pynvml")
            self._nvml.nvmlInit()
            self._gpu = self._nvml.nvmlDeviceGetHandleByIndex(_visible_index())
        except Exception as error:  # NVMLError of a module that may not be there
            raise _lost(error) from error

    def __enter__(self) -> _Opened:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def asked(self, question: str) -> Any:
        """What NVML answers of this GPU; MeterLost when it does not."""
        try:
            return getattr(self._nvml, question)(self._gpu)
        except Exception as error:  # as above
            raise _lost(error) from error

    def name(self) -> str:
        """The GPU as it names itself."""
        said = self.asked("nvmlDeviceGetName")
        return said.decode() if isinstance(said, bytes) else str(said)

    def counter(self) -> float:
        """Millijoules since the driver was loaded."""
        return float(self.asked("nvmlDeviceGetTotalEnergyConsumption"))

    def read(self) -> Reading:
        """The present value; see `base.EnergyReader`."""
        return Reading(self.counter(), time.monotonic_ns())

    def close(self) -> None:
        """Ends the use of NVML."""
        with contextlib.suppress(Exception):  # a lost GPU has nothing to give back
            self._nvml.nvmlShutdown()


class _Power(_Opened):
    """Present power of the GPU."""

    is_counter = False

    def read(self) -> Reading:
        """Milliwatts; see `base.EnergyReader`."""
        return Reading(float(self.asked("nvmlDeviceGetPowerUsage")), time.monotonic_ns())


def _lost(error: Exception) -> MeterLost:
    """NVML names its errors in words; their classes are made when the library is loaded."""
    kind = MeterForbidden if "ermission" in str(error) else MeterLost
    return kind(f"{error}")


def _visible_index() -> int:
    """The GPU that a child with this environment uses first."""
    first = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0]
    return int(first) if first.isdigit() else 0
