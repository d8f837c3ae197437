"""What an agent is told at its start."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, fields
from pathlib import Path

from bitgauge.benchmarks.common.token_file import token_in
from bitgauge.benchmarks.sandbox.base import AUTO
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code, Refused

_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Security:
    """What TLS needs: the CA that is trusted, and the device's own pair when it has one."""

    ca_pem: bytes
    key_pem: bytes | None = None
    certificate_pem: bytes | None = None

    def __repr__(self) -> str:  # the key must not reach a log by accident
        return "Security(...)"


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A device's place in a lab.

    Attributes:
        coordinator: ``HOST:PORT`` that takes agents by certificate.
        device_id: whom the certificate names.
        ca_pem: the only CA whose servers are trusted.
        issued_unix_ns: when the certificate came, UTC nanoseconds by this device's clock.
        expires_unix_ns: end of the certificate, UTC nanoseconds.
    """

    coordinator: str
    name: str
    device_id: str
    token: str
    key_pem: str
    certificate_pem: str
    ca_pem: str
    issued_unix_ns: int
    expires_unix_ns: int

    def __repr__(self) -> str:  # neither key nor token may reach a log by accident
        return f"Enrolment({self.name} at {self.coordinator})"

    @property
    def security(self) -> Security:
        """How to connect with it."""
        return Security(self.ca_pem.encode(), self.key_pem.encode(), self.certificate_pem.encode())

    @property
    def renew_unix_ns(self) -> int:
        """When to ask for the next certificate: at two thirds of this one's life."""
        return self.issued_unix_ns + (self.expires_unix_ns - self.issued_unix_ns) * 2 // 3

    def require_valid(self, now_ns: int) -> None:
        """Refuse to go on with a certificate that has ended.

        Raises:
            Refused: `CERTIFICATE_EXPIRED`.
        """
        if now_ns >= self.expires_unix_ns:
            day = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(self.expires_unix_ns // _NS))
            raise Refused(
                Code.CERTIFICATE_EXPIRED,
                f"This device's certificate for {self.coordinator} ended at {day}.",
            )


@dataclass(frozen=True, slots=True)
class PhaseLimits:
    """Seconds of silence that a child is allowed in each phase before it counts as hanging."""

    start: float = 60.0
    load: float = 300.0
    warm_up: float = 300.0
    measure: float = 300.0
    write: float = 60.0
    terminate: float = 2.0

    def times(self, patience: float) -> PhaseLimits:
        """All of them so many times as long."""
        return PhaseLimits(*(getattr(self, one.name) * patience for one in fields(self)))

    def of(self, phase: str) -> float:
        """The limit of `phase`; that of `start` for a phase that is not known."""
        known = phase in ("load", "warm_up", "measure", "write")
        return float(getattr(self, phase if known else "start"))


DEFAULT_CACHE_BYTES = 10 * 1024**3


@dataclass(frozen=True, slots=True)
class AgentConfig:
    """Settings of one agent process.

    Attributes:
        home: the state folder of Bitgauge; the agent's own is ``agent`` below it.
        devices: what to serve, ``KIND`` or ``KIND:KEY``; every real device that is found when
            not given.
        disk_reserve_bytes: no job is taken while the disk has less free.
        sandbox: level of confinement; the strongest that works when `AUTO`.
        allow_unsandboxed: run artifacts of a remote coordinator at level `rlimits`, too.
        enrolment: what the device got when it joined; None: a coordinator on this machine.
        pin_clocks: `base` or a number of MHz that the clocks of graphics cards are pinned to;
            empty: nothing is changed.
        child_memory_bytes: most memory of a child; what the device can spare when not given.
    """

    coordinator: str
    token: str
    home: Path
    name: str
    devices: tuple[str, ...] = ()
    cache_bytes: int = DEFAULT_CACHE_BYTES
    disk_reserve_bytes: int = 64 << 20
    once: bool = False
    limits: PhaseLimits = field(default_factory=PhaseLimits)
    plugins: tuple[Path, ...] = ()
    sandbox: str = AUTO
    allow_unsandboxed: bool = False
    child_memory_bytes: int | None = None
    pin_clocks: str = ""
    enrolment: Enrolment | None = None

    @property
    def folder(self) -> Path:
        """The agent's own state folder."""
        return self.home / "agent"


def read_token(path: Path) -> str:
    """The token in a file.

    Raises:
        BadInput: the file cannot be read, is empty, or holds something else.
    """
    try:
        token = token_in(path)
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it holds no token"
        raise BadInput(
            Code.UNAUTHENTICATED, f"The token file {path} cannot be read: {why}."
        ) from error
    if not token:
        raise BadInput(Code.UNAUTHENTICATED, f"The token file {path} is empty.")
    return token
