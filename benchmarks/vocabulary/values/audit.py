"""What the audit remembers: who did what to people's tokens, devices, schedules and campaigns.

Like `jobs`: each class has a message of the same name and field names in ``protos/v1``.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One act. Entries are only ever appended, and each vouches for all before it.

    Attributes:
        position: 1 for the first.
        at_unix_ns: when, UTC nanoseconds, coordinator clock.
        who: name of the token; `local` for the owner's own, `agent:ID` for a device,
            `coordinator` for what it did by itself, `host:USER` for who worked on the state folder.
        what: the act, such as `token.create`.
        object: what it was done to, by its name or id.
        detail: the rest in a few words; never a secret.
        previous: digest of the entry before.
        digest: of all of this.
    """

    position: int
    at_unix_ns: int
    who: str
    what: str
    object: str
    detail: str
    previous: str
    digest: str
