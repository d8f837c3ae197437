"""What the store remembers of tokens, join lines and certificates: plain values and a protocol.

Secrets are never stored: a token is known by its SHA-256, a device's key by that of its public
half.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from bitgauge.benchmarks.credentials import TokenView
from bitgauge.benchmarks.vocabulary import Role


@dataclass(frozen=True, slots=True)
class TokenRecord:
    """A token that may be presented.

    Attributes:
        name: label, unique among the live tokens of people.
        role: what its bearer may do.
        sha256: hash of the secret.
        expires_unix_ns: end of its life, UTC nanoseconds; 0: none.
        device_id: the only device it speaks for; None: it is a person's.
        revoked: no longer accepted.
    """

    name: str
    role: Role
    sha256: bytes
    expires_unix_ns: int = 0
    device_id: str | None = None
    revoked: bool = False


@dataclass(frozen=True, slots=True)
class CertificateRecord:
    """A certificate that the CA signed for a device.

    Attributes:
        serial: its number in hexadecimal.
        device_id: the device's id.
        name: label of the device when it joined.
        key_sha256: hash of the device's public key.
        expires_unix_ns: end of its life, UTC nanoseconds.
    """

    serial: str
    device_id: str
    name: str
    key_sha256: bytes
    expires_unix_ns: int


@dataclass(frozen=True, slots=True)
class AccessState:
    """Everything that decides who may call: all tokens, and the deny-list of certificates."""

    tokens: tuple[TokenRecord, ...] = ()
    revoked_serials: frozenset[str] = frozenset()


class AccessStore(Protocol):
    """The part of the store that knows who may call. Raises `BitgaugeError` only."""

    def access(self) -> AccessState:
        """What decides who may call."""

    def token_views(self) -> tuple[TokenView, ...]:
        """The tokens of people, by name, the newest of each name first."""

    def create_token(self, token: TokenRecord, now_ns: int) -> None:
        """Record a person's token. `NAME_TAKEN` while another live one has its name."""

    def revoke_token(self, name: str, now_ns: int) -> TokenView:
        """End the live token of that name. `UNKNOWN_TOKEN` when there is none."""

    def create_join_token(self, sha256: bytes, expires_unix_ns: int, now_ns: int) -> None:
        """Record a one-time right to join."""

    def join(
        self, join_sha256: bytes, certificate: CertificateRecord, token: TokenRecord, now_ns: int
    ) -> None:
        """Spend a right to join: record a device's certificate and its token.

        The same key may come again with the same right, because an answer can be lost; its
        earlier token ends. `JOIN_REFUSED` when the right is unknown, expired or used, or when
        the device has a live certificate for another key.
        """

    def renewed(self, certificate: CertificateRecord, now_ns: int) -> None:
        """Record the next certificate of a device."""

    def revoke_agent(self, device: str, now_ns: int) -> str:
        """End certificates, token and lease of a device given by name or id; its id.

        `UNKNOWN_DEVICE` when no device of that name or id ever joined, `BAD_ARGUMENT` when
        several have that name.
        """

    def lease_device(self, job_id: str, epoch: int) -> str | None:
        """The device that this lease of a job went to; None when there was none."""

    def submitter(self, job_id: str) -> str:
        """Name of the token that submitted a job, empty when unknown. `UNKNOWN_JOB`."""
