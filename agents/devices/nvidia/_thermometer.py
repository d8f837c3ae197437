"""The temperature of a GPU. Without numpy, because the agent itself reads it, too."""

from __future__ import annotations

import math

from bitgauge.benchmarks.vocabulary.errors import BitgaugeError

from ...host.nvml import Gpu, Nvml


def temperature_c(gpu: Gpu) -> float:
    """Of the GPU itself, in degrees Celsius; NaN where it is not told."""
    sensor = gpu.value("NVML_TEMPERATURE_GPU")
    found = gpu.card("nvmlDeviceGetTemperatureV", sensor)
    if found is None:  # drivers before 580 have the older question alone
        found = gpu.card("nvmlDeviceGetTemperature", sensor)
    return math.nan if found is None else float(found)


class Thermometer:
    """Reads the temperature of one GPU again and again; the library stays in use."""

    def __init__(self, unit: str) -> None:
        self._unit = unit
        self._gpu: Gpu | None = None

    def read_c(self) -> float:
        """Degrees Celsius; NaN where it is not told, and of a card that is gone."""
        try:
            if self._gpu is None:
                self._gpu = Nvml().gpu(self._unit)
            return temperature_c(self._gpu)
        except BitgaugeError:  # whoever measures on it meets that too, and says it
            return math.nan
