"""`bitgauge refresh`: plan, start, follow, and say what changed."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .campaigns import campaign_words
from .common import Coordinator, Interrupted, say

if TYPE_CHECKING:
    from bitgauge.benchmarks.vocabulary.values.campaigns import CampaignView, RefreshOrder

    from ..client.client import Client
    from ..client.suites import LocalSuite

POLL_S = 1.0
PATIENCE_S = 90.0
"""How long a coordinator that has gone away is waited for, in seconds."""
EXIT_CHANGED = 1
EXIT_UNFINISHED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be fresh."""

    suite: Annotated[
        str | None,
        typer.Argument(metavar="[SUITE]", help="A suite file, or `zoo`, which ships."),
    ] = None
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be measured and why.")
    ] = False
    stale: Annotated[
        bool,
        typer.Option("--stale", help="Only what is stale; without a suite, in the whole table."),
    ] = False
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="Keep model=, recipe= or device= so named."),
    ] = None
    budget: Annotated[
        str | None, typer.Option(metavar="TIME", help="Device time, instead of the suite's.")
    ] = None

    def local(self) -> LocalSuite | None:
        """The suite, its files read; None: whatever is stale in the table.

        Raises:
            BadInput: neither is named, or a file of the suite cannot be read.
        """
        from bitgauge.benchmarks.vocabulary.errors import BadInput, Code

        from ..client.suites import read_suite

        if self.suite is not None:
            return read_suite(self.suite)
        if not self.stale:
            raise BadInput(
                Code.BAD_ARGUMENT, "Name a suite, such as zoo, or give --stale for the whole table."
            )
        return None

    def order(self, local: LocalSuite | None) -> RefreshOrder:
        """What the coordinator is asked for."""
        from bitgauge.benchmarks.refresh.targets import parse_only
        from bitgauge.benchmarks.vocabulary.typed import parse_long_time_ns
        from bitgauge.benchmarks.vocabulary.values.campaigns import RefreshOrder

        budget = self.budget
        return RefreshOrder(
            suite=local.suite if local else None,
            stale_only=self.stale,
            only=parse_only(self.only or ()),
            budget_s=None if budget is None else max(1, round(parse_long_time_ns(budget) / 1e9)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeOptions:
    """Where the outcome goes, and which of it is a failure."""

    junit: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the outcome as JUnit XML.")
    ] = None
    markdown: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the diff as a Markdown table.")
    ] = None
    fail_on: Annotated[
        str, typer.Option(metavar="KINDS", help="Changes that make the exit code 1; or none.")
    ] = "regressed,lost,failed"

    def kinds(self) -> tuple[str, ...]:
        """The changes that make the exit code 1, once it is clear that all can be written.

        Raises:
            BadInput: a kind is none, or a file has no folder to be written in.
        """
        kinds = _kinds(self.fail_on)
        _require_folders(self.junit, self.markdown)
        return kinds

    def write(self, view: CampaignView, kinds: tuple[str, ...]) -> None:
        """Write the files that were asked for."""
        from bitgauge.benchmarks.common.walks.presented import presented

        from ..exports.output import write_output
        from .text.junit import junit_xml
        from .text.refresh import diff_markdown

        if self.junit is not None:
            write_output(self.junit, junit_xml(view, kinds).encode(), force=True)
        if self.markdown is not None:
            write_output(self.markdown, diff_markdown(presented(view)).encode(), force=True)


