"""`bitgauge campaigns`, `campaign ...`, `schedules`, `schedule ...`: refreshes under way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from .common import Coordinator, Source, unfolded

if TYPE_CHECKING:
    from bitgauge.benchmarks.vocabulary.values.campaigns import CampaignView

CampaignId = Annotated[
    str, typer.Argument(metavar="CAMPAIGN", help="Its id, or the beginning of it.")
]
campaign = typer.Typer(
    name="campaign",
    help="Pause, resume or cancel a campaign.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
schedule = typer.Typer(
    name="schedule", help="End a schedule.", no_args_is_help=True, rich_markup_mode=None
)


# -- campaigns ----------------------------------------------------------------------------
def campaigns(
    campaign_id: Annotated[
        str | None, typer.Argument(metavar="[CAMPAIGN]", help="One, with what it changed.")
    ] = None,
    *,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many.")] = 20,
    where: Source,
) -> None:
    """List the campaigns, newest first; of one, how far it is and what it changed.

    Example: bitgauge campaigns

    Example: bitgauge campaigns 3f0c91d2
    """
    from .text.refresh import campaign_text, campaigns_text

    with where.answers() as source:
        if campaign_id is not None:
            view = source.campaign(campaign_id)
            where.show(view, campaign_text)
            return
        found = source.campaigns(limit)
    where.show(found, campaigns_text)


@campaign.command()
@unfolded
def pause(campaign_id: CampaignId, *, coordinator: Coordinator) -> None:
    """Submit no further job of a campaign; those that are queued are still measured.

    Example: bitgauge campaign pause 3f0c91d2
    """
    with coordinator.client() as client:
        coordinator.show(client.pause_campaign(campaign_id), campaign_words)


@campaign.command()
@unfolded
def resume(campaign_id: CampaignId, *, coordinator: Coordinator) -> None:
    """Let a paused campaign go on.

    Example: bitgauge campaign resume 3f0c91d2
    """
    with coordinator.client() as client:
        coordinator.show(client.resume_campaign(campaign_id), campaign_words)


@campaign.command()
@unfolded
def cancel(campaign_id: CampaignId, *, coordinator: Coordinator) -> None:
    """End a campaign and cancel its open jobs; what was measured stays.

    Example: bitgauge campaign cancel 3f0c91d2
    """
    with coordinator.client() as client:
        coordinator.show(client.cancel_campaign(campaign_id), campaign_words)


# -- schedules ----------------------------------------------------------------------------
def schedules(*, where: Source) -> None:
    """List the refreshes that start by themselves.

    Example: bitgauge schedules
    """
    from .text.refresh import schedules_text

    with where.answers() as source:
        found = source.schedules()
    where.show(found, schedules_text)


@schedule.command()
@unfolded
def remove(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name of its suite.")],
    *,
    coordinator: Coordinator,
) -> None:
    """End a schedule; campaigns that it started go on.

    Example: bitgauge schedule remove zoo
    """
    from .text.refresh import schedules_text

    with coordinator.client() as client:
        gone = client.remove_schedule(name)
    coordinator.show(gone, lambda gone: f"no longer scheduled: {schedules_text([gone])}")


def campaign_words(view: CampaignView) -> str:
    """How far a campaign is."""
    from .text.refresh import campaign_text

    return campaign_text(view)


PLACE = 120
"""Where the commands of this file stand in the help."""
COMMANDS = (campaigns, schedules, campaign, schedule)
