"""Who says that a device is what it says it is. Each function is part of one transaction.

Until somebody does, its rows are flagged and decide nothing. The agent of the coordinator's own
machine needs nobody's word: whoever can read its token could write the database.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from bitgauge.benchmarks.vocabulary.values.devices import DeviceDescription

from ..audit.entries import record
from ..sql import table
from ..sql.database import fetch, text, texts, writing
from .care import refuse_retired

if TYPE_CHECKING:
    from sqlite_utils import Database

THIS_MACHINE = "this machine"
JOIN_LINE = "its join line"
_WHO = "SELECT confirmed_by FROM devices WHERE confirmed_by IS NOT NULL AND"


def confirmed_by(connection: sqlite3.Connection, device_id: str) -> str | None:
    """Who said it of a device; None: nobody, or there is no such device."""
    return text(connection, f"{_WHO} device_id = ?", (device_id,))


def who_confirms(
    connection: sqlite3.Connection, device: DeviceDescription, agent_id: str | None
) -> str | None:
    """Who says it of a device as it registers now; None: nobody does.

    A word holds as long as the device says the same: one that was confirmed as emulated and calls
    itself physical now is confirmed anew.
    """
    if agent_id is None:
        return THIS_MACHINE
    by_line = """SELECT 1 FROM certificates
        WHERE device_id = ?1 AND confirms = 1 AND revoked_unix_ns IS NULL AND key_sha256 = (
            SELECT key_sha256 FROM certificates WHERE device_id = ?1
            ORDER BY issued_unix_ns DESC LIMIT 1)"""
    if fetch(connection, by_line, (agent_id,)):
        return JOIN_LINE
    return text(
        connection,
        f"{_WHO} device_id = ? AND realness = ? AND hardware_class = ?",
        (device.device_id, device.realness.value, device.hardware_class.value),
    )


@writing("confirming a device")
def confirm(db: Database, device_id: str, now_ns: int, who: str) -> None:
    """Say that a device is what it says it is, for what it measured before too. `DEVICE_RETIRED`.

    Saying it twice changes nothing.
    """
    refuse_retired(db.conn, device_id)
    if confirmed_by(db.conn, device_id) is not None:
        return
    db.execute("UPDATE devices SET confirmed_by = ? WHERE device_id = ?", (who, device_id))
    table.refresh_device(db, device_id)
    record(db, who, "device.confirm", device_id, now_ns=now_ns)


def doubt(db: Database, agent_id: str) -> None:
    """Take the word back for every device of an agent: it has come with another key."""
    served = "SELECT device_id FROM devices WHERE coalesce(agent_id, device_id) = ?"
    for device_id in texts(db.conn, f"{served} AND confirmed_by IS NOT NULL", (agent_id,)):
        db.execute("UPDATE devices SET confirmed_by = NULL WHERE device_id = ?", (device_id,))
        table.refresh_device(db, device_id)
