"""What is done with devices: `confirm`, `cordon`, `uncordon`, `retire`, `certify`, `device ...`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from bitgauge.benchmarks.vocabulary.runtimes import DEFAULT_RUNTIME

from .common import Coordinator, Interrupted, print_json, print_text, say, unfolded
from .jobs import goes_on

if TYPE_CHECKING:
    from bitgauge.benchmarks.vocabulary.values.credentials import AaCertificate
    from bitgauge.benchmarks.vocabulary.values.devices import DeviceView

    from ..client.client import Client

Device = Annotated[str, typer.Argument(metavar="DEVICE", help="Name or id of the device.")]
Reason = Annotated[str, typer.Option("--reason", help="Shown to everybody who asks why.")]


Word = Annotated[str, typer.Argument(metavar="NAME", help="The name.")]
names = typer.Typer(
    name="device",
    help="Name a device: rename it, give it an alias or take one away.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@names.command()
@unfolded
def rename(device: Device, name: Word, *, coordinator: Coordinator) -> None:
    """Give a device another name; the one before becomes an alias, and all that was measured stays.

    Whoever wrote the old name into a suite, a schedule or a script still means this device. Its
    agent goes on as it was started.

    Example: bitgauge device rename rpi5 kitchen
    """
    with coordinator.client() as client:
        view = client.rename(device, name)
    coordinator.show(view, _text)


@names.command()
@unfolded
def alias(device: Device, name: Word, *, coordinator: Coordinator) -> None:
    """Give a device one more name, by which everybody may mean it.

    Example: bitgauge device alias rpi5 the-board-with-the-fan
    """
    with coordinator.client() as client:
        view = client.alias(device, name)
    coordinator.show(view, _text)


@names.command()
@unfolded
def unalias(device: Device, name: Word, *, coordinator: Coordinator) -> None:
    """Take one of its further names from a device; another device may then have it.

    Example: bitgauge device unalias kitchen rpi5
    """
    with coordinator.client() as client:
        view = client.unalias(device, name)
    coordinator.show(view, _text)


def confirm(device: Device, *, coordinator: Coordinator) -> None:
    """Say that a device that joined is what it says it is: until then its rows decide nothing.

    `bitgauge join-line --confirmed` says it beforehand.

    Example: bitgauge confirm rpi5
    """
    with coordinator.client() as client:
        view = client.confirm(device)
    coordinator.show(view, _text)


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


def certify(
    device: Annotated[str, typer.Argument(metavar="DEVICE", help="Name or id of the device.")],
    *,
    runtime: Annotated[
        str, typer.Option(metavar="NAME", help="Which of its runtimes; see `devices`.")
    ] = DEFAULT_RUNTIME,
    profile: Annotated[
        str, typer.Option(help="How each comparison is measured: quick, standard or certified.")
    ] = "quick",
    comparisons: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Fewer than 40 rehearse; they certify nothing."),
    ] = None,
    coordinator: Coordinator,
) -> None:
    """Compare one artifact with itself 40 times: how often is a difference found, how small a one.

    A device without a valid A/A certificate has untrusted verdicts. It lasts 7 days. Exit code 1
    when the device gets none.

    Example: bitgauge certify rpi5
    """
    from bitgauge.benchmarks.vocabulary.enums import Profile
    from bitgauge.benchmarks.vocabulary.typed import parse_word

    from .follow import follow
    from .text.jobs import job_text
    from .text.trust import certificate_text

    wanted = parse_word(Profile, profile, "profile")
    with coordinator.client() as client:
        submitted = client.certify(device, runtime, wanted, comparisons or 0)
        job_id = submitted.job_id
        if not coordinator.json:
            known = "" if submitted.created else " (it was under way)"
            say(f"job {job_id}: certification of {device}{known}")
        try:
            last = follow(client.watch(job_id), quiet=coordinator.json) or client.job(job_id)
        except KeyboardInterrupt:
            raise Interrupted(goes_on([job_id])) from None
        found = _certificate(client, job_id)
    if coordinator.json:
        print_json(found)
    elif found is None:
        print_text(f"There is no certificate.\n{job_text(last)}")
    else:
        print_text(certificate_text(found, last.device_name or device))
    raise typer.Exit(0 if found is not None and found.passed else 1)


def _certificate(client: Client, job_id: str) -> AaCertificate | None:
    """The certificate that a job ended with."""
    issued = (one for view in client.devices() for one in view.aa_certificates)
    return next((one for one in issued if one.job_id == job_id), None)


PLACE = 130
"""Where the commands of this file stand in the help."""
COMMANDS = (names, confirm, cordon, uncordon, retire, certify)
