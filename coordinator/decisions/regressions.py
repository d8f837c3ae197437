"""What may happen to a regression: one table and pure decisions, as `jobs` has them for jobs."""

from __future__ import annotations

import enum
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING

from bitgauge.benchmarks.vocabulary.errors import BadInput, Code, Refused
from bitgauge.benchmarks.vocabulary.values.history import HistoryQuery

if TYPE_CHECKING:
    from bitgauge.benchmarks.history.regressions import Says


MAX_NOTE = 500
"""Characters of an annotation's note."""


class RegressionState(str, enum.Enum):
    """Where a regression is."""

    NEW = "new"
    CONFIRMED = "confirmed"
    EXPLAINED = "explained"
    FIXED = "fixed"
    NOT_CONFIRMED = "not_confirmed"


class RegressionEvent(str, enum.Enum):
    """What can happen to it."""

    AGREE = "agree"
    DISAGREE = "disagree"
    ANNOTATE = "annotate"
    RECOVER = "recover"


OPEN = frozenset({RegressionState.NEW, RegressionState.CONFIRMED})

TRANSITIONS: Mapping[tuple[RegressionState, RegressionEvent], RegressionState] = {
    (RegressionState.NEW, RegressionEvent.AGREE): RegressionState.CONFIRMED,
    (RegressionState.NEW, RegressionEvent.DISAGREE): RegressionState.NOT_CONFIRMED,
    (RegressionState.NEW, RegressionEvent.ANNOTATE): RegressionState.EXPLAINED,
    (RegressionState.CONFIRMED, RegressionEvent.ANNOTATE): RegressionState.EXPLAINED,
    (RegressionState.CONFIRMED, RegressionEvent.RECOVER): RegressionState.FIXED,
}


def advance(state: RegressionState, event: RegressionEvent, story: str) -> RegressionState:
    """The state that follows.

    Args:
        state: where it is.
        event: what happened to it.
        story: which one this is, for the sentence of the error.

    Raises:
        Refused: `ILLEGAL_TRANSITION` when the event cannot happen in that state.
    """
    following = TRANSITIONS.get((state, event))
    if following is None:
        legal = " or ".join(start.value for start, known in TRANSITIONS if known is event)
        raise Refused(
            Code.ILLEGAL_TRANSITION,
            f"{story} is {state.value}, and `{event.value}` needs it to be {legal}.",
        )
    return following


def event_of(state: RegressionState, said: Says) -> RegressionEvent | None:
    """What a later result of the same row does to a regression; None: nothing.

    The first one decides whether a new one is real: it was asked for. A result without that
    number decides nothing, and an undecided one ends no regression that was confirmed.
    """
    from bitgauge.benchmarks.history.regressions import Says  # numpy: only who judges waits

    if said is Says.SILENT:
        return None
    if state is RegressionState.NEW:
        return RegressionEvent.AGREE if said is Says.WORSE else RegressionEvent.DISAGREE
    if state is RegressionState.CONFIRMED and said is Says.USUAL:
        return RegressionEvent.RECOVER
    return None


def regression_id(subject: str, signal: str, metric: str, run_id: str) -> str:
    """The id of a regression: the same finding is the same object, however often it is made."""
    return str(
        uuid.uuid5(uuid.NAMESPACE_URL, f"bitgauge:regression/{subject}/{signal}/{metric}/{run_id}")
    )


def confirming_job(run_id: str) -> str:
    """The id of the one job that measures once more what a run showed."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"bitgauge:confirm/{run_id}"))


def required_note(note: str) -> str:
    """Why a change is accepted, in one line.

    Raises:
        BadInput: it says nothing, or too much.
    """
    why = " ".join(note.split())
    if not why:
        raise BadInput(Code.BAD_ARGUMENT, "An annotation says why: its note is empty.")
    if len(why) > MAX_NOTE:
        raise BadInput(
            Code.BAD_ARGUMENT, f"The note has {len(why)} characters; {MAX_NOTE} are allowed."
        )
    return why


def required_rows(query: HistoryQuery | None) -> HistoryQuery:
    """The rows that an annotation without a regression is about.

    Raises:
        BadInput: none are named.
    """
    if query is None or query == HistoryQuery():
        raise BadInput(Code.BAD_ARGUMENT, "Name a regression, or the rows whose baseline restarts.")
    return query
