"""The client's calls to History: how results changed."""

from __future__ import annotations

from functools import cached_property

from bitgauge.benchmarks.common.wire import from_wire, to_wire
from bitgauge.benchmarks.vocabulary.values.history import (
    Annotated,
    CompareQuery,
    Comparison,
    HistoryQuery,
    Regression,
    RowHistory,
)
from bitgauge.protos.v1 import lab_pb2, lab_pb2_grpc

from .connection import Connection


class HistoryCalls(Connection):
    """What a client asks of History."""

    @cached_property
    def _history(self) -> lab_pb2_grpc.HistoryStub:
        return lab_pb2_grpc.HistoryStub(self._channel)

    def compare(self, query: CompareQuery) -> Comparison:
        """Two sets of results held against each other, row by row and metric by metric.

        Raises:
            BitgaugeError: `BAD_ARGUMENT`, a word names nothing or the two are of different kinds;
                `UNKNOWN_RUN`, nothing was measured for one of them.
        """
        request = lab_pb2.CompareRequest(query=to_wire(query))
        return from_wire(Comparison, self._call(self._history.Compare, request).comparison)

    def histories(self, query: HistoryQuery) -> tuple[RowHistory, ...]:
        """The series that match, in table order: accepted runs, oldest first, with their steps.

        Raises:
            BitgaugeError: `BAD_ARGUMENT` for an unknown metric, `UNKNOWN_RUN`.
        """
        request = lab_pb2.HistoriesRequest(query=to_wire(query))
        answer = self._call(self._history.Histories, request)
        return tuple(from_wire(RowHistory, one) for one in answer.histories)

    def regressions(self, *, ended: bool = False) -> tuple[Regression, ...]:
        """What became worse, newest first; with `ended` also what is over."""
        answer = self._call(self._history.Regressions, lab_pb2.RegressionsRequest(all=ended))
        return tuple(from_wire(Regression, one) for one in answer.regressions)

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
        request = lab_pb2.AnnotateRequest(
            note=note,
            regression_id=regression_id,
            query=to_wire(query) if query is not None else None,
        )
        return from_wire(Annotated, self._call(self._history.Annotate, request).annotated)
