"""Which process serves a device, and who else asked to.

Each function is part of one transaction.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import msgspec
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError
from bitgauge.benchmarks.vocabulary.values.devices import Instance

from ...decisions.care import Seat, Seating, may_serve, refusal
from ..sql.database import encode, fetch, value, writing
from ..values import LeaseTerms, Registration

if TYPE_CHECKING:
    from sqlite_utils import Database

MAX_HOST_NAME = 253
"""Characters of what a machine calls itself that are kept."""


@writing("recording who serves a device")
def seat(
    db: Database, registration: Registration, now_ns: int, terms: LeaseTerms
) -> BitgaugeError | None:
    """Whether this agent may serve the device, before it registers: None, or why it may not.

    Who may not is remembered, so that people see both.
    """
    device_id, agent_id = registration.device.device_id, registration.agent_id
    rows = fetch(db.conn, "SELECT * FROM devices WHERE device_id = ?", (device_id,))
    if not rows or (agent_id is not None and (rows[0]["agent_id"] or device_id) != agent_id):
        return None  # a new one, or another's: registering says so
    row = rows[0]
    asks = Seat(
        registration.incarnation, registration.boot_id, registration.machine, registration.place
    )
    heard_ns = max(row["last_seen_unix_ns"], min(row["silent_until_unix_ns"], now_ns))
    answer = may_serve(
        value(Seat, row),
        asks,
        alive=now_ns - heard_ns <= terms.unreachable_after_ns,
        joined=agent_id is not None,
    )
    if answer is Seating.YES:
        return None
    second = _instance(registration, now_ns)
    db.execute("UPDATE devices SET rival = ? WHERE device_id = ?", (encode(second), device_id))
    first = instance(row["agent"]) or Instance("", "", row["registered_unix_ns"])
    return refusal(answer, row["name"], first, second)


def seated(
    connection: sqlite3.Connection, registration: Registration, now_ns: int
) -> dict[str, object]:
    """The columns that say who serves a device from now on."""
    rows = fetch(
        connection,
        "SELECT agent, incarnation FROM devices WHERE device_id = ?",
        (registration.device.device_id,),
    )
    known = instance(rows[0]["agent"]) if rows else None
    same = rows and rows[0]["incarnation"] == registration.incarnation
    since_ns = known.since_unix_ns if known and same else now_ns
    return {
        "machine": registration.machine,
        "place": registration.place,
        "agent": encode(_instance(registration, since_ns)),
        **({} if same else {"rival": None}),
    }


def empty_seats(db: Database, agent_id: str) -> None:
    """Let whichever process comes next serve the devices of an agent: it has joined anew."""
    db.execute(
        "UPDATE devices SET machine = '', place = '' WHERE coalesce(agent_id, device_id) = ?",
        (agent_id,),
    )


def instance(text: str | None, since_ns: int = 0) -> Instance | None:
    """What is stored of a process; None for one of before that moment."""
    if text is None:
        return None
    found = msgspec.json.decode(text, type=Instance)
    return found if found.since_unix_ns >= since_ns else None


def _instance(registration: Registration, since_ns: int) -> Instance:
    return Instance(registration.host[:MAX_HOST_NAME], registration.address, since_ns)
