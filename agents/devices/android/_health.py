"""Whether a phone may be measured now: its battery, its charger, its heat; pure.

What a phone does not tell hinders nothing: it is recorded as not known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bitgauge.benchmarks.vocabulary.enums import PassName
from bitgauge.benchmarks.vocabulary.errors import Code, Unavailable

from ..base import Fact
from ._words import Battery, battery, properties, thermal_status

BATTERY_FLOOR_PCT = 20.0
"""Below it phones begin to save power."""
SEVERE = 3
"""Android's THERMAL_STATUS_SEVERE: from here on the phone is slowed down."""
_STATUSES = ("none", "light", "moderate", "severe", "critical", "emergency", "shutdown")

SCRIPT = """
echo @boot; cat /proc/sys/kernel/random/boot_id
echo @properties; getprop 2>/dev/null
echo @battery; dumpsys battery 2>/dev/null
echo @thermal; dumpsys thermalservice 2>/dev/null
"""
"""What `health` is read from, for the shell of a phone."""

ASK_FIXED = "cmd power set-fixed-performance-mode-enabled true 2>/dev/null"
"""Asks for a clock that the phone can keep (PowerManager); fails where it has none."""
END_FIXED = "cmd power set-fixed-performance-mode-enabled false 2>/dev/null"


@dataclass(frozen=True, slots=True)
class PhoneHealth:
    """How a phone stands.

    Attributes:
        boot_id: the name of its boot.
        properties: what `getprop` told; nothing on what is no Android.
        thermal_status: 0 none to 6 shutdown; None when not told.
    """

    boot_id: str
    properties: Mapping[str, str]
    battery: Battery
    thermal_status: int | None


def health(told: Mapping[str, str]) -> PhoneHealth:
    """Reads the sections that `SCRIPT` prints."""
    return PhoneHealth(
        told.get("boot", ""),
        properties(told.get("properties", "")),
        battery(told.get("battery", "")),
        thermal_status(told.get("thermal", "")),
    )


def require_fit(now: PhoneHealth, name: str, pass_name: PassName | None = None) -> None:
    """Refuse to measure a phone whose state would spoil the numbers.

    Args:
        now: how it stands.
        name: of the phone.
        pass_name: of the launch; None before a job, whose launches are not known yet.

    Raises:
        Unavailable: `PHONE_BATTERY`, `PHONE_HOT` or `PHONE_CHARGING`.
    """
    charge = now.battery.charge_pct
    if charge is not None and charge < BATTERY_FLOOR_PCT:
        raise Unavailable(
            Code.PHONE_BATTERY,
            f"The battery of the phone {name} is at {charge:.0f} %, below"
            f" {BATTERY_FLOOR_PCT:.0f} %.",
        )
    if now.thermal_status is not None and now.thermal_status >= SEVERE:
        raise Unavailable(
            Code.PHONE_HOT,
            f"The phone {name} says of its heat: {status_word(now.thermal_status)}.",
        )
    if pass_name is PassName.ENERGY and now.battery.is_powered:
        raise Unavailable(
            Code.PHONE_CHARGING, f"Energy was to be measured while a charger feeds {name}."
        )


def status_word(status: int) -> str:
    """Android's word for a thermal status."""
    return _STATUSES[status] if status < len(_STATUSES) else str(status)


def facts(now: PhoneHealth) -> dict[str, Fact]:
    """What of it is stored with a launch; None is what the phone does not tell."""
    powered, status = now.battery.is_powered, now.thermal_status
    return {
        "battery_pct": now.battery.charge_pct,
        "battery_c": now.battery.temperature_c,
        "charger": None if powered is None else "connected" if powered else "none",
        "thermal_status": None if status is None else status_word(status),
    }
