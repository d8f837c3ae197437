"""Graphics processors on the bus: whether their driver has taken them, and may be used.

Sources: the kernel's ABI of /sys/bus/pci/devices (`class`, `vendor`, `uevent`); the documents of
amdgpu name /dev/kfd and /dev/dri/renderD* as what compute needs.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from ...host.files import text
from ..base import Observation, Patient, State

NAME = "graphics"
RANK = 25

_DISPLAYS = "0x03"
_DRIVERS = {"0x1002": ("AMD", "amdgpu"), "0x10de": ("NVIDIA", "nvidia")}
_COMPUTE = {"amdgpu": "dev/kfd"}


def examine(patient: Patient) -> Iterator[Observation]:
    """One finding for each graphics processor of a maker that is known here."""
    for device in sorted((patient.root / "sys/bus/pci/devices").glob("*")):
        if text(device / "class").startswith(_DISPLAYS) and text(device / "vendor") in _DRIVERS:
            yield _found(patient, device)


def _found(patient: Patient, device: Path) -> Observation:
    maker, wanted = _DRIVERS[text(device / "vendor")]
    subject = f"{maker} GPU {device.name}"
    lines = (line.partition("=") for line in text(device / "uevent").splitlines())
    driver = {name: value for name, _, value in lines}.get("DRIVER", "")
    if driver != wanted:
        return Observation(
            *(subject, State.MEND, f"driver {driver or 'none'}"),
            *("It can be served with its maker's driver alone.", f"as root: modprobe {wanted}"),
        )
    node = _COMPUTE.get(driver)
    if node and not os.access(patient.root / node, os.R_OK | os.W_OK):
        return Observation(
            *(subject, State.MEND, f"driver {driver}, but /{node} is not there or not ours"),
            "The agent's user may not compute on it.",
            "as root: usermod -aG render,video USER, then log in again",
        )
    return Observation(subject, State.GOOD, f"driver {driver}")
