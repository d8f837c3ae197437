"""Which version of the contract two ends speak: a pure rule that both of them apply.

Each end speaks every version from its oldest to its own. The older of the two own versions is
spoken, if the newer end still can; the newer end is the one that knows. The coordinator judges
when a device registers, the agent when it hears the coordinator's version: both before any job.
"""

from __future__ import annotations

from ..vocabulary.errors import BadInput, Code
from ..vocabulary.values.digests import PROTOCOL_VERSION

OLDEST_PROTOCOL_VERSION = 1
"""The oldest version that this Bitgauge still speaks."""


def agreed_version(
    theirs: int, ours: int = PROTOCOL_VERSION, oldest: int = OLDEST_PROTOCOL_VERSION
) -> int | None:
    """The version that both ends speak, as far as this end can tell.

    Args:
        theirs: the other end's own version.
        ours: our own.
        oldest: the oldest that we speak.

    Returns:
        None when the other end is too old for us.
    """
    spoken = min(theirs, ours)
    return spoken if spoken >= oldest else None


def require_agreement(
    theirs: int,
    they: str,
    we: str,
    ours: int = PROTOCOL_VERSION,
    oldest: int = OLDEST_PROTOCOL_VERSION,
) -> int:
    """The version that is spoken from now on.

    Args:
        theirs: the other end's own version.
        they: what to call the other end, such as ``agent``.
        we: what to call this end.
        ours: our own version.
        oldest: the oldest that we speak.

    Raises:
        BadInput: `PROTOCOL_VERSION`, naming both versions.
    """
    spoken = agreed_version(theirs, ours, oldest)
    if spoken is None:
        also = f" and down to {oldest}" if oldest < ours else ""
        raise BadInput(
            Code.PROTOCOL_VERSION,
            f"The {they} speaks version {theirs} of the contract, this {we} version {ours}{also}.",
        )
    return spoken
