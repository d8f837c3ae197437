"""Who is let in, and who did what: `join-line`, `agents revoke`, `token ...`, `audit`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from .common import Coordinator, say, unfolded

if TYPE_CHECKING:
    from bitgauge.benchmarks.vocabulary.values.credentials import TokenView

SECONDS_PER_DAY = 86_400
NS_PER_S = 1_000_000_000

Name = Annotated[str, typer.Argument(metavar="NAME", help="Label of the token.")]

tokens = typer.Typer(name="token", help="Tokens of people and of CI.", no_args_is_help=True)
agents = typer.Typer(name="agents", help="Agents that joined with a line.", no_args_is_help=True)


def join_line(
    *,
    minutes: Annotated[
        int, typer.Option(min=1, max=10_080, help="How long one device may use it.")
    ] = 15,
    confirmed: Annotated[
        bool,
        typer.Option(
            "--confirmed", help="Who joins with it is what it says it is, say a physical board."
        ),
    ] = False,
    coordinator: Coordinator,
) -> None:
    """Print a new line with which one device joins.

    Example: bitgauge join-line
    """
    with coordinator.client() as client:
        line, expires_unix_ns = client.create_join_line(minutes * 60, confirms=confirmed)
    coordinator.show({"join_line": line, "expires_unix_ns": expires_unix_ns}, lambda _: line)
    if not coordinator.json:
        say(f"On the device, within {minutes} minutes, once: bitgauge-agent join LINE")
        if not confirmed:
            say("Then `bitgauge confirm DEVICE`: until you have, its rows decide nothing.")


@agents.command("revoke")
@unfolded
def revoke_agent(
    device: Annotated[str, typer.Argument(metavar="NAME", help="Name or id of the device.")],
    *,
    coordinator: Coordinator,
) -> None:
    """End an agent's certificate and token at once; its results stay.

    Example: bitgauge agents revoke rpi5
    """
    with coordinator.client() as client:
        view = client.revoke_agent(device)
    again = f"{device} is revoked. With a new join line it may join again."
    coordinator.show(view, lambda _: again)


@tokens.command("create")
@unfolded
def create_token(
    name: Name,
    *,
    role: Annotated[str, typer.Option(help="read, submit or admin.")],
    days: Annotated[float, typer.Option(min=0, help="Life in days; 0: until revoked.")] = 0,
    coordinator: Coordinator,
) -> None:
    """Make a token and print it, this once only.

    Example: bitgauge token create ci --role submit --days 90
    """
    from bitgauge.benchmarks.vocabulary.enums import Role
    from bitgauge.benchmarks.vocabulary.typed import parse_word

    found = parse_word(Role, role, "role")
    with coordinator.client() as client:
        token, expires_unix_ns = client.create_token(name, found, round(days * SECONDS_PER_DAY))
    coordinator.show({"token": token, "expires_unix_ns": expires_unix_ns}, lambda _: token)
    if not coordinator.json:
        say(
            f"It is shown only here. Its bearer puts it into a file (mode 0600) and gives"
            f" --token-file. It ends: {_end(expires_unix_ns)}."
        )


@tokens.command("list")
@unfolded
def list_tokens(*, coordinator: Coordinator) -> None:
    """List tokens; the secrets are not kept anywhere.

    Example: bitgauge token list
    """
    with coordinator.client() as client:
        found = client.tokens()
    coordinator.show(found, _tokens_text)


@tokens.command("revoke")
@unfolded
def revoke_token(name: Name, *, coordinator: Coordinator) -> None:
    """End a token at once.

    Example: bitgauge token revoke ci
    """
    with coordinator.client() as client:
        view = client.revoke_token(name)
    coordinator.show(view, lambda view: f"The token {view.name} is revoked.")


def audit(
    *,
    since: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="A date, a time of UTC, or an age such as 7d."),
    ] = None,
    who: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only what this token did.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Only so many, the newest.")] = 50,
    verify: Annotated[
        bool,
        typer.Option("--verify", help="Follow the chain of all entries; exit code 1 if it breaks."),
    ] = False,
    coordinator: Coordinator,
) -> None:
    """Show who did what to tokens, devices, schedules, campaigns and certificates.

    Example: bitgauge audit --since 7d

    Example: bitgauge audit --verify
    """
    from bitgauge.benchmarks.vocabulary.typed import parse_since_unix_ns

    from .text.access import audit_text, verdict_text

    since_unix_ns = parse_since_unix_ns(since, time.time_ns()) if since else 0
    with coordinator.client() as client:
        if verify:
            verdict = client.verify_audit()
            coordinator.show(verdict, verdict_text)
            raise typer.Exit(0 if verdict.breaks is None else 1)
        found = client.audit(since_unix_ns, who or "", limit)
    coordinator.show(found, audit_text)


def _tokens_text(found: Sequence[TokenView]) -> str:
    from .text.layout import columns

    lines = columns(list(map(_cells, found))) if found else []
    return "\n".join(lines) or "There are no tokens but this machine's own."


def _cells(token: TokenView) -> tuple[str, str, str]:
    state = "revoked" if token.revoked else f"ends {_end(token.expires_unix_ns)}"
    return token.name, token.role.value, state


def _end(expires_unix_ns: int) -> str:
    if not expires_unix_ns:
        return "never"
    from bitgauge.benchmarks.vocabulary.shown import moment

    past = " (expired)" if expires_unix_ns <= time.time_ns() else ""
    return moment(expires_unix_ns) + past


PLACE = 150
"""Where the commands of this file stand in the help."""
COMMANDS = (join_line, tokens, agents, audit)
