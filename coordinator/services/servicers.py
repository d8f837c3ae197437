"""What answers each service of the contract, for one lab."""

from __future__ import annotations

from collections.abc import Callable

from ..access.administration import Administration
from ..lab.assemble import Lab
from ..store.blobs.blob_store import BlobStore
from .admin import AdminService
from .agent import AgentsService
from .blobs import BlobsService
from .campaigns import CampaignsService
from .enrolment import EnrolmentService
from .history import HistoryService
from .jobs import JobsService
from .pace import Pace
from .server import Servicers
from .table import TableService


def servicers_of(
    lab: Lab,
    administration: Administration,
    blobs: BlobStore,
    pace: Callable[[], Pace] = Pace,
) -> Servicers:
    """The servicers of a lab; `pace` makes what ends an upload that is too slow."""
    return Servicers(
        agents=AgentsService(lab.leases),
        enrolment=EnrolmentService(administration),
        blobs=BlobsService(lab.writer, blobs, lab.collector, pace),
        jobs=JobsService(lab.jobs, lab.care, lab.analyses, lab.writer),
        table=TableService(lab.writer, lab.asks),
        history=HistoryService(lab.writer),
        campaigns=CampaignsService(lab.campaigns, lab.writer),
        admin=AdminService(administration, lab.care, lab.writer),
    )
