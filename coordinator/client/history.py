"""The client's calls about the past: comparisons, histories, regressions, annotations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bitgauge.benchmarks.common.wire import from_wire, to_wire
from bitgauge.benchmarks.vocabulary.values.history import (
    Annotated,
    CompareQuery,
    Comparison,
    History,
    HistoryQuery,
    Regression,
)
from bitgauge.protos.v1 import lab_pb2, lab_pb2_grpc


class HistoryClient:
    """The part of a client that asks about the past; `Client` is one."""

    _lab: lab_pb2_grpc.LabStub
    _call: Callable[..., Any]

    def compare(self, query: CompareQuery) -> Comparison:
        """Two sets of results held against each other."""
        request = lab_pb2.CompareRequest(query=to_wire(query))
        return from_wire(Comparison, self._call(self._lab.Compare, request).comparison)

    def histories(self, query: HistoryQuery) -> tuple[History, ...]:
        """The series that match, with their steps."""
        request = lab_pb2.HistoryRequest(query=to_wire(query))
        answer = self._call(self._lab.History, request)
        return tuple(from_wire(History, one) for one in answer.histories)

    def regressions(self, *, ended: bool = False) -> tuple[Regression, ...]:
        """What became worse, newest first; with `ended` also what is over."""
        answer = self._call(self._lab.Regressions, lab_pb2.RegressionsRequest(all=ended))
        return tuple(from_wire(Regression, one) for one in answer.regressions)

    def annotate(
        self, note: str, *, regression_id: str | None = None, query: HistoryQuery | None = None
    ) -> Annotated:
        """Accept what a regression is about, or restart the baseline of rows from now on."""
        request = lab_pb2.AnnotateRequest(
            note=note,
            regression_id=regression_id,
            query=to_wire(query) if query is not None else None,
        )
        return from_wire(Annotated, self._call(self._lab.Annotate, request).annotated)
