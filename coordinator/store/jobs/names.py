"""What devices are called: a registered name, and aliases; each means one living device.

A name or alias is its first bearer's until that is gone. Nothing that was measured hangs on a
name, so a device may get another one: rows, jobs and runs know it by its id, and whoever wrote the
old name into a suite, a schedule or a job still means it by the alias that it becomes.

Each function is part of one transaction.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from bitgauge.benchmarks.vocabulary.devices import MAX_ALIASES, is_id, require_name
from bitgauge.benchmarks.vocabulary.errors import Code, NotFound, Refused

from ...decisions.asker import COORDINATOR, agent_named
from ..audit.entries import record
from ..sql import table
from ..sql.database import fetch, text, texts, writing
from ..sql.named import LIVING
from .care import refuse_retired

if TYPE_CHECKING:
    from sqlite_utils import Database

# Who bears a name, the one that had it first before others: a living device, by its registered
# name or an alias, or the agent of a certificate that was made out to it. An older store may hold
# several; of these the one of the coordinator's own machine is first, then the one with the oldest
# certificate.
_BEARERS = f"""
SELECT device_id, coalesce(agent_id, device_id) AS agent, 1 AS registered,
       (SELECT min(issued_unix_ns) FROM certificates c
        WHERE c.device_id = coalesce(d.agent_id, d.device_id)) AS since
FROM devices d WHERE name = ?1 COLLATE NOCASE AND {LIVING}
UNION ALL
SELECT d.device_id, coalesce(d.agent_id, d.device_id), 1, a.since_unix_ns
FROM device_aliases a JOIN devices d ON d.device_id = a.device_id
WHERE a.alias = ?1 COLLATE NOCASE AND {LIVING}
UNION ALL
SELECT device_id, device_id, 0, min(issued_unix_ns)
FROM certificates
WHERE name = ?1 COLLATE NOCASE AND revoked_unix_ns IS NULL AND expires_unix_ns > ?2
GROUP BY device_id
ORDER BY since, device_id"""  # noqa: S608 (ours)


def refuse_name(
    connection: sqlite3.Connection, name: str, device_id: str, agent: str, now_ns: int
) -> None:
    """Refuse a name that no device may have, or that another device has.

    Args:
        connection: to read.
        name: what the device calls itself.
        device_id: which device.
        agent: whom the certificate of its agent names; the device itself without one.
        now_ns: the present.

    Raises:
        BadInput: `BAD_ARGUMENT`.
        Refused: `NAME_TAKEN`.
    """
    require_name(name)
    for row in fetch(connection, _BEARERS, (name, now_ns)):
        if row["device_id"] == device_id and row["registered"]:
            return  # it had the name before any that follow
        if row["agent"] != agent or (row["registered"] and row["device_id"] != device_id):
            raise Refused(
                Code.NAME_TAKEN,
                f"The name {name} is that of device {row['device_id']}: device {device_id} needs"
                " another one, such as with --name.",
            )


# -- what an agent calls its device -------------------------------------------------------
def registered(db: Database, device_id: str, said: str, agent: str, now_ns: int) -> str:
    """The registered name of a device whose agent calls it `said`; a new word of its is followed.

    A device that nobody knows is called what its agent says. Later a name that an admin gave
    stays, and what the agent says otherwise is an alias. Of a device that was gone, what others
    are called since is its name no longer.

    Raises:
        BadInput: `BAD_ARGUMENT`.
        Refused: `NAME_TAKEN`; `QUOTA`, it has had too many names.
    """
    found = fetch(
        db.conn, "SELECT name, said, named_by FROM devices WHERE device_id = ?", (device_id,)
    )
    if not found:
        refuse_name(db.conn, said, device_id, agent, now_ns)
        return said
    for alias in aliases_of(db.conn, device_id):
        if _is_another_s(db.conn, alias, device_id, now_ns):
            _drop(db, device_id, alias)
    name = str(found[0]["name"])
    if said in (found[0]["said"], name):
        refuse_name(db.conn, name, device_id, agent, now_ns)
        return name
    refuse_name(db.conn, said, device_id, agent, now_ns)
    db.execute("UPDATE devices SET said = ? WHERE device_id = ?", (said, device_id))
    given = found[0]["named_by"] is not None
    if given and not _is_another_s(db.conn, name, device_id, now_ns):
        _add(db, device_id, said, now_ns)
        return name
    _call(db, device_id, said, now_ns)
    db.execute("UPDATE devices SET named_by = NULL WHERE device_id = ?", (device_id,))
    detail = f"from {name} to {said}"
    record(db, agent_named(agent), "device.rename", device_id, detail, now_ns=now_ns)
    return said


def _is_another_s(connection: sqlite3.Connection, name: str, device_id: str, now_ns: int) -> bool:
    bearers = fetch(connection, _BEARERS, (name, now_ns))
    return any(row["registered"] and row["device_id"] != device_id for row in bearers)


# -- what an admin calls it ---------------------------------------------------------------
@writing("renaming a device")
def rename(db: Database, device_id: str, name: str, *, now_ns: int, who: str = COORDINATOR) -> None:
    """Give a device another registered name; the one before becomes an alias.

    Raises:
        BadInput: `BAD_ARGUMENT`.
        Refused: `DEVICE_RETIRED`, `NAME_TAKEN`; `QUOTA`, it has had too many names.
    """
    before, agent = _known(db, device_id)
    refuse_name(db.conn, name, device_id, agent, now_ns)
    if name != before:
        _call(db, device_id, name, now_ns)
        detail = f"from {before} to {name}"
        record(db, who, "device.rename", device_id, detail, now_ns=now_ns)
    db.execute("UPDATE devices SET named_by = ? WHERE device_id = ?", (who, device_id))


@writing("naming a device")
def add_alias(
    db: Database, device_id: str, alias: str, *, now_ns: int, who: str = COORDINATOR
) -> None:
    """Give a device one more name; one that it has changes nothing.

    Raises:
        BadInput: `BAD_ARGUMENT`.
        Refused: `DEVICE_RETIRED`, `NAME_TAKEN`; `QUOTA`, it has too many.
    """
    name, agent = _known(db, device_id)
    refuse_name(db.conn, alias, device_id, agent, now_ns)
    if alias in (name, *aliases_of(db.conn, device_id)):
        return
    _add(db, device_id, alias, now_ns)
    record(db, who, "device.alias", device_id, alias, now_ns=now_ns)


@writing("naming a device")
def remove_alias(
    db: Database, device_id: str, alias: str, *, now_ns: int, who: str = COORDINATOR
) -> None:
    """Take an alias from a device; whoever still says it means nothing by it.

    Raises:
        NotFound: `UNKNOWN_DEVICE`, that is no alias of it.
        Refused: `DEVICE_RETIRED`.
    """
    name, _ = _known(db, device_id)
    if alias not in aliases_of(db.conn, device_id):
        raise NotFound(Code.UNKNOWN_DEVICE, f"{alias!r} is no alias of the device {name}.")
    _drop(db, device_id, alias)
    record(db, who, "device.unalias", device_id, alias, now_ns=now_ns)


def _known(db: Database, device_id: str) -> tuple[str, str]:
    """The name of a device, and whom its agent's certificate names."""
    refuse_retired(db.conn, device_id)
    sql = "SELECT name, coalesce(agent_id, device_id) AS agent FROM devices WHERE device_id = ?"
    [row] = fetch(db.conn, sql, (device_id,))
    return str(row["name"]), str(row["agent"])


