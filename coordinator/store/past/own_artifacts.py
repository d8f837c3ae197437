"""What was said of a row when it stood for several files, moved to the rows that it has become.

Done once, after the step `sql.own_artifacts`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..sql.candidates import candidates
from ..sql.database import encode, fetch
from ..sql.own_artifacts import MOVE
from ..sql.table import key_text
from .alerts import decoded

if TYPE_CHECKING:
    from sqlite_utils import Database


def move_if_asked(db: Database) -> None:
    """Move annotations and regressions when the step asks for it. Part of a transaction."""
    if not db.execute("DELETE FROM table_inputs WHERE name = ?", (MOVE,)).rowcount:
        return
    became: dict[str, set[str]] = {}
    for one in candidates(db.conn, {}):
        if one.row.artifact is not None:
            old = key_text(replace(one.row, artifact=None))
            became.setdefault(old, set()).add(key_text(one.row))
    _move_annotations(db, became)
    _move_regressions(db)


def _move_annotations(db: Database, became: dict[str, set[str]]) -> None:
    """An accepted change holds for every file of its row; it stays with what was built too."""
    for row in fetch(db.conn, "SELECT * FROM annotations ORDER BY position"):
        told = {name: row[name] for name in (*row.keys(),) if name != "position"}
        db.table("annotations").insert_all(
            told | {"row_key": key} for key in sorted(became.get(row["row_key"], ()))
        )


def _move_regressions(db: Database) -> None:
    """A regression is of the file whose run showed it; that of a family stays one."""
    for stored in fetch(db.conn, "SELECT * FROM regressions ORDER BY position"):
        found = candidates(db.conn, {"r.run_id = ?": stored["run_id"]})
        if not found or found[0].row.artifact is None:
            continue
        row, one = found[0].row, decoded(stored)
        key = key_text(row)
        subject = key if one.subject == stored["row_key"] else one.subject
        moved = replace(
            one, subject=subject, row=replace(one.row, label=row.label, artifact=row.artifact)
        )
        db.table("regressions").update(
            stored["position"], {"row_key": key, "subject": subject, "value": encode(moved)}
        )
