"""Which meter of a device measures the energy of a run, and why there may be none (C-1, C-2)."""

from __future__ import annotations

from collections.abc import Iterable

from .enums import HardwareClass
from .reasons import NO_SENSOR
from .values.devices import MeterDescription

ENERGY = "energy"

KINDS = (
    "wall_analyzer",
    "inline_dc",
    "rail_sensor",
    "counter",
    "polled_power",
    "battery_gauge",
    "simulated",
)
"""Kinds of energy meters, best first; joules of different kinds are not compared unasked."""

_TELLING = ("no_permission", "no_library", "on_charger", "shared_device", "virtualised", NO_SENSOR)


GPU, PACKAGE = "GPU", "package"
"""First words of scopes: a graphics card, and a package of processors."""


def meters_of(
    meters: Iterable[MeterDescription], hardware: HardwareClass
) -> tuple[MeterDescription, ...]:
    """The meters that see what runs on such a device.

    A graphics card beside a model on the processor shows nothing of it, nor does the processor's
    package of a model on the card.
    """
    blind = PACKAGE if hardware.is_gpu else GPU
    return tuple(
        one for one in meters if one.quantity != ENERGY or one.scope.split(" ")[0] != blind
    )


def best_meter(meters: Iterable[MeterDescription]) -> MeterDescription | None:
    """The usable energy meter of the best kind; None when there is none."""
    usable = [one for one in meters if one.quantity == ENERGY and one.reason is None]
    return min(usable, key=_order, default=None)


def second_meter(
    best: MeterDescription, meters: Iterable[MeterDescription]
) -> MeterDescription | None:
    """Another usable energy meter of the same scope, to check the best one by (C-3)."""
    others = [one for one in meters if one.scope == best.scope and one.name != best.name]
    return best_meter(others)


def why_no_meter(meters: Iterable[MeterDescription]) -> str:
    """The reason that tells most: what can be mended comes before what cannot."""
    found = [one.reason for one in meters if one.quantity == ENERGY and one.reason]
    known = [reason for reason in _TELLING if reason in found]
    return known[0] if known else NO_SENSOR


def _order(meter: MeterDescription) -> tuple[int, str]:
    kind = KINDS.index(meter.kind) if meter.kind in KINDS else len(KINDS)
    return kind, meter.name
