"""Tokens, join lines and certificates in the database; each function is part of a transaction."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from bitgauge.benchmarks.vocabulary.devices import is_id
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code, NotFound, Refused
from bitgauge.benchmarks.vocabulary.values.credentials import TokenView

from ...decisions.asker import COORDINATOR, WITHOUT_TOKEN, agent_named
from .. import last_backup
from ..audit.entries import RESTORE, record
from ..sql.database import columns, fetch, reading, text, texts, value, writing
from ..sql.named import device_named
from ..sql.unreadable import readable
from ..values import AccessState, CertificateRecord, TokenRecord
from .changes import lose_leases
from .confirmed import doubt
from .names import refuse_name, registered
from .seats import empty_seats

if TYPE_CHECKING:
    from sqlite_utils import Database

_LIVE = "revoked_unix_ns IS NULL AND (expires_unix_ns = 0 OR expires_unix_ns > ?)"


@reading("reading tokens")
def access(connection: sqlite3.Connection) -> AccessState:
    """What decides who may call."""
    tokens = readable(
        fetch(connection, "SELECT * FROM tokens ORDER BY position"),
        lambda row: value(TokenRecord, row, revoked=row["revoked_unix_ns"] is not None),
        "token",
        "name",
    )
    live = texts(connection, "SELECT serial FROM certificates WHERE revoked_unix_ns IS NULL")
    denied = texts(connection, "SELECT serial FROM certificates WHERE revoked_unix_ns IS NOT NULL")
    restores = fetch(connection, "SELECT at_unix_ns FROM audit WHERE what = ?", (RESTORE,))
    restored_ns = max((row["at_unix_ns"] for row in restores), default=0)
    return AccessState(tokens, frozenset(live), frozenset(denied), restored_ns)


@reading("reading tokens")
def token_views(connection: sqlite3.Connection) -> tuple[TokenView, ...]:
    """The tokens of people, by name, the newest of each name first."""
    rows = fetch(
        connection, "SELECT * FROM tokens WHERE device_id IS NULL ORDER BY name, position DESC"
    )
    return readable(
        rows,
        lambda row: value(TokenView, row, revoked=row["revoked_unix_ns"] is not None),
        "token",
        "name",
    )


@reading("reading tokens")
def live_credentials(connection: sqlite3.Connection, now_ns: int) -> tuple[int, int]:
    """How many tokens of people live, and how many join lines wait to be used."""
    tokens = fetch(
        connection,
        f"SELECT count(*) AS n FROM tokens WHERE device_id IS NULL AND {_LIVE}",  # noqa: S608
        (now_ns,),
    )
    lines = fetch(
        connection,
        "SELECT count(*) AS n FROM join_tokens WHERE used_unix_ns IS NULL AND expires_unix_ns > ?",
        (now_ns,),
    )
    return int(tokens[0]["n"]), int(lines[0]["n"])


@reading("reading tokens")
def may_submit(connection: sqlite3.Connection, name: str, now_ns: int) -> bool:
    """Whether somebody of this name is still let in to submit jobs."""
    if name in WITHOUT_TOKEN or not name:
        return True
    sql = f"""SELECT 1 FROM tokens WHERE device_id IS NULL AND name = ?
              AND role IN ('submit', 'admin') AND {_LIVE}"""  # noqa: S608
    return bool(fetch(connection, sql, (name, now_ns)))


@writing("recording a token")
def create_token(db: Database, token: TokenRecord, now_ns: int, who: str = COORDINATOR) -> None:
    """Record a person's token. `NAME_TAKEN` while another live one has its name."""
    sql = f"SELECT 1 FROM tokens WHERE device_id IS NULL AND name = ? AND {_LIVE}"  # noqa: S608
    if fetch(db.conn, sql, (token.name, now_ns)):
        raise Refused(Code.NAME_TAKEN, f"There is a live token {token.name!r} already.")
    _insert_token(db, token, now_ns)
    ends = last_backup.utc(token.expires_unix_ns) if token.expires_unix_ns else "never"
    record(
        db, who, "token.create", token.name, f"role {token.role.value}, ends {ends}", now_ns=now_ns
    )


def _insert_token(db: Database, token: TokenRecord, now_ns: int) -> None:
    told = columns(token, "name", "role", "sha256", "device_id", "expires_unix_ns")
    db.table("tokens").insert({**told, "created_unix_ns": now_ns})


@writing("revoking a token")
def revoke_token(db: Database, name: str, now_ns: int, who: str = COORDINATOR) -> TokenView:
    """End the live token of that name. `UNKNOWN_TOKEN` when there is none."""
    rows = fetch(
        db.conn,
        """SELECT * FROM tokens WHERE device_id IS NULL AND name = ?
           AND revoked_unix_ns IS NULL ORDER BY position DESC""",
        (name,),
    )
    if not rows:
        raise NotFound(Code.UNKNOWN_TOKEN, f"There is no live token {name!r}.")
    db.execute(
        "UPDATE tokens SET revoked_unix_ns = ? WHERE device_id IS NULL AND name = ?"
        " AND revoked_unix_ns IS NULL",
        (now_ns, name),
    )
    found = value(TokenView, rows[0], revoked=True)
    record(db, who, "token.revoke", name, f"role {found.role.value}", now_ns=now_ns)
    return found


