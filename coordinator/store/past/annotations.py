"""Accepted changes: the baseline of rows restarts, and what they were accused of is explained.

Each function is one transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from bitgauge.benchmarks.vocabulary.errors import Code, NotFound
from bitgauge.benchmarks.vocabulary.values.history import Annotated, HistoryQuery

from ...decisions.asker import Asker
from ...decisions.regressions import OPEN, TRANSITIONS, RegressionEvent, RegressionState
from ..audit.entries import NOTE, record
from ..sql.candidates import candidates
from ..sql.database import fetch, writing
from ..sql.named import run_named
from .alerts import decoded
from .drift import keys_of_family
from .history import keys_with_history, series
from .regressions import move

if TYPE_CHECKING:
    from sqlite_utils import Database


@writing("recording an annotation")
def annotate(db: Database, query: HistoryQuery, note: str, now_ns: int, asker: Asker) -> Annotated:
    """Restart the baseline of the rows that match from now on, or from the run of `query`.

    Their open regressions are explained. `UNKNOWN_RUN` when no row matches; `FORBIDDEN` when one
    of them is somebody else's.
    """
    since = now_ns
    if query.run_id is None:
        keys = keys_with_history(db.conn, query)
    else:
        run_id = run_named(db.conn, query.run_id)
        [own] = series(db.conn, replace(query, run_id=run_id)) or [None]
        keys = (own.row_key,) if own else ()
        points = own.points if own else ()
        since = next((one.settled_unix_ns for one in points if one.run_id == run_id), now_ns)
    if not keys:
        raise NotFound(Code.UNKNOWN_RUN, "No row with a history matches.")
    return _accept(db, keys, since, note=note, now_ns=now_ns, asker=asker)


@writing("recording an annotation")
def explain(db: Database, regression_id: str, note: str, now_ns: int, asker: Asker) -> Annotated:
    """Accept what a regression is about: its rows' baseline restarts at the run it showed.

    `UNKNOWN_REGRESSION`; `ILLEGAL_TRANSITION` when it has ended; `FORBIDDEN` as in `annotate`.

    The id may be only its beginning.
    """
    from bitgauge.benchmarks.history.regressions import LATENCY_DRIFT  # numpy: only this waits

    found = fetch(
        db.conn,
        "SELECT value, row_key FROM regressions WHERE substr(regression_id, 1, ?) = ? LIMIT 100",
        (len(regression_id), regression_id),
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
    return _accept(db, keys, own.settled_unix_ns, note=note, now_ns=now_ns, asker=asker)


def _accept(
    db: Database, keys: Sequence[str], since_ns: int, *, note: str, now_ns: int, asker: Asker
) -> Annotated:
    _require_own(db.conn, keys, asker)
    db.table("annotations").insert_all(
        {
            "row_key": key,
            "from_unix_ns": since_ns,
            "note": note,
            "made_unix_ns": now_ns,
            "made_by": asker.name,
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
    record(db, asker.name, NOTE, keys[0], detail, now_ns=now_ns)
    explained = tuple(
        move(db, decoded(row), RegressionEvent.ANNOTATE, now_ns, note=note) for row in found
    )
    return Annotated(len(keys), explained)


def _require_own(connection: sqlite3.Connection, keys: Sequence[str], asker: Asker) -> None:
    """A row belongs to who measured it last; one that is in no table any more to nobody."""
    for key in () if asker.owns_all else keys:
        found = fetch(
            connection,
            """SELECT j.submitted_by, t.model_name, t.recipe FROM table_rows t
               JOIN jobs j ON j.job_id = t.job_id WHERE t.row_key = ?""",
            (key,),
        )
        owner, row = "", "A row that was measured before"
        if found:
            owner = found[0]["submitted_by"]
            row = f"The row {found[0]['model_name']} {found[0]['recipe']}"
        asker.require_own(owner, row)
