"""Whose a device's name is: unique among the living, and its first bearer's until that is gone.

Each function is part of one transaction.
"""

from __future__ import annotations

import sqlite3

from bitgauge.benchmarks.vocabulary.devices import require_name
from bitgauge.benchmarks.vocabulary.errors import Code, Refused

from ..sql.database import fetch
from ..sql.named import LIVING

# Who bears a name, the one that had it first before others: a living device, or the agent of a
# certificate that was made out to it. An older store may hold several; of these the one of the
# coordinator's own machine is first, then the one with the oldest certificate.
_BEARERS = f"""
SELECT device_id, coalesce(agent_id, device_id) AS agent, 1 AS registered,
       (SELECT min(issued_unix_ns) FROM certificates c
        WHERE c.device_id = coalesce(d.agent_id, d.device_id)) AS since
FROM devices d WHERE name = ?1 COLLATE NOCASE AND {LIVING}
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