def refresh(
    *,
    wanted: Wanted,
    cron: Annotated[
        str | None,
        typer.Option(
            "--schedule", metavar="CRON", help="Start by itself at these times (UTC), not now."
        ),
    ] = None,
    schedule_name: Annotated[
        str | None, typer.Option(metavar="NAME", help="Of the schedule; else that of the suite.")
    ] = None,
    no_wait: Annotated[
        bool, typer.Option("--no-wait", help="Print the campaign's id and do not follow.")
    ] = False,
    outcome: OutcomeOptions,
    idempotency_key: Annotated[
        str, typer.Option(metavar="KEY", help="Starting again with it makes no second campaign.")
    ] = "",
    coordinator: Coordinator,
) -> None:
    """Measure every cell of a suite that is missing or stale, and print what changed.

    Exit code 0: all was measured, or nothing had to be, and no change is among --fail-on. 1: one
    is. 2: bad input. 3: the campaign failed, was cancelled, or a job of it was refused or failed.

    Example: bitgauge refresh zoo --dry-run

    Example: bitgauge refresh suite.toml --budget 30min --junit refresh.xml --markdown refresh.md

    Example: bitgauge refresh --stale
    """
    from bitgauge.benchmarks.vocabulary.errors import BadInput, Code

    from .text.refresh import plan_text, schedules_text

    kinds = outcome.kinds()
    local = wanted.local()
    order = wanted.order(local)
    if wanted.dry_run and cron is not None:
        raise BadInput(Code.BAD_ARGUMENT, "Give --dry-run or --schedule, not both.")
    with coordinator.client() as client:
        if wanted.dry_run:
            coordinator.show(client.plan_refresh(order), plan_text)
            return
        _upload(client, local, quiet=coordinator.json)
        if cron is not None:
            name = schedule_name or order.name
            made = client.set_schedule(name, cron, order)
            coordinator.show(made, lambda made: schedules_text([made]))
            return
        view = _start(client, order, idempotency_key, quiet=coordinator.json)
        if not no_wait:
            view = _follow(client, view, quiet=coordinator.json)
    if no_wait:
        coordinator.show(view, lambda view: view.campaign_id)
        return
    outcome.write(view, kinds)
    coordinator.show(view, campaign_words)
    raise typer.Exit(exit_code(view, kinds))


def exit_code(view: CampaignView, kinds: tuple[str, ...]) -> int:
    """What CI is told of a campaign that has ended."""
    from bitgauge.benchmarks.vocabulary.enums import CampaignState

    broken = any(job.state in ("refused", "failed", "cancelled") for job in view.jobs)
    if any(change.kind in kinds for change in view.diff):
        return EXIT_CHANGED
    return EXIT_UNFINISHED if view.state is not CampaignState.FINISHED or broken else 0


def _kinds(text: str) -> tuple[str, ...]:
    from bitgauge.benchmarks.refresh.diff import KINDS
    from bitgauge.benchmarks.vocabulary.typed import unknown

    words = tuple(word.strip() for word in text.split(",") if word.strip())
    if words == ("none",):
        return ()
    for word in words:
        if word not in KINDS:
            raise unknown("kind of change in --fail-on", word, (*KINDS, "none"))
    return words


def _start(
    client: Client, order: RefreshOrder, idempotency_key: str, *, quiet: bool
) -> CampaignView:
    from .text.refresh import plan_text

    started = client.start_campaign(order, idempotency_key)
    if not quiet:
        say(plan_text(started.plan))
        known = "" if started.created else " (known by its idempotency key)"
        say(f"campaign {started.campaign.campaign_id}{known}")
    return started.campaign


def _upload(client: Client, local: LocalSuite | None, *, quiet: bool) -> None:
    from ..client.upload import upload
    from .text.jobs import uploaded_words

    if local is not None:
        uploaded = upload(client, local.files)
        if not quiet:
            say(uploaded_words(uploaded))


def _follow(client: Client, view: CampaignView, *, quiet: bool) -> CampaignView:
    """Look at a campaign until it has ended; a coordinator that restarts is waited for."""
    from bitgauge.benchmarks.vocabulary.errors import Unavailable

    from ..decisions.campaigns import ENDED
    from .text.refresh import device_words

    shown: list[str] = []
    heard = time.monotonic()
    try:
        while view.state not in ENDED:
            lines = [device_words(device) for device in view.devices]
            if lines != shown and not quiet:
                shown = lines
                say("\n".join(lines))
            time.sleep(POLL_S)
            try:
                view = client.campaign(view.campaign_id)
                heard = time.monotonic()
            except Unavailable:
                if time.monotonic() - heard > PATIENCE_S:
                    raise
    except KeyboardInterrupt:
        raise Interrupted(
            f"The campaign goes on; `bitgauge campaign cancel {view.campaign_id}` ends it."
        ) from None
    return view


def _require_folders(*paths: Path | None) -> None:
    """Refuse files that could not be written, before anything is measured for them."""
    from bitgauge.benchmarks.vocabulary.errors import BadInput, Code

    for path in paths:
        if path is not None and not os.access(path.parent, os.W_OK):
            raise BadInput(
                Code.FILE_UNREADABLE, f"{path} cannot be written: {path.parent} is no such folder."
            )


PLACE = 110
"""Where the commands of this file stand in the help."""
COMMANDS = (refresh,)
