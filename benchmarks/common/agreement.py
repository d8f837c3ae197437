"""The version of the contract that this Bitgauge speaks, and the rule that both ends apply to it.

Both ends speak the same version or do not work together. The coordinator judges when a device
registers, the agent when it hears the coordinator's version: both before any job.
"""

from __future__ import annotations

from ..vocabulary.errors import BadInput, Code

PROTOCOL_VERSION = 2


def require_agreement(theirs: int, they: str, we: str) -> None:
    """Refuse an end that speaks another version.

    Args:
        theirs: the other end's version.
        they: what to call the other end, such as ``agent``.
        we: what to call this end.

    Raises:
        BadInput: `PROTOCOL_VERSION`, naming both versions.
    """
    if theirs != PROTOCOL_VERSION:
        raise BadInput(
            Code.PROTOCOL_VERSION,
            f"The {they} speaks version {theirs} of the contract, this {we} version"
            f" {PROTOCOL_VERSION}.",
        )
