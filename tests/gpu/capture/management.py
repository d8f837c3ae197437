"""Everything that NVML tells of each card: functions, field values, and how its meters move."""

from __future__ import annotations

import importlib
import inspect
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bitgauge.agents.host.nvml import Gpu, Nvml

FIELDS = range(1, 300)
OF_INTEREST = (74, 76, 83, 185, 186, 269, 270, 271)
"""Slow-down counters, energy, power: read again and again."""
SCOPES = (0, 1, 2)
"""GPU, module and memory, of the fields of power."""
_POWER = (185, 186)
_NAMING = ("UUID", "Serial", "BoardPartNumber", "InforomImageVersion", "UUID_v1")
"""What names one card among all others is no fixture."""
_LOOK_S, _REHEARSED_S = 5.0, 0.3


def main(folder: Path, asked: dict[str, Any]) -> None:
    """Writes `functions.jsonl`, `fields.json`, `series.json` and `system.json`.

    A machine without NVML is no failure of a rehearsal, and says so.
    """
    from bitgauge.benchmarks.vocabulary.errors import BitgaugeError

    look_s = _REHEARSED_S if asked["rehearse"] else _LOOK_S
    try:
        library = Nvml()
    except BitgaugeError as error:
        (folder / "absent.txt").write_text(f"{error.sentence}\n")
        if asked["rehearse"]:
            return
        raise SystemExit(error.sentence) from error
    with library:
        names = ("nvmlSystemGetDriverVersion", "nvmlSystemGetNVMLVersion")
        system = {name: _plain(library.ask(name)) for name in names}
        _write(folder / "system.json", system)
        for at, gpu in enumerate(library.gpus()):
            beside = folder / f"gpu-{at}"
            beside.mkdir(exist_ok=True)
            _write(beside / "fields.json", fields(gpu, FIELDS))
            functions(gpu, beside / "functions.jsonl")
            _write(beside / "series.json", series(gpu, look_s))
            _write(beside / "updates.json", updates(gpu, look_s))


def fields(gpu: Gpu, wanted: range | tuple[int, ...]) -> list[dict[str, Any]]:
    """Field values as they are, each by itself: one that is unknown spoils no other."""
    found = []
    for number in wanted:
        for scope in SCOPES if number in _POWER else (0,):
            told = gpu.card("nvmlDeviceGetFieldValues", [(number, scope)])
            one = told[0] if told else None
            found.append(
                {
                    "field": number,
                    "scope": scope,
                    "return": None if one is None else int(one.nvmlReturn),
                    "type": None if one is None else int(one.valueType),
                    "latency_us": None if one is None else int(one.latencyUsec),
                    "value": None if one is None else _of_type(one),
                }
            )
    return found


_TYPES = ("dVal", "uiVal", "ulVal", "ullVal", "sllVal", "siVal", "usVal")


def _of_type(one: Any) -> float | int | None:
    kind = int(one.valueType)
    if one.nvmlReturn or not 0 <= kind < len(_TYPES):
        return None
    value: float | int = getattr(one.value, _TYPES[kind])
    return value


def functions(gpu: Gpu, path: Path) -> None:
    """Every question of one card that takes nothing else; a line each, as it is answered."""
    with path.open("w") as out:
        for name, function in _questions():
            try:
                told = _plain(function(gpu._card))
            except Exception as error:  # of a card that nobody has seen
                told = f"{type(error).__name__}: {error}"
            out.write(json.dumps({"name": name, "told": told}) + "\n")
            out.flush()


def _questions() -> Iterator[tuple[str, Callable[[Any], Any]]]:
    library = importlib.import_module("pynvml")
    for name, function in sorted(vars(library).items()):
        if not name.startswith("nvmlDeviceGet") or name.endswith(_NAMING):
            continue
        if not inspect.isfunction(function):
            continue
        taken = inspect.signature(function).parameters.values()
        if sum(one.default is inspect.Parameter.empty for one in taken) == 1:
            yield name, function


def series(gpu: Gpu, look_s: float) -> list[dict[str, Any]]:
    """What changes, ten times a second: of a card that does nothing, if nobody else is there."""
    found, ends = [], time.monotonic() + look_s
    while time.monotonic() < ends:
        found.append(reading(gpu))
        time.sleep(0.1)
    return found


def reading(gpu: Gpu) -> dict[str, Any]:
    """One reading of all that moves under load."""
    clocks = {
        name: gpu.card("nvmlDeviceGetClockInfo", gpu.value(kind))
        for name, kind in (("sm_mhz", "NVML_CLOCK_SM"), ("memory_mhz", "NVML_CLOCK_MEM"))
    }
    return {
        "at_ns": time.monotonic_ns(),
        **clocks,
        "power_mw": gpu.card("nvmlDeviceGetPowerUsage"),
        "temperature_c": gpu.card("nvmlDeviceGetTemperature", gpu.value("NVML_TEMPERATURE_GPU")),
        "state": gpu.card("nvmlDeviceGetPerformanceState"),
        "reasons": gpu.card("nvmlDeviceGetCurrentClocksEventReasons"),
        "fields": {f"{one['field']}.{one['scope']}": one["value"] for one in _moving(gpu)},
    }


def _moving(gpu: Gpu) -> list[dict[str, Any]]:
    return fields(gpu, OF_INTEREST)


def updates(gpu: Gpu, look_s: float) -> dict[str, Any]:
    """When the energy counter moved, looked at as often as it can be asked."""
    moved: list[tuple[int, int]] = []
    asked, last, ends = 0, None, time.monotonic() + look_s
    while time.monotonic() < ends:
        value = gpu.card("nvmlDeviceGetTotalEnergyConsumption")
        asked += 1
        if value is None:
            break
        if value != last:
            moved.append((time.monotonic_ns(), value))
            last = value
    return {"asked": asked, "seconds": look_s, "moved_at_ns_mj": moved}


def _plain(value: Any) -> Any:
    """As JSON has it; what is a structure of C by its fields."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, int | float | str) or value is None:
        return value
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if hasattr(value, "_fields_"):
        return {name: _plain(getattr(value, name)) for name, *_ in value._fields_}
    return str(value)


def _write(path: Path, told: Any) -> None:
    path.write_text(json.dumps(told, indent=1) + "\n")
