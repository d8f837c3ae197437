"""The Python client of a coordinator: typed calls that answer plain values, without Ray.

    with Client.connect() as client:
        job = client.submit(spec).job_id
        for view in client.watch(job):
            print(view.state)

Each service of the contract has its part of the client in a module of its own.
"""

from __future__ import annotations

from .admin import AdminCalls
from .blobs import BlobCalls
from .calibration import CalibrationCalls
from .campaigns import CampaignCalls
from .endpoint import coordinator_endpoint
from .gates.calls import GateCalls
from .gates.registry import RegistryCalls
from .history import HistoryCalls
from .jobs import JobCalls
from .table import TableCalls


class Client(
    JobCalls,
    TableCalls,
    HistoryCalls,
    GateCalls,
    RegistryCalls,
    CampaignCalls,
    CalibrationCalls,
    AdminCalls,
    BlobCalls,
):
    """One connection to a coordinator; a context manager.

    Every call raises `BitgaugeError` only: its `code` names what happened, its text says what to
    do. What a token may do depends on its role: read, submit or admin.
    """

    @classmethod
    def connect(cls, coordinator: str | None = None, token_file: str | None = None) -> Client:
        """A client of the coordinator that is named, configured, or on this machine.

        The order is argument, environment (`BITGAUGE_COORDINATOR`), user configuration,
        ``127.0.0.1:50950``, as for the command line.

        Args:
            coordinator: ``HOST:PORT``.
            token_file: file with the token; that of this machine's coordinator by default.

        Raises:
            BitgaugeError: the address or the token is none; environment or configuration name a
                database file instead of a coordinator.
        """
        return cls(coordinator_endpoint(coordinator, token_file, "A client"))

    def __enter__(self) -> Client:
        return self
