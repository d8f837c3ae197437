"""The questions about the past: one set of functions on a store, whichever way they come."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone

from bitgauge.benchmarks.history import compare as comparing
from bitgauge.benchmarks.history.compare import Factor
from bitgauge.benchmarks.history.past import Evidence, Measured
from bitgauge.benchmarks.history.series import history_of
from bitgauge.benchmarks.vocabulary.errors import BadInput, BitgaugeError, Code, NotFound
from bitgauge.benchmarks.vocabulary.metrics import METRICS
from bitgauge.benchmarks.vocabulary.recipes import parse
from bitgauge.benchmarks.vocabulary.typed import unknown
from bitgauge.benchmarks.vocabulary.values.history import (
    CompareQuery,
    Comparison,
    HistoryQuery,
    RowHistory,
)

from .store import Store
from .values import Settled

_KINDS = tuple(factor.value for factor in Factor)
_DATE = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d)?)?")
_HEX = re.compile(r"[0-9a-f]{4,64}")
_RUN = re.compile(r"[0-9a-f]{4,8}|[0-9a-f]{8}-[0-9a-f-]{0,27}")
_WHOLE = 36


@dataclass(frozen=True, slots=True)
class _Side:
    """One side of a comparison: what it is, how people call it, and which entries it means."""

    factor: Factor
    name: str
    which: Settled


# -- comparing ----------------------------------------------------------------------------
def compare(store: Store, query: CompareQuery) -> Comparison:
    """Hold two sets of results against each other.

    Raises:
        BadInput: a word names nothing, or the two name different kinds of thing.
        NotFound: an unknown run.
    """
    narrow = Settled(query.model_name, query.recipe, query.device, query.batch)
    before, after = (_side(store, word, narrow) for word in (query.before, query.after))
    if before.factor is not after.factor:
        raise BadInput(
            Code.BAD_ARGUMENT,
            f"{query.before!r} is a {before.factor.value} and {query.after!r} a"
            f" {after.factor.value}; only two of a kind can be compared. Write"
            f" {before.factor.value}:... or {after.factor.value}:... to say which is meant.",
        )
    known: dict[str, Evidence] = {}
    sets = [_measured(store, side.which, known) for side in (before, after)]
    for side, rows in zip((before, after), sets, strict=True):
        if not rows:
            raise NotFound(Code.UNKNOWN_RUN, f"Nothing was measured for {side.name}.")
    first, second = (rows[0].row for rows in sets)
    if first.realness.keeps_time is not second.realness.keeps_time:
        unreal, other = sorted((first, second), key=lambda row: row.realness.keeps_time)
        raise BadInput(
            Code.BAD_ARGUMENT,
            f"{unreal.device_name} is {unreal.realness.value} and {other.device_name} is not; their"
            " results are never mixed. Name two runs of devices that are both real, or neither.",
        )
    return comparing.compare((before.name, after.name), before.factor, *sets)


def _measured(store: Store, which: Settled, known: dict[str, Evidence]) -> Sequence[Measured]:
    found = []
    for row in store.settled_rows(which):
        if row.run_id is None or not row.state.has_numbers:
            continue
        if row.run_id not in known:
            known[row.run_id] = store.evidence(row.run_id)
        found.append(Measured(row, known[row.run_id]))
    return found


def _side(store: Store, word: str, narrow: Settled) -> _Side:
    kind, colon, rest = word.partition(":")
    if colon and kind in _KINDS:
        found = _READERS[Factor(kind)](store, rest, narrow)
        if found is None:
            raise BadInput(Code.BAD_ARGUMENT, f"{rest!r} is no {kind} that is known here.")
        return found
    for read in _READERS.values():
        found = read(store, word, narrow)
        if found is not None:
            return found
    raise BadInput(
        Code.BAD_ARGUMENT,
        f"{word!r} is no run, stack (start of a fingerprint, or device@date), date (2026-11-21),"
        " recipe, artifact (label, or start of its digest) or device that is known here.",
    )


def _run(store: Store, word: str, narrow: Settled) -> _Side | None:
    if not _RUN.fullmatch(word):
        return None
    if len(word) == _WHOLE:
        store.evidence(word)
        return _Side(Factor.RUN, f"run {word}", Settled(run_id=word))
    found = store.run_ids(word)
    if not found:
        return None
    if len(found) > 1 or store.fingerprints(word):
        raise BadInput(
            Code.BAD_ARGUMENT,
            f"Several runs, or runs and stacks, begin with {word!r}; give more of it.",
        )
    return _Side(Factor.RUN, f"run {word}", Settled(run_id=found[0]))


def _date(store: Store, word: str, narrow: Settled) -> _Side | None:
    until_ns = end_of(word)
    if until_ns is None:
        return None
    return _Side(Factor.DATE, f"the table of {word}", replace(narrow, until_unix_ns=until_ns))


def end_of(word: str) -> int | None:
    """The end of a day, or a moment, UTC nanoseconds; None: no date at all."""
    if not _DATE.fullmatch(word):
        return None
    try:
        moment = datetime.fromisoformat(word).replace(tzinfo=timezone.utc)
    except ValueError as error:
        raise BadInput(Code.BAD_ARGUMENT, f"{word!r} is no date: {error}.") from error
    if len(word) == len("2026-11-21"):
        moment += timedelta(days=1)
    return int(moment.timestamp()) * 1_000_000_000 - 1


def _recipe(store: Store, word: str, narrow: Settled) -> _Side | None:
    try:
        parse(word)
    except BitgaugeError:
        return None
    return _Side(Factor.RECIPE, word, replace(narrow, recipe=word))


def _artifact(store: Store, word: str, narrow: Settled) -> _Side | None:
    which = replace(narrow, artifact=word)
    return _Side(Factor.ARTIFACT, word, which) if store.settled_rows(which) else None


def _stack(store: Store, word: str, narrow: Settled) -> _Side | None:
    device, at, date = word.rpartition("@")
    if at:
        until_ns = end_of(date)
        if until_ns is None or not device:
            return None
        which = replace(narrow, device=device, until_unix_ns=until_ns)
        return _Side(Factor.STACK, f"the stack of {device} on {date}", which)
    if not _HEX.fullmatch(word):
        return None
    found = store.fingerprints(word)
    if len(found) > 1:
        raise BadInput(
            Code.BAD_ARGUMENT, f"{len(found)} stacks begin with {word!r}; give more of it."
        )
    if not found:
        return None
    return _Side(Factor.STACK, f"stack {word}", replace(narrow, fingerprint=found[0]))


def _device(store: Store, word: str, narrow: Settled) -> _Side | None:
    which = replace(narrow, device=word)
    return _Side(Factor.DEVICE, word, which) if store.settled_rows(which) else None


_Read = Callable[[Store, str, Settled], "_Side | None"]
_READERS: dict[Factor, _Read] = {
    Factor.RUN: _run,
    Factor.DATE: _date,
    Factor.RECIPE: _recipe,
    Factor.ARTIFACT: _artifact,
    Factor.DEVICE: _device,
    Factor.STACK: _stack,
}
"""What a word may be, in the order in which it is tried."""


# -- histories ----------------------------------------------------------------------------
def histories(store: Store, query: HistoryQuery) -> tuple[RowHistory, ...]:
    """The series that match, with their steps.

    Raises:
        BadInput: an unknown metric.
        NotFound: an unknown run.
    """
    if query.metric is not None and query.metric not in METRICS:
        raise unknown("metric", query.metric, METRICS)
    return tuple(
        history_of(one.row, one.row_key, one.metric, one.points, one.annotations)
        for one in store.series(query)
    )
