"""Which meter of a device measures the energy of a run, and why there may be none (C-1, C-2)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

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

MODULE, MEMORY = "module", "memory"
"""First words of scopes of a card: with the processor beside it, and its memory alone."""

BESIDE = (MODULE, MEMORY)
"""What is metered beside a card's own joules, and never in their place or added to them."""


def meters_of(
    meters: Iterable[MeterDescription], hardware: HardwareClass
) -> tuple[MeterDescription, ...]:
    """The meters that see what runs on such a device.

    A graphics card beside a model on the processor shows nothing of it, nor does the processor's
    package of a model on the card.
    """
    blind = PACKAGE if hardware.is_gpu else GPU
    return tuple(one for one in meters if one.quantity != ENERGY or _first_word(one) != blind)


def best_meter(meters: Iterable[MeterDescription]) -> MeterDescription | None:
    """The usable energy meter of the best kind; None when there is none."""
    usable = [one for one in meters if _is_usable(one) and _first_word(one) not in BESIDE]
    return min(usable, key=_order, default=None)


def second_meter(
    best: MeterDescription, meters: Iterable[MeterDescription]
) -> MeterDescription | None:
    """Another usable energy meter of the same scope, to check the best one by (C-3)."""
    others = [one for one in meters if one.scope == best.scope and one.name != best.name]
    return best_meter(others)


@dataclass(frozen=True, slots=True)
class Metering:
    """The meters of an energy pass, by name; "" where there is none.

    Attributes:
        best: whose joules are published.
        second: checks it.
        beside: those of other scopes of a card.
    """

    best: str
    second: str
    beside: tuple[str, ...]


def metering(meters: Sequence[MeterDescription]) -> Metering:
    """Which meters a pass of energy reads."""
    best = best_meter(meters)
    second = second_meter(best, meters) if best is not None else None
    beside = tuple(one.name for one in meters if _is_usable(one) and _first_word(one) in BESIDE)
    return Metering(best.name if best else "", second.name if second else "", beside)


def _is_usable(meter: MeterDescription) -> bool:
    return meter.quantity == ENERGY and meter.reason is None


def _first_word(meter: MeterDescription) -> str:
    return meter.scope.split(" ")[0]


def why_no_meter(meters: Iterable[MeterDescription]) -> str:
    """The reason that tells most: what can be mended comes before what cannot."""
    found = [
        one.reason
        for one in meters
        if one.quantity == ENERGY and one.reason and _first_word(one) not in BESIDE
    ]
    known = [reason for reason in _TELLING if reason in found]
    return known[0] if known else NO_SENSOR


def _order(meter: MeterDescription) -> tuple[int, str]:
    kind = KINDS.index(meter.kind) if meter.kind in KINDS else len(KINDS)
    return kind, meter.name
