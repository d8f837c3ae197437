"""What one coordinator is started with, passed between its processes as JSON."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec
from bitgauge.benchmarks.common.home import DEFAULT_PORT
from bitgauge.benchmarks.common.join_line import Address, is_loopback
from bitgauge.benchmarks.sandbox.base import AUTO
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code, Refused

from .decisions.calls import CallTerms
from .decisions.care import CareTerms
from .decisions.quotas import Quotas
from .decisions.room import MAX_DEVICE_BYTES
from .decisions.steps import StepLimits
from .environments.room import MAX_ENVIRONMENTS_BYTES
from .store.state_folder import StateFolder
from .store.values import LeaseTerms

NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True)
class TlsListen:
    """Where other machines reach a coordinator; everything here is TLS.

    Attributes:
        host: IP address to listen on.
        port: takes devices that join, and people with tokens.
        agent_port: takes agents, by certificate.
        advertise: host that devices are told to connect to.
        certificate_life_s: life of the server's and the devices' certificates, in seconds.
    """

    host: str
    port: int
    agent_port: int
    advertise: str
    certificate_life_s: float = 30 * 86_400.0

    @property
    def addresses(self) -> tuple[Address, Address]:
        """Both sockets: for joining and people, and for agents."""
        return Address(self.host, self.port), Address(self.host, self.agent_port)


@dataclass(frozen=True, slots=True)
class CoordinatorConfig(StateFolder):
    """Where a coordinator lives and on which terms it works.

    Attributes:
        host: address to listen on; loopback only.
        port: TCP port; 0 lets the supervisor choose a free one once, before it starts anything.
        terms: life and renewal of leases.
        care: how often devices are checked, and how many jobs of one user may wait.
        quotas: what else one user may have.
        task_cpus: processors that Ray tasks may use together; None: all but one, at least one.
        step_limits: time, memory and disk of what runs in the background.
        sandbox: level that confines it; the strongest that works when `AUTO`.
        ray_address: cluster to join; None: an embedded Ray of our own.
        lock_wait_s: seconds to wait for the lock beside the store before giving up.
        replica_bytes: size cap of the blob replica of each node that runs tasks.
        blob_limit_bytes: size that all blobs together keep to; None: what the disk holds.
        device_limit_bytes: size that what one agent brought keeps to, results aside.
        environments_bytes: size cap of the builder environments of each node.
        calls: how much of the coordinator one token may hold at a time.
        tls: what other machines may reach; None: nothing.
        supervisor_pid: process that started this coordinator, filled by the supervisor.
    """

    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    terms: LeaseTerms = field(default_factory=LeaseTerms)
    care: CareTerms = field(default_factory=CareTerms)
    quotas: Quotas = field(default_factory=Quotas)
    task_cpus: int | None = None
    step_limits: StepLimits = field(default_factory=StepLimits)
    sandbox: str = AUTO
    ray_address: str | None = None
    lock_wait_s: float = 30.0
    replica_bytes: int = 2 << 30
    blob_limit_bytes: int | None = None
    device_limit_bytes: int = MAX_DEVICE_BYTES
    environments_bytes: int = MAX_ENVIRONMENTS_BYTES
    calls: CallTerms = field(default_factory=CallTerms)
    tls: TlsListen | None = None
    supervisor_pid: int = 0

    @property
    def address(self) -> str:
        """``HOST:PORT`` as clients name it, an IPv6 host in brackets."""
        return str(Address(self.host, self.port))

    def to_json(self) -> str:
        """This configuration as one line of JSON."""
        return msgspec.json.encode(self).decode()


def from_json(text: str) -> CoordinatorConfig:
    """The configuration that `to_json` wrote.

    Raises:
        msgspec.ValidationError: `text` is something else.
    """
    return msgspec.json.decode(text, type=CoordinatorConfig)


def require_loopback(host: str) -> None:
    """Refuse an address that others could reach: what listens there has no TLS.

    Raises:
        Refused: `INSECURE_LISTEN`.
    """
    if not is_loopback(host):
        raise Refused(
            Code.INSECURE_LISTEN, f"Listening on {host} would let other machines in without TLS."
        )


def lease_terms(ttl_s: float, renew_every_s: float, unreachable_after_s: float) -> LeaseTerms:
    """Terms given in seconds.

    Raises:
        BadInput: a lease would run out before it can be renewed twice.
    """
    if renew_every_s * 2 > ttl_s:
        raise BadInput(
            Code.BAD_ARGUMENT,
            f"A lease of {ttl_s:g} s renewed every {renew_every_s:g} s would be lost with"
            " one renewal.",
        )
    return LeaseTerms(
        ttl_ns=round(ttl_s * NS_PER_S),
        renew_every_ns=round(renew_every_s * NS_PER_S),
        unreachable_after_ns=round(unreachable_after_s * NS_PER_S),
    )


def care_terms(check_hours: float, check_jobs: int, queue_quota: int) -> CareTerms:
    """Terms of care, with the age of a health check given in hours."""
    return CareTerms(
        check_every_ns=round(check_hours * 3600 * NS_PER_S),
        check_every_jobs=check_jobs,
        max_queued_per_user=queue_quota,
    )
