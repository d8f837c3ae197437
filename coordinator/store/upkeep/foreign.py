"""What lies in a database besides what Bitgauge makes: a trigger or a view is a program of others.

A database that somebody hands over is opened with the coordinator's rights later. So its tables,
indexes, views and triggers are held against those of an empty one of ours. Of an older schema
there is no such one: tables and indexes are taken, and views that the next start makes anew.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator

from ..sql.steps import NEWEST, migrate

_SQLITES_OWN = ("sqlite_autoindex_", "sqlite_stat", "sqlite_sequence")

Things = dict[tuple[str, str], str]


def foreign(connection: sqlite3.Connection, schema: int) -> str | None:
    """The first thing in a database of some schema that is not ours; None when there is none."""
    there = dict(_things(connection))
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as empty:
        migrate(empty, "an empty database")
        ours = dict(_things(empty))
        for (kind, name), sql in sorted(there.items()):
            if not _known(kind, name, sql, ours, schema):
                return f"{kind} {name[:60]!r}"
        if schema == NEWEST:
            for kind, name in sorted(ours):
                if kind == "table" and _columns(connection, name) != _columns(empty, name):
                    return f"table {name!r} with other columns"
    return None


def _known(kind: str, name: str, sql: str, ours: Things, schema: int) -> bool:
    same = ours.get((kind, name)) == sql
    if kind == "trigger" or (kind == "view" and schema == NEWEST):
        return same
    if kind == "view":
        return name.startswith("v_")
    if schema == NEWEST and (kind, name) not in ours:
        return False
    return not sql.lower().startswith("create virtual")


def _things(connection: sqlite3.Connection) -> Iterator[tuple[tuple[str, str], str]]:
    """Each by kind and name, with its statement in single spaces."""
    listed = "SELECT type, name, coalesce(sql, '') FROM sqlite_master"
    for kind, name, sql in connection.execute(listed):
        if not str(name).startswith(_SQLITES_OWN):
            yield (str(kind), str(name)), " ".join(str(sql).split())


def _columns(connection: sqlite3.Connection, table: str) -> list[tuple[object, ...]]:
    """Names, types, defaults and whether they are computed; migrations change their order."""
    return sorted(row[1:] for row in connection.execute(f"PRAGMA table_xinfo({quoted(table)})"))


def quoted(name: str) -> str:
    """The name of a table within a statement, whatever it consists of."""
    doubled = name.replace('"', '""')
    return f'"{doubled}"'
