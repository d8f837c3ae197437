"""Aliases of models: which run's artifact each means, and every move. One transaction each."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from bitgauge.benchmarks.gates.alias import required_alias, required_mover
from bitgauge.benchmarks.vocabulary.errors import Code, NotFound
from bitgauge.benchmarks.vocabulary.values.gates import VerdictQuery
from bitgauge.benchmarks.vocabulary.values.registry import AliasMove

from ...decisions.asker import Asker
from ..audit.entries import record
from ..sql.candidates import row_of_run
from ..sql.database import columns, fetch, reading, value, writing
from ..sql.named import run_named
from .verdicts import MAX_VERDICTS, verdicts

if TYPE_CHECKING:
    from sqlite_utils import Database

MOVED = "alias.move"
EXPORTED = "registry.export_ungated"
MAX_MOVES = 500
"""That one question answers."""

_NOW = """a.position = (SELECT max(b.position) FROM aliases b
    WHERE b.model_name = a.model_name AND b.alias = a.alias)"""
"""A clause over aliases: the move that counts."""


@writing("moving an alias")
def move(
    db: Database,
    alias: str,
    run: str,
    *,
    by: str,
    reason: str,
    now_ns: int,
    asker: Asker,
) -> AliasMove:
    """Let an alias of a run's model mean that run's artifact from now on.

    A use case whose newest verdict on the run passed moves it; else a person who gives a reason.
    `UNKNOWN_RUN`, `ALIAS_REFUSED`; `BAD_ARGUMENT` for what is no alias.
    """
    required_alias(alias)
    run_id = run_named(db.conn, run)
    row = row_of_run(db.conn, run_id)
    if row is None or not row.state.has_numbers:
        raise NotFound(Code.UNKNOWN_RUN, f"Run {run_id} has no numbers.")
    known = verdicts(db.conn, VerdictQuery(run_id=run_id, limit=MAX_VERDICTS))
    use_case = required_mover(
        run_id, known, keeps_time=row.realness.keeps_time, by=by, reason=reason
    )
    made = AliasMove(
        model_name=row.model_name,
        alias=alias,
        run_id=run_id,
        artifact=row.full_name,
        device_name=row.device_name,
        use_case=use_case,
        at_unix_ns=now_ns,
        who=asker.name,
        by=by,
        reason=reason,
    )
    own = columns(made)
    del own["position"]
    db.table("aliases").insert(own)
    said = f"by {by}: {reason}" if by else f"passed for {use_case}"
    what = f"{row.model_name}@{alias} is {row.full_name}, {said}"
    record(db, asker.name, MOVED, run_id, what, now_ns=now_ns)
    [found] = fetch(db.conn, "SELECT * FROM aliases ORDER BY position DESC LIMIT 1")
    return value(AliasMove, found)


@reading("reading aliases")
def moves(
    connection: sqlite3.Connection, model_name: str | None = None, *, now: bool = False
) -> tuple[AliasMove, ...]:
    """Moves of aliases, newest first; with `now` only those that count."""
    found = fetch(
        connection,
        f"""SELECT * FROM aliases a WHERE (?1 IS NULL OR model_name = ?1)
            AND (NOT ?2 OR {_NOW}) ORDER BY position DESC LIMIT {MAX_MOVES}""",  # noqa: S608
        (model_name, now),
    )
    return tuple(value(AliasMove, row) for row in found)


def meant(connection: sqlite3.Connection, word: str) -> str:
    """The id of a run that `MODEL@ALIAS`, or the name of a run, means.

    Raises:
        NotFound: `UNKNOWN_ALIAS`, `UNKNOWN_RUN`.
    """
    model_name, at, alias = word.rpartition("@")
    if not at:
        return run_named(connection, word)
    found = fetch(
        connection,
        f"SELECT run_id FROM aliases a WHERE model_name = ? AND alias = ? AND {_NOW}",  # noqa: S608
        (model_name, alias),
    )
    if not found:
        sentence = f"No alias {alias!r} of a model {model_name!r} was ever moved."
        raise NotFound(Code.UNKNOWN_ALIAS, sentence)
    return str(found[0]["run_id"])


@writing("recording an export")
def note_ungated(db: Database, run: str, reason: str, now_ns: int, asker: Asker) -> None:
    """Remember that somebody took an artifact that no gate passed. `UNKNOWN_RUN`."""
    record(db, asker.name, EXPORTED, run_named(db.conn, run), reason, now_ns=now_ns)
