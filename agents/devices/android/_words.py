"""What Android's programs print, as values; pure.

Sources: the manual of adb for the states of its list; the sources of Android for `dumpsys battery`
(BatteryService), `dumpsys thermalservice` (ThermalManagerService) and `getprop`; proc(5) for the
auxiliary vector. What a phone does not tell is None, never a value that looks likely.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_PROPERTY = re.compile(r"\[([^\]]+)\]: \[(.*)\]")
_THERMAL = re.compile(r"^\s*Thermal Status:\s*(\d+)", re.MULTILINE)
_POWERED = ("AC powered", "USB powered", "Wireless powered", "Dock powered")
_FULL_PER_CENT = 100


def properties(text: str) -> dict[str, str]:
    """What `getprop` lists; nothing where the program is missing."""
    return {name: value for name, value in _PROPERTY.findall(text) if value}


@dataclass(frozen=True, slots=True)
class Battery:
    """A battery, as Android tells of it.

    Attributes:
        charge_pct: its charge, 0 to 100.
        temperature_c: its temperature in degrees Celsius.
        is_powered: whether anything feeds the phone besides.
    """

    charge_pct: float | None = None
    temperature_c: float | None = None
    is_powered: bool | None = None


def battery(text: str) -> Battery:
    """What `dumpsys battery` prints; nothing is known where the program is missing."""
    fields: dict[str, str] = {}
    for line in text.splitlines():
        name, colon, value = line.strip().partition(":")
        if colon:
            fields.setdefault(name, value.strip())
    level, scale = _number(fields, "level"), _number(fields, "scale") or _FULL_PER_CENT
    tenths = _number(fields, "temperature")
    told = [fields[name] == "true" for name in _POWERED if name in fields]
    return Battery(
        None if level is None else _FULL_PER_CENT * level / scale,
        None if tenths is None else tenths / 10,
        any(told) if told else None,
    )


def _number(fields: Mapping[str, str], name: str) -> float | None:
    try:
        return float(fields[name])
    except (KeyError, ValueError):
        return None


def thermal_status(text: str) -> int | None:
    """The status in what `dumpsys thermalservice` prints: 0 none to 6 shutdown."""
    found = _THERMAL.search(text)
    return int(found[1]) if found else None


def auxiliary(text: str) -> dict[int, int]:
    """The words of an auxiliary vector, from `od -An -v -tx8` of it."""
    words = [int(word, 16) for word in text.split() if re.fullmatch(r"[0-9a-f]{16}", word)]
    return dict(zip(words[::2], words[1::2], strict=False))


def sections(text: str) -> dict[str, str]:
    """The parts of an output whose beginnings are lines ``@NAME``."""
    found: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in text.splitlines():
        if line.startswith("@"):
            lines = found.setdefault(line[1:].strip(), [])
        else:
            lines.append(line)
    return {name: "\n".join(some).strip() for name, some in found.items()}


def soc_name(told: Mapping[str, str]) -> str:
    """The maker and the model of the chip; empty where the phone does not say."""
    model = told.get("ro.soc.model") or told.get("ro.board.platform", "")
    return " ".join(filter(None, (told.get("ro.soc.manufacturer", ""), model)))


def is_qualcomm(told: Mapping[str, str]) -> bool:
    """Whether the chip is one of Qualcomm's."""
    maker = told.get("ro.soc.manufacturer", "").lower()
    return maker in ("qti", "qualcomm") or told.get("ro.hardware", "").lower() == "qcom"
