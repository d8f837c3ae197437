"""What an admin does with devices: `cordon`, `uncordon`, `retire`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from .common import Coordinator, say

if TYPE_CHECKING:
    from bitgauge.benchmarks.vocabulary.values.devices import DeviceView

Device = Annotated[str, typer.Argument(metavar="DEVICE", help="Name or id of the device.")]
Reason = Annotated[str, typer.Option("--reason", help="Shown to everybody who asks why.")]


def cordon(device: Device, *, reason: Reason = "", coordinator: Coordinator) -> None:
    """Take a device out: it finishes its job and gets no other.

    Example: bitgauge cordon rpi5 --reason "new cooler"
    """
    with coordinator.client() as client:
        view = client.cordon(device, reason)
    coordinator.show(view, _text)
    if not coordinator.json and view.job_id is not None:
        say(f"It still finishes job {view.job_id}; `bitgauge watch {view.job_id}` follows it.")


def uncordon(device: Device, *, coordinator: Coordinator) -> None:
    """Put a device back; a health check comes before its next job.

    Example: bitgauge uncordon rpi5
    """
    with coordinator.client() as client:
        view = client.uncordon(device)
    coordinator.show(view, _text)


def retire(device: Device, *, reason: Reason = "", coordinator: Coordinator) -> None:
    """Remove a device for good; its results stay. Its job is given to another device.

    Example: bitgauge retire rpi5 --reason "went up in smoke"
    """
    with coordinator.client() as client:
        view = client.retire(device, reason)
    coordinator.show(view, _text)


def _text(view: DeviceView) -> str:
    from .text.devices import devices_text

    return devices_text([view])


PLACE = 130
"""Where the commands of this file stand in the help."""
COMMANDS = (cordon, uncordon, retire)
