"""Known issues that touch settled entries: the flags of rows, and when they must be made anew."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import TYPE_CHECKING

from bitgauge.benchmarks.notices.file import edition, shipped
from bitgauge.benchmarks.notices.issues import Touched, touching
from bitgauge.benchmarks.vocabulary.enums import ModelClass
from bitgauge.benchmarks.vocabulary.values.devices import StackItem

from .database import fetch
from .unreadable import sound

if TYPE_CHECKING:
    from sqlite_utils import Database

KNOWN_ISSUES = "known_issues"
"""The input of the table that says which edition of the file its flags follow."""

_NAME = "iif(s.type = 'object', json_extract(s.value, '$.name'), NULL)"
VERSION = f"""(SELECT json_extract(s.value, '$.value') FROM json_each({sound("r.stack")}) s
        WHERE {_NAME} = 'runtime.' || e.runtime LIMIT 1)"""  # noqa: S608 (texts of ours)
"""A column of a question to runs and entries: the version of the runtime that executed it."""


def flags(row: sqlite3.Row, options: Sequence[StackItem]) -> tuple[str, ...]:
    """A flag for each known issue that touches a settled entry; the baseline is touched too."""
    if row["run_id"] is None:
        return ()
    one = Touched(
        runtime=row["runtime"],
        version=row["runtime_version"] or "",
        recipe=row["recipe"],
        kind=row["artifact_kind"],
        model_class=ModelClass(row["model_class"]),
        options=tuple(options),
    )
    return tuple(issue.flag for issue in touching(shipped(), one))


def changed(db: Database) -> bool:
    """Whether the rows follow another edition of the file; from now on they are to follow this."""
    known = fetch(db.conn, "SELECT value FROM table_inputs WHERE name = ?", (KNOWN_ISSUES,))
    if known and known[0]["value"] == edition():
        return False
    db.table("table_inputs").upsert({"name": KNOWN_ISSUES, "value": edition()}, pk="name")
    return True