@writing("recording a join line")
def create_join_token(
    db: Database,
    sha256: bytes,
    expires_unix_ns: int,
    now_ns: int,
    who: str = COORDINATOR,
    *,
    confirms: bool = False,
) -> None:
    """Record a one-time right to join; who joins by it is confirmed where it `confirms`."""
    db.table("join_tokens").insert(
        {
            "sha256": sha256,
            "created_unix_ns": now_ns,
            "expires_unix_ns": expires_unix_ns,
            "confirms": int(confirms),
        }
    )
    ends = f"ends {last_backup.utc(expires_unix_ns)}{', confirms' if confirms else ''}"
    record(db, who, "join_line.create", line_name(sha256), ends, now_ns=now_ns)


def line_name(sha256: bytes) -> str:
    """How the audit calls a join line: by the beginning of the hash of its secret."""
    return f"line {sha256.hex()[:12]}"


@writing("recording a device that joins")
def join(
    db: Database,
    join_sha256: bytes,
    certificate: CertificateRecord,
    token: TokenRecord,
    now_ns: int,
) -> None:
    """Spend a right to join: record a device's certificate and its token.

    The same device may come again with the same right and key, because an answer can be lost; its
    earlier token ends. `JOIN_REFUSED` when the right is unknown, expired or used, or when
    the device has a live certificate for another key; `NAME_TAKEN` when another has its name.
    """
    confirms = _refuse_right(db, join_sha256, certificate, now_ns)
    _refuse_impostor(db, certificate, now_ns)
    identity = certificate.device_id
    refuse_name(db.conn, certificate.name, identity, identity, now_ns)
    db.execute(
        "UPDATE join_tokens SET used_unix_ns = coalesce(used_unix_ns, ?), key_sha256 = ?"
        " WHERE sha256 = ?",
        (now_ns, certificate.key_sha256, join_sha256),
    )
    db.execute(
        "UPDATE tokens SET revoked_unix_ns = ? WHERE device_id = ? AND revoked_unix_ns IS NULL",
        (now_ns, certificate.device_id),
    )
    _insert_token(db, token, now_ns)
    other = "SELECT 1 FROM certificates WHERE device_id = ? AND key_sha256 <> ?"
    rekeyed = bool(fetch(db.conn, other, (identity, certificate.key_sha256)))
    _insert_certificate(db, certificate, now_ns, confirms=confirms)
    if agent_of(db.conn, identity) is not None:
        registered(db, identity, certificate.name, identity, now_ns)
    empty_seats(db, identity)
    if rekeyed:
        doubt(db, identity)
    detail = f"as {certificate.name}, with {line_name(join_sha256)}"
    who = agent_named(certificate.device_id)
    record(db, who, "device.join", certificate.device_id, detail, now_ns=now_ns)


def _refuse_right(
    db: Database, join_sha256: bytes, certificate: CertificateRecord, now_ns: int
) -> bool:
    """Whether the right to join, which is good, confirms the device."""
    rows = fetch(db.conn, "SELECT * FROM join_tokens WHERE sha256 = ?", (join_sha256,))
    if not rows:
        raise Refused(Code.JOIN_REFUSED, "The join line is not one of this coordinator.")
    right = rows[0]
    if now_ns >= right["expires_unix_ns"]:
        raise Refused(Code.JOIN_REFUSED, "The join line has expired.")
    known = fetch(
        db.conn,
        "SELECT 1 FROM certificates WHERE device_id = ? AND key_sha256 = ?",
        (certificate.device_id, right["key_sha256"]),
    )
    same = known and right["key_sha256"] == certificate.key_sha256
    if right["used_unix_ns"] is not None and not same:
        raise Refused(Code.JOIN_REFUSED, "The join line has been used.")
    return bool(right["confirms"])


def _refuse_impostor(db: Database, certificate: CertificateRecord, now_ns: int) -> None:
    """A right to join is no right to become a device that is there already."""
    served = text(
        db.conn,
        "SELECT name FROM devices WHERE device_id = ? AND agent_id IS NOT NULL",
        (certificate.device_id,),
    )
    if served is not None:
        raise Refused(
            Code.JOIN_REFUSED,
            f"Device {certificate.device_id} is {served!r}, which another agent serves.",
        )
    sql = f"SELECT name FROM certificates WHERE device_id = ? AND key_sha256 <> ? AND {_LIVE}"  # noqa: S608
    known = text(db.conn, sql, (certificate.device_id, certificate.key_sha256, now_ns))
    if known is not None:
        raise Refused(
            Code.JOIN_REFUSED,
            f"Device {certificate.device_id} has joined with another key, as {known!r};"
            " `bitgauge agents revoke` ends that first.",
        )


