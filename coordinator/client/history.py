"""The client's calls to History: how results changed."""

from __future__ import annotations

from bitgauge.benchmarks.common.wire import to_wire
from bitgauge.benchmarks.vocabulary.values.history import (
    Annotated,
    CompareQuery,
    Comparison,
    HistoryQuery,
    Regression,
    RowHistory,
)
from bitgauge.protos.v1 import lab_pb2 as pb

from .connection import Connection


class HistoryCalls(Connection):
    """What a client asks of History."""

    def compare(self, query: CompareQuery) -> Comparison:
        """Two sets of results held against each other, row by row and metric by metric.

        Raises:
            BitgaugeError: `BAD_ARGUMENT`, a word names nothing or the two are of different kinds;
                `UNKNOWN_RUN`, nothing was measured for one of them.
        """
        return self._value(Comparison, pb.CompareRequest(query=to_wire(query)))

    def histories(self, query: HistoryQuery) -> tuple[RowHistory, ...]:
        """The series that match, in table order: accepted runs, oldest first, with their steps.

        Raises:
            BitgaugeError: `BAD_ARGUMENT` for an unknown metric, `UNKNOWN_RUN`.
        """
        return self._values(RowHistory, pb.HistoriesRequest(query=to_wire(query)))

    def regressions(self, *, ended: bool = False) -> tuple[Regression, ...]:
        """What became worse, newest first; with `ended` also what is over."""
        return self._values(Regression, pb.RegressionsRequest(all=ended))

    def annotate(
        self, note: str, *, regression_id: str | None = None, query: HistoryQuery | None = None
    ) -> Annotated:
        """Accept what a regression is about, or restart the baseline of rows from now on.

        Args:
            note: why the change is accepted.
            regression_id: a regression, by its id or the beginning of it.
            query: or the rows that are meant; with a run, from that run on.

        Raises:
            BadInput: the note is empty or too long, or nothing is named.
        """
        return self._value(
            Annotated,
            pb.AnnotateRequest(
                note=note,
                regression_id=regression_id,
                query=to_wire(query) if query is not None else None,
            ),
        )
