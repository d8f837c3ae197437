"""The client's calls to Registry: artifacts, their lineage, aliases."""

from __future__ import annotations

from bitgauge.benchmarks.common.wire import to_wire
from bitgauge.benchmarks.vocabulary.values.registry import (
    AliasMove,
    Lineage,
    Registered,
    RegistryQuery,
)
from bitgauge.protos.v1 import lab_pb2 as pb

from ..connection import Connection


class RegistryCalls(Connection):
    """What a client asks of Registry."""

    def artifacts(self, query: RegistryQuery) -> tuple[Registered, ...]:
        """Artifacts that were measured, the last one first."""
        return self._values(Registered, pb.SearchArtifactsRequest(query=to_wire(query)))

    def lineage(self, word: str) -> Lineage:
        """Where the artifact of a run comes from, and everything that was said of it.

        Args:
            word: a run, by the beginning of its id, or `MODEL@ALIAS`.

        Raises:
            BitgaugeError: `UNKNOWN_RUN`, `UNKNOWN_ALIAS`.
        """
        return self._value(Lineage, pb.GetLineageRequest(word=word))

    def aliases(self, model_name: str | None = None, *, now: bool = False) -> tuple[AliasMove, ...]:
        """Moves of aliases, newest first; with `now` only those that count."""
        return self._values(AliasMove, pb.ListAliasesRequest(model_name=model_name, now=now))

    def move_alias(self, alias: str, run: str, *, by: str = "", reason: str = "") -> AliasMove:
        """Let an alias of a run's model mean that run's artifact from now on.

        Args:
            alias: such as `champion`.
            run: by the beginning of its id.
            by: whose word it is, where no gate passed it.
            reason: why.

        Raises:
            BitgaugeError: `UNKNOWN_RUN`, `ALIAS_REFUSED`.
        """
        return self._value(
            AliasMove, pb.MoveAliasRequest(alias=alias, run_id=run, by=by, reason=reason)
        )

    def note_ungated(self, run: str, reason: str) -> None:
        """Have it remembered that an artifact was taken that no gate passed."""
        self._call(pb.NoteUngatedRequest(run_id=run, reason=reason))
