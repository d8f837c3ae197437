"""Counts what people ask, so that a refresh measures first what is wanted.

A question only adds to a number in memory; what was counted is written in the background, and a
store that cannot take it costs nothing but the count.
"""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, field

from bitgauge.benchmarks.vocabulary.errors import BitgaugeError
from bitgauge.benchmarks.vocabulary.values.choices import SelectQuery
from bitgauge.benchmarks.vocabulary.values.rows import TableQuery

from ...store.values import AskKey
from ...store.writer import Writer

DAY_NS = 86_400 * 1_000_000_000
WINDOW_DAYS = 30
"""How far back a question counts."""
MAX_DIFFERENT_QUESTIONS = 1000
"""That are counted on one day; the next ones are not."""

_log = logging.getLogger(__name__)


@dataclass(eq=False)
class Asks:
    """What was asked and is not written yet."""

    writer: Writer
    _counted: Counter[AskKey] = field(default_factory=Counter, init=False)
    _known: set[AskKey] = field(default_factory=set, init=False)
    _day: int = field(default=0, init=False)

    def note(self, query: SelectQuery | TableQuery) -> None:
        """Count a question that names a part of the table."""
        key = (query.model_class, query.hardware_class, query.workload)
        if key[:2] == (None, None):
            return
        if self._day != (today := self.writer.now_ns() // DAY_NS):
            self._day, self._known = today, set()
        if len(self._known) < MAX_DIFFERENT_QUESTIONS or key in self._known:
            self._known.add(key)
            self._counted[key] += 1

    async def flush(self) -> None:
        """Write what was counted; what cannot be written is kept for later."""
        counted, self._counted = self._counted, Counter()
        if not counted:
            return
        day = self.writer.now_ns() // DAY_NS
        try:
            await self.writer.call(lambda store: store.note_asks(counted, day))
        except BitgaugeError as error:
            self._counted.update(counted)
            _log.warning("what was asked could not be written: %s", error)
