"""What an agent that joined may transfer: what its leases name, and what they can yield.

The token of the coordinator's own machine lies beside the blobs, so it is not asked.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from bitgauge.benchmarks.vocabulary.errors import Code, Refused
from bitgauge.benchmarks.vocabulary.values.digests import Digest

from ..access.access import caller
from ..store.writer import Writer


@dataclass(frozen=True, slots=True)
class BlobRights:
    """Asks the store what concerns the agent that calls; everybody else passes."""

    writer: Writer

    async def strange(self, digests: Collection[Digest]) -> set[Digest]:
        """Those that do not concern this caller: whether they are here is not told."""
        agent_id = caller().device_id
        if agent_id is None:
            return set()
        asked = [digest.sha256 for digest in digests]
        named = await self.writer.call(lambda store: store.named_for(agent_id, asked))
        return {digest for digest in digests if digest.sha256 not in named}

    async def require_named(self, digest: Digest) -> None:
        """Refuse to let an agent read what no lease of its names.

        Raises:
            Refused: `FORBIDDEN`.
        """
        if await self.strange((digest,)):
            raise Refused(
                Code.FORBIDDEN,
                f"No lease that this agent holds names blob {digest}: an agent reads what it"
                " measures.",
            )

    async def require_owing(self, digest: Digest) -> None:
        """Refuse an upload of an agent of which no result is awaited.

        Raises:
            Refused: `FORBIDDEN`.
        """
        agent_id = caller().device_id
        if agent_id is None or await self.writer.call(lambda store: store.owes(agent_id)):
            return
        if await self.strange((digest,)):
            raise Refused(
                Code.FORBIDDEN,
                f"No result of this agent is awaited, so blob {digest} is none: an agent sends what"
                " it measured.",
            )
