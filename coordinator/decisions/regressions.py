"""What may happen to a regression: one table and pure decisions, as `jobs` has them for jobs."""

from __future__ import annotations

import enum
import uuid
from typing import TYPE_CHECKING

from bitgauge.benchmarks.vocabulary.errors import BadInput, Code
from bitgauge.benchmarks.vocabulary.values.history import HistoryQuery

from .transitions import Transitions

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

TRANSITIONS: Transitions[RegressionState, RegressionEvent] = Transitions(
    {
        (RegressionState.NEW, RegressionEvent.AGREE): RegressionState.CONFIRMED,
        (RegressionState.NEW, RegressionEvent.DISAGREE): RegressionState.NOT_CONFIRMED,
        (RegressionState.NEW, RegressionEvent.ANNOTATE): RegressionState.EXPLAINED,
        (RegressionState.CONFIRMED, RegressionEvent.ANNOTATE): RegressionState.EXPLAINED,
        (RegressionState.CONFIRMED, RegressionEvent.RECOVER): RegressionState.FIXED,
    }
)


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
