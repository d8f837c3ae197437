"""Accepted changes: the baseline of rows restarts, and what they were accused of is explained.

Each function is one transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from bitgauge.benchmarks.vocabulary.errors import Code, NotFound
from bitgauge.benchmarks.vocabulary.values.history import Annotated, HistoryQuery

from ...decisions.asker import COORDINATOR
from ...decisions.regressions import OPEN, TRANSITIONS, RegressionEvent, RegressionState
from ..audit.entries import record
from ..sql.candidates import candidates
from ..sql.database import fetch, writing
from ..sql.named import run_named
from .alerts import decoded
from .drift import keys_of_family
from .history import series
from .regressions import move

if TYPE_CHECKING:
    from sqlite_utils import Database


@writing("recording an annotation")
def annotate(db: Database, query: HistoryQuery, note: str, now_ns: int, made_by: str) -> Annotated:
    """Restart the baseline of the rows that match from now on, or from the run of `query`.

    Their open regressions are explained. `UNKNOWN_RUN` when no row matches.
    """
    if query.run_id is not None:
        query = replace(query, run_id=run_named(db.conn, query.run_id))
    found = series(db.conn, query)
    if not found:
        raise NotFound(Code.UNKNOWN_RUN, "No row with a history matches.")
    since = now_ns
    if query.run_id is not None:
        since = next(
            point.settled_unix_ns for point in found[0].points if point.run_id == query.run_id
        )
    keys = [one.row_key for one in found]
    return _accept(db, keys, since, note=note, now_ns=now_ns, made_by=made_by)


@writing("recording an annotation")
def explain(db: Database, regression_id: str, note: str, now_ns: int, made_by: str) -> Annotated:
    """Accept what a regression is about: its rows' baseline restarts at the run it showed.

    `UNKNOWN_REGRESSION`; `ILLEGAL_TRANSITION` when it has ended.

    The id may be only its beginning; `made_by` names a token.
    """
    from bitgauge.benchmarks.history.regressions import LATENCY_DRIFT  # numpy: only this waits

    found = fetch(
        db.conn,
        "SELECT value, row_key FROM regressions WHERE regression_id GLOB ?",
        (f"{regression_id}*",),
    )
    if len(found) != 1:
        many = f"{len(found)} regressions begin" if found else "No regression begins"
        raise NotFound(Code.UNKNOWN_REGRESSION, f"{many} with {regression_id!r}.")
    one = decoded(found[0])
    state = RegressionState(one.state)
    if state not in OPEN:
        TRANSITIONS.advance(state, RegressionEvent.ANNOTATE, f"Regression {one.regression_id}")
    [own] = candidates(db.conn, {"r.run_id = ?": one.run_ids[0]})
    keys = [found[0]["row_key"]]
    if one.signal == LATENCY_DRIFT:
        keys = list(keys_of_family(db.conn, own, one.metric))
    return _accept(db, keys, own.settled_unix_ns, note=note, now_ns=now_ns, made_by=made_by)


def _accept(
    db: Database, keys: Sequence[str], since_ns: int, *, note: str, now_ns: int, made_by: str
) -> Annotated:
    db.table("annotations").insert_all(
        {
            "row_key": key,
            "from_unix_ns": since_ns,
            "note": note,
            "made_unix_ns": now_ns,
            "made_by": made_by,
        }
        for key in keys
    )
    marks = ", ".join("?" for _ in keys)
    found = fetch(
        db.conn,
        f"""SELECT value FROM regressions WHERE state IN ('new', 'confirmed')
            AND row_key IN ({marks}) ORDER BY position""",  # noqa: S608 (marks are ours)
        keys,
    )
    detail = f"{len(keys)} rows: {note}"
    record(db, made_by or COORDINATOR, "note.make", keys[0], detail, now_ns=now_ns)
    explained = tuple(
        move(db, decoded(row), RegressionEvent.ANNOTATE, now_ns, note=note) for row in found
    )
    return Annotated(len(keys), explained)
