"""The parts of one coordinator at work, put together in one place."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ..decisions.care import CareTerms
from ..decisions.quotas import Quotas
from ..decisions.room import MAX_DEVICE_BYTES
from ..decisions.steps import StepLimits
from ..store.blobs.blob_store import BlobStore
from ..store.log_growth import require_short_log
from ..store.values import LeaseTerms
from ..store.writer import Writer
from .analyses import Analyses
from .builds import Builds
from .campaigns.asks import Asks
from .campaigns.campaigns import Campaigns
from .campaigns.driver import CampaignDriver
from .care import LabCare
from .collector import CollectionTerms, Collector
from .health_check import HealthCheck
from .jobs import Jobs
from .leases import Leases
from .loops import Dispatcher
from .room import UploadRoom
from .runner import TaskRunner
from .slots import Slots


@dataclass(frozen=True, slots=True)
class Lab:
    """What answers agents and people, and what works by itself once it is started."""

    writer: Writer
    care: LabCare
    analyses: Analyses
    asks: Asks
    leases: Leases
    jobs: Jobs
    campaigns: Campaigns
    collector: Collector | None
    room: UploadRoom | None
    dispatcher: Dispatcher
    driver: CampaignDriver
    quotas: Quotas


def assemble(
    writer: Writer,
    runner: TaskRunner,
    terms: LeaseTerms,
    *,
    care: CareTerms | None = None,
    check: HealthCheck | None = None,
    blobs: BlobStore | None = None,
    collection: CollectionTerms | None = None,
    device_bytes: int = MAX_DEVICE_BYTES,
    database: Path | None = None,
    slots: int = 1,
    limits: StepLimits | None = None,
    quotas: Quotas | None = None,
) -> Lab:
    """A lab on an open store; nothing of it runs yet.

    Without a health check devices are never checked; without blobs there is nothing to collect.
    So many long background steps run at a time as there are `slots`, each within its limit.
    """
    intake = partial(_require_intake, blobs, database)
    places = Slots(slots, writer.announce)
    builds = Builds(writer, runner, places, limits or StepLimits())
    analyses = Analyses(writer, runner, builds, terms)
    cared = LabCare(writer, terms, care or CareTerms(), check, intake)
    asks = Asks(writer)
    jobs = Jobs(writer, runner, terms, cared, builds)
    quotas = quotas or Quotas()
    campaigns = Campaigns(writer, terms, asks, quotas)
    collector = room = None
    if blobs is not None:
        collector = Collector(writer, blobs, collection or CollectionTerms())
        room = UploadRoom(writer, blobs, collector, device_bytes)
    return Lab(
        writer=writer,
        care=cared,
        analyses=analyses,
        asks=asks,
        leases=Leases(writer, terms, cared),
        jobs=jobs,
        campaigns=campaigns,
        collector=collector,
        room=room,
        dispatcher=Dispatcher(writer, builds, analyses, terms, cared, collector),
        driver=CampaignDriver(writer, campaigns, jobs, asks),
        quotas=quotas,
    )


def _require_intake(blobs: BlobStore | None, database: Path | None) -> None:
    """Refuse new jobs while the disk is nearly full or the log of the database too long."""
    if blobs is not None:
        blobs.require_intake()
    if database is not None:
        require_short_log(database)