@writing("recording a certificate")
def renewed(db: Database, certificate: CertificateRecord, now_ns: int) -> None:
    """Record the next certificate of a device."""
    _insert_certificate(db, certificate, now_ns)
    ends = f"ends {last_backup.utc(certificate.expires_unix_ns)}"
    who = agent_named(certificate.device_id)
    record(db, who, "device.renew_certificate", certificate.device_id, ends, now_ns=now_ns)


def _insert_certificate(
    db: Database, certificate: CertificateRecord, now_ns: int, *, confirms: bool = False
) -> None:
    told = {"issued_unix_ns": now_ns, "confirms": int(confirms)}
    db.table("certificates").insert({**columns(certificate), **told})


@writing("revoking a device")
def revoke_agent(db: Database, device: str, now_ns: int, who: str = COORDINATOR) -> str:
    """End certificates and token of a device given by name or id, and its leases; its id.

    The leases of other devices that its agent serves end too.
    `UNKNOWN_DEVICE` when no device of that name or id ever joined, `BAD_ARGUMENT` when
    several have that name, or another agent serves it.
    """
    device_id = _joined(db.conn, device)
    for table in ("tokens", "certificates"):
        db.execute(
            f"UPDATE {table} SET revoked_unix_ns = ?"  # noqa: S608
            " WHERE device_id = ? AND revoked_unix_ns IS NULL",
            (now_ns, device_id),
        )
    # The line that it joined with would let the same key in again as long as it lives.
    db.execute(
        """UPDATE join_tokens SET expires_unix_ns = min(expires_unix_ns, ?)
           WHERE key_sha256 IN (SELECT key_sha256 FROM certificates WHERE device_id = ?)""",
        (now_ns, device_id),
    )
    served = "device_id IN (SELECT device_id FROM devices WHERE coalesce(agent_id, device_id) = ?)"
    lose_leases(db, served, (device_id,), "revoked", now_ns)
    record(db, who, "device.revoke", device_id, f"named {device}", now_ns=now_ns)
    return device_id


def _joined(connection: sqlite3.Connection, device: str) -> str:
    """The id that certificates name, of a device given by name or id."""
    known = "SELECT DISTINCT device_id FROM certificates WHERE"
    exact = texts(connection, f"{known} device_id = ?", (device,))
    if exact:
        return exact[0]
    try:
        found = device_named(connection, device)
    except NotFound:
        # It joined under this name and never registered.
        named = texts(connection, f"{known} name = ? AND revoked_unix_ns IS NULL", (device,))
        if len(named) == 1 and not is_id(device):
            return named[0]
        raise NotFound(
            Code.UNKNOWN_DEVICE, f"No device {device!r} has joined with a certificate."
        ) from None
    agent = agent_of(connection, found)
    if agent != found:
        raise BadInput(
            Code.BAD_ARGUMENT,
            f"The device {device} has no certificate of its own: the agent of device {agent}"
            " serves it.",
        )
    if not texts(connection, f"{known} device_id = ?", (found,)):
        raise NotFound(
            Code.UNKNOWN_DEVICE, f"The device {device!r} has not joined with a certificate."
        )
    return found


def refuse_revoked(connection: sqlite3.Connection, device_id: str) -> None:
    """Refuse work to a device all of whose agent's certificates are revoked.

    It covers the call that was waiting for work while its device was revoked.
    """
    rows = fetch(
        connection,
        """SELECT count(*) AS known, count(revoked_unix_ns) AS revoked
           FROM certificates WHERE device_id = coalesce(
             (SELECT agent_id FROM devices WHERE device_id = ?1), ?1)""",
        (device_id,),
    )
    if rows[0]["known"] and rows[0]["known"] == rows[0]["revoked"]:
        raise Refused(Code.JOIN_REFUSED, f"The device {device_id} has been revoked.")


@reading("looking up an agent")
def agent_of(connection: sqlite3.Connection, device_id: str) -> str | None:
    """Whom a certificate must name to act for a device; None for one that nobody knows.

    That is the agent that registered it, else the device itself: the first device of an agent
    has the agent's own id.
    """
    sql = "SELECT coalesce(agent_id, device_id) FROM devices WHERE device_id = ?"
    return text(connection, sql, (device_id,))


def refuse_taken(connection: sqlite3.Connection, device_id: str, agent_id: str) -> None:
    """Refuse to let an agent register a device that is not its own to register.

    It may bring any device that nobody knows, and has it from then on; one that came by itself,
    by another agent or from the coordinator's machine stays what it is.
    """
    known = fetch(
        connection,
        """SELECT device_id FROM devices WHERE device_id = ?1 AND agent_id IS NOT ?2
           UNION SELECT device_id FROM certificates WHERE device_id = ?1""",
        (device_id, agent_id),
    )
    if agent_id != device_id and known:
        raise Refused(Code.FORBIDDEN, f"What registers belongs to another agent than {agent_id}.")


@reading("reading a lease")
def lease_device(connection: sqlite3.Connection, job_id: str, epoch: int) -> str | None:
    """The device that this lease of a job went to; None when there was none."""
    sql = "SELECT device_id FROM leases WHERE job_id = ? AND epoch = ?"
    return text(connection, sql, (job_id, epoch))
