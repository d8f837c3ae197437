"""What people may ask about the past, and say of it, in plain values."""

from __future__ import annotations

from collections.abc import Callable

from bitgauge.benchmarks.vocabulary.errors import BadInput, Code
from bitgauge.benchmarks.vocabulary.values.history import (
    Annotated,
    CompareQuery,
    Comparison,
    HistoryQuery,
    Regression,
    RowHistory,
)

from ..store import past_questions
from ..store.writer import Writer

MAX_NOTE = 500


class HistoryDesk:
    """Comparisons, histories, regressions and annotations of one coordinator.

    Every method raises `BitgaugeError` only.
    """

    def __init__(self, writer: Writer, clock: Callable[[], int]) -> None:
        self._writer = writer
        self._now_ns = clock

    async def compare(self, query: CompareQuery) -> Comparison:
        """Two sets of results held against each other."""
        return await self._writer.call(lambda store: past_questions.compare(store, query))

    async def histories(self, query: HistoryQuery) -> tuple[RowHistory, ...]:
        """The series that match, with their steps."""
        return await self._writer.call(lambda store: past_questions.histories(store, query))

    async def regressions(self, *, ended: bool) -> tuple[Regression, ...]:
        """What became worse, newest first; with `ended` also what is over."""
        return await self._writer.call(lambda store: store.regressions(ended=ended))

    async def annotate(
        self, regression_id: str | None, query: HistoryQuery | None, note: str, made_by: str
    ) -> Annotated:
        """Accept a change: what a regression is about, or the rows that match from now on."""
        why = " ".join(note.split())
        if not why:
            raise BadInput(Code.BAD_ARGUMENT, "An annotation says why: its note is empty.")
        if len(why) > MAX_NOTE:
            raise BadInput(
                Code.BAD_ARGUMENT, f"The note has {len(why)} characters; {MAX_NOTE} are allowed."
            )
        now_ns = self._now_ns()
        if regression_id:
            asked = regression_id
            return await self._writer.change(
                lambda store: store.explain(asked, why, now_ns, made_by)
            )
        if query is None or query == HistoryQuery():
            raise BadInput(
                Code.BAD_ARGUMENT, "Name a regression, or the rows whose baseline restarts."
            )
        rows = query
        return await self._writer.change(lambda store: store.annotate(rows, why, now_ns, made_by))
