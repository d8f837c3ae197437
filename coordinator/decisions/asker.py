"""Who asks for a change, and whose things may be changed: one rule for all of them."""

from __future__ import annotations

from dataclasses import dataclass

from bitgauge.benchmarks.vocabulary.errors import Code, Refused

COORDINATOR = "coordinator"
"""Who does what nobody asked for."""

LOCAL = "local"
"""The owner of the state folder, whose token is a file and no record of the store."""
WITHOUT_TOKEN = frozenset({LOCAL, COORDINATOR})
"""Who own things and have no token of the store, so nobody's token may be named so."""


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks: a person by the name of the token, or the coordinator itself.

    Attributes:
        name: as the audit calls it.
        owns_all: everybody's things may be changed, as an admin may.
    """

    name: str = COORDINATOR
    owns_all: bool = True

    def require_own(self, owner: str, what: str) -> None:
        """Refuse a change of what belongs to somebody else.

        Args:
            owner: name of the token that made it.
            what: begins the sentence, such as `Schedule 'nightly'`.

        Raises:
            Refused: `FORBIDDEN`.
        """
        if not self.owns_all and owner != self.name:
            raise Refused(
                Code.FORBIDDEN,
                f"{what} belongs to {owner or 'somebody else'}, not to {self.name}; an admin may"
                " change it too.",
            )


ITSELF = Asker()
"""The coordinator."""


def agent_named(device_id: str) -> str:
    """What the audit calls an agent, by the device that its certificate names."""
    return f"agent:{device_id}"
