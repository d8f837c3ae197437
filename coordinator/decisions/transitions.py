"""One table of what may happen in which state, for everything that has states."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Generic, TypeVar

from bitgauge.benchmarks.vocabulary.errors import Code, Refused

S = TypeVar("S", bound=enum.Enum)
E = TypeVar("E", bound=enum.Enum)


class Transitions(Generic[S, E]):
    """The state that follows, by the state that is and what happens in it."""

    def __init__(
        self, table: Mapping[tuple[S, E], S], code: Code = Code.ILLEGAL_TRANSITION
    ) -> None:
        """Allow what stands in `table`; the rest is refused with `code`."""
        self.table = table
        self._code = code

    def advance(self, state: S, event: E, story: str) -> S:
        """The state that follows; `story` says what it is and how it got here, for the error.

        Raises:
            Refused: when the event cannot happen in that state.
        """
        following = self.table.get((state, event))
        if following is None:
            legal = " or ".join(start.value for start, known in self.table if known is event)
            raise Refused(
                self._code,
                f"{story} is {state.value}; to {event.value} it, it must be {legal}.",
            )
        return following
