"""How far a device can be trusted to compare: `certify`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from bitgauge.benchmarks.vocabulary.runtimes import DEFAULT_RUNTIME

from .common import Coordinator, Interrupted, print_json, print_text, say
from .jobs import goes_on

if TYPE_CHECKING:
    from bitgauge.benchmarks.vocabulary.values.credentials import AaCertificate

    from ..client.client import Client


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


PLACE = 140
"""Where the commands of this file stand in the help."""
COMMANDS = (certify,)