# -- the names themselves -----------------------------------------------------------------
def aliases_of(connection: sqlite3.Connection, device_id: str) -> tuple[str, ...]:
    """The aliases of a device, sorted."""
    sql = "SELECT alias FROM device_aliases WHERE device_id = ? ORDER BY alias"
    return texts(connection, sql, (device_id,))


def _call(db: Database, device_id: str, name: str, now_ns: int) -> None:
    """Make a name the registered one, and keep the one before where it is this device's alone."""
    before = text(db.conn, "SELECT name FROM devices WHERE device_id = ?", (device_id,)) or ""
    _drop(db, device_id, name)
    db.execute("UPDATE devices SET name = ? WHERE device_id = ?", (name, device_id))
    # Of an older store the name may be an id, or another device's too.
    if not is_id(before) and not _is_another_s(db.conn, before, device_id, now_ns):
        _add(db, device_id, before, now_ns)
    table.renamed(db, device_id)


def _add(db: Database, device_id: str, alias: str, now_ns: int) -> None:
    known = aliases_of(db.conn, device_id)
    if alias in known:  # sqlite-utils cannot ignore a row that is there where rows have no rowid
        return
    if len(known) >= MAX_ALIASES:
        raise Refused(
            Code.QUOTA,
            f"The device {device_id} has {len(known)} aliases, which is the most that one may have:"
            f" {', '.join(known)}.",
        )
    db.table("device_aliases").insert(
        {"alias": alias, "device_id": device_id, "since_unix_ns": now_ns}
    )


def _drop(db: Database, device_id: str, alias: str) -> None:
    db.execute("DELETE FROM device_aliases WHERE device_id = ? AND alias = ?", (device_id, alias))
