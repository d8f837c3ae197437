"""Machines under names that tell what they are and not whose: for tables that leave the lab.

A device is named by its processor and cores. Tags and serials, which its owner wrote or which
name one unit in the world, are left out, and so are paths in sentences, which name users.
"""

from __future__ import annotations

import re
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from .answers import TableRow
from .model import DeviceDescription

_SPACE = uuid.UUID("0b6a1b52-9f0e-5c1b-8f3e-2d6f1d1c7a55")
_PATH = re.compile(r"(?<![\w/.])~?(?:/[\w.@+~-]+){2,}/?")


def device_id(real: str) -> str:
    """An id that is the same in every export and cannot be turned back."""
    return str(uuid.uuid5(_SPACE, real))


def named(devices: Sequence[DeviceDescription]) -> dict[str, DeviceDescription]:
    """Each device under its other name, by the id that it really has."""
    models = Counter(map(_model, devices))
    return {device.device_id: _renamed(device, models[_model(device)] > 1) for device in devices}


def row(shown: TableRow, devices: Mapping[str, DeviceDescription]) -> TableRow:
    """A row that speaks of a machine by its other name."""
    other = devices[shown.device_id]
    reason = shown.reason and without_paths(shown.reason.replace(shown.device_name, other.name))
    return replace(shown, device_id=other.device_id, device_name=other.name, reason=reason)


def without_paths(sentence: str) -> str:
    """A sentence in which every absolute path is only its last part."""
    return _PATH.sub(lambda found: found.group().rstrip("/").rpartition("/")[2], sentence)


def _model(device: DeviceDescription) -> str:
    cores = f"{device.core_count} core{'s' * (device.core_count != 1)}"
    return f"{device.processor_model}, {cores}"


def _renamed(device: DeviceDescription, ambiguous: bool) -> DeviceDescription:
    other = device_id(device.device_id)
    name = f"{_model(device)} ({other[:4]})" if ambiguous else _model(device)
    return replace(device, device_id=other, name=name, tags=(), evidence=())
