"""Heat and supply: whether the machine is slowed down at this moment."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

from ...devices.cpu import boards
from ...devices.cpu._thermometer import temperature_c, temperature_file
from ...host.files import number, text
from ..base import Observation, Patient, State

NAME = "heat"
RANK = 55

_COOL_DOWN = "let it cool, give it air or a fan, then ask again"


def examine(patient: Patient) -> Iterator[Observation]:
    """Temperature, trip points that are passed, and what a board says of its supply."""
    file = temperature_file(patient.root)
    celsius = temperature_c(file)
    if math.isnan(celsius):
        yield Observation(
            *("temperature", State.NOTE, "no sensor of the processor"),
            "A device that slows down by heat shows it in its pace alone.",
        )
    else:
        trip = _passed(file.parent, celsius) if file is not None else None
        if trip is None:
            yield Observation("temperature", State.GOOD, f"{celsius:.0f} °C")
        else:
            yield Observation(
                *("temperature", State.MEND, f"{celsius:.0f} °C, above its limit of {trip:.0f}"),
                *("The processor is slowed down now.", _COOL_DOWN),
            )
    for hindrance in boards.hindrances(patient.root, patient.run):
        yield Observation("supply", State.MEND, hindrance.found, hindrance.why, hindrance.mend)


def _passed(zone: Path, celsius: float) -> float | None:
    """The lowest trip point at which the kernel slows down that is passed, in °C."""
    passed = []
    for kind in zone.glob("trip_point_*_type"):
        if text(kind) not in ("passive", "hot", "critical"):
            continue
        limit = number(kind.with_name(kind.name.replace("_type", "_temp")), 1e-3)
        if limit and celsius >= limit:
            passed.append(limit)
    return min(passed, default=None)
