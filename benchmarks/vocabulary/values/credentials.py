"""What vouches: the A/A certificate of a device, the token of a person.

Like `model`: each class has a message of the same name and field names in ``protos/v1``.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..enums import Profile, Role


@dataclass(frozen=True, slots=True)
class AaCertificate:
    """How far a device can be trusted to compare: what its A/A comparisons showed.

    It speaks of one runtime on one stack. `asked` is how many were asked for: fewer than a
    certificate takes are a rehearsal, which certifies and refuses nothing. `worst_effect` and
    `mde` (the smallest difference that is found 4 times in 5) are relative, 0.01 is 1 %. Refused
    ones (`passed` false) count too: the newest before a run says whether the run is trusted.
    """

    job_id: str
    device_id: str
    runtime: str
    fingerprint: str
    profile: Profile
    issued_unix_ns: int
    expires_unix_ns: int
    asked: int
    comparisons: int
    false_positives: int
    worst_effect: float | None = None
    mde: float | None = None
    passed: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class TokenView:
    """One token without its secret; `expires_unix_ns` 0 means never."""

    name: str
    role: Role
    created_unix_ns: int
    expires_unix_ns: int = 0
    revoked: bool = False
