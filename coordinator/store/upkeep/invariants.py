"""What must hold in every database of ours, asked of one that is there."""

from __future__ import annotations

import contextlib
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from bitgauge.benchmarks.common.ids import run_id
from bitgauge.benchmarks.vocabulary.errors import Code, Internal, Refused
from bitgauge.benchmarks.vocabulary.values.digests import Digest

from ...decisions.submission import named_digests
from ..sql.connection import check, connect_alone, connect_readonly
from ..sql.database import fetch, transaction, translated
from ..sql.steps import NEWEST, version_of
from ..sql.table import disagreements
from ..sql.unreadable import UNREADABLE
from ..sql.values import job_spec
from .foreign import foreign, quoted
from .stored import unread

MAX_BLOBS = 1_000_000
"""Of a database that is restored, each of which becomes an object."""
MOST_FINDINGS = 20
"""Of each kind; a torn database would fill the screen."""

# Each gives the rows that must not be, as one text each. The unique indexes promise the first
# three; asked here as well, because a damaged index answers for itself.
_INVARIANTS: tuple[tuple[str, str], ...] = (
    (
        "more than one accepted run",
        """SELECT 'job ' || job_id || ' entry ' || entry_index FROM runs NOT INDEXED
           WHERE disposition = 'accepted' GROUP BY job_id, entry_index HAVING count(*) > 1""",
    ),
    (
        "more than one active lease",
        """SELECT 'device ' || device_id FROM leases NOT INDEXED
           WHERE active = 1 GROUP BY device_id HAVING count(*) > 1""",
    ),
    (
        "more than one active lease",
        """SELECT 'job ' || job_id FROM leases NOT INDEXED
           WHERE active = 1 GROUP BY job_id HAVING count(*) > 1""",
    ),
    (
        "leased without an active lease of its epoch",
        """SELECT 'job ' || job_id FROM jobs j WHERE state = 'leased' AND NOT EXISTS
           (SELECT 1 FROM leases l
              WHERE l.job_id = j.job_id AND l.epoch = j.epoch AND l.active = 1)""",
    ),
    (
        "an active lease that its job does not have",
        """SELECT 'job ' || l.job_id || ' epoch ' || l.epoch FROM leases l
           JOIN jobs j ON j.job_id = l.job_id
           WHERE l.active = 1 AND (j.state <> 'leased' OR j.epoch <> l.epoch)""",
    ),
    (
        "a lease later than its job's epoch",
        """SELECT 'job ' || l.job_id || ' epoch ' || l.epoch FROM leases l
           JOIN jobs j ON j.job_id = l.job_id WHERE l.epoch > j.epoch""",
    ),
    (
        "a run of another device than its lease",
        """SELECT 'run ' || r.run_id FROM runs r
           JOIN leases l ON l.job_id = r.job_id AND l.epoch = r.epoch
           WHERE l.device_id <> r.device_id""",
    ),
    (
        "accepted without an accepted, measured run",
        """SELECT 'job ' || job_id || ' entry ' || entry_index FROM entries e
           WHERE state = 'accepted' AND NOT EXISTS
           (SELECT 1 FROM runs r WHERE r.job_id = e.job_id AND r.entry_index = e.entry_index
              AND r.disposition = 'accepted' AND r.status = 'measured')""",
    ),
    (
        "an accepted run of an entry that is not settled",
        """SELECT 'run ' || r.run_id FROM runs r JOIN entries e
             ON e.job_id = r.job_id AND e.entry_index = r.entry_index
           WHERE r.disposition = 'accepted' AND e.state IN ('building', 'ready')""",
    ),
    (
        "ended with entries that are not settled",
        """SELECT DISTINCT 'job ' || j.job_id FROM jobs j JOIN entries e ON e.job_id = j.job_id
           WHERE j.state IN ('finished', 'failed', 'cancelled')
             AND e.state IN ('building', 'ready')""",
    ),
    (
        "a repetition of a job that is not suspect",
        """SELECT 'job ' || j.job_id FROM jobs j JOIN jobs first ON first.job_id = j.repeats
           WHERE first.suspect IS NULL OR first.repeats IS NOT NULL""",
    ),
    (
        "suspect, and neither a repetition nor measured again",
        """SELECT 'job ' || j.job_id FROM jobs j WHERE j.suspect IS NOT NULL AND j.repeats IS NULL
             AND j.job_id NOT IN (SELECT job_id FROM certifications)
             AND NOT EXISTS (SELECT 1 FROM jobs again WHERE again.repeats = j.job_id)""",
    ),
    (
        "an A/A certificate of a job that has not finished",
        """SELECT 'job ' || c.job_id FROM aa_certificates c JOIN jobs j ON j.job_id = c.job_id
           WHERE j.state <> 'finished'""",
    ),
    (
        "metrics without an analysis",
        """SELECT DISTINCT 'run ' || r.run_id FROM runs r JOIN metrics m ON m.run_id = r.run_id
           WHERE r.analysis_version IS NULL""",
    ),
)
_NAMED = """SELECT sha256, size_bytes FROM raw
    UNION SELECT artifact_sha256, artifact_size_bytes FROM entries
      WHERE artifact_sha256 IS NOT NULL
    UNION SELECT artifact_sha256, artifact_size_bytes FROM builds
      WHERE artifact_sha256 IS NOT NULL"""


@dataclass(frozen=True, slots=True)
class StoreContents:
    """What a database holds.

    Attributes:
        blobs: every blob that was recorded.
        findings: what must not be, one sentence part each; empty when it is sound.
    """

    schema: int
    counts: dict[str, int]
    blobs: tuple[Digest, ...]
    findings: tuple[str, ...]


def examine(path: Path, *, complete: bool = True, handed: bool = False) -> StoreContents:
    """Read all of a database, also while a coordinator writes it.

    Args:
        path: the database.
        complete: ask every invariant, which needs the newest schema; else its pages only.
        handed: it was handed over by somebody: the file alone counts, whatever log lies beside it,
            and it may hold nothing but what Bitgauge makes.

    Raises:
        BitgaugeError: `STORE_MISSING`, `STORE_NEWER`, `STORE_IO`; `STORE_OLDER` when its schema
            is none that the invariants fit; `STORE_DAMAGED` when it cannot even be read.
    """
    opened = connect_alone if handed else connect_readonly
    with (
        contextlib.closing(opened(path)) as connection,
        translated(str(path), "checking the store"),
        transaction(connection, "BEGIN"),
    ):
        schema = version_of(connection, str(path))
        if handed:
            _require_ours(connection, schema, path)
        check(connection, path, "integrity_check(20)")
        if complete and schema < NEWEST:
            raise Refused(
                Code.STORE_OLDER,
                f"The pages of {path} are sound; its schema {schema} is older than {NEWEST},"
                " so no more was asked.",
            )
        findings = _findings(connection) if complete else []
        return StoreContents(schema, _counts(connection), _blobs(connection), tuple(findings))


def _require_ours(connection: sqlite3.Connection, schema: int, path: Path) -> None:
    """Refuse a database of ours with something of others in it, or more than is restored."""
    found = foreign(connection, schema)
    if found is not None:
        raise Internal(
            Code.STORE_DAMAGED,
            f"The database {path} holds {found}, which Bitgauge does not make; drop it there before"
            " it is restored.",
        )
    count = int(connection.execute("SELECT count(*) FROM blobs").fetchone()[0])
    if count > MAX_BLOBS:
        raise Internal(
            Code.STORE_DAMAGED,
            f"The database {path} names {count} blobs; {MAX_BLOBS} are restored at most.",
        )


def _blobs(connection: sqlite3.Connection) -> tuple[Digest, ...]:
    """Every blob that was recorded."""
    rows = connection.execute("SELECT sha256, size_bytes FROM blobs ORDER BY 1, 2")
    return tuple(Digest(str(sha256), int(size_bytes)) for sha256, size_bytes in rows)


def _counts(connection: sqlite3.Connection) -> dict[str, int]:
    """Rows by table, whatever tables the schema has."""
    tables = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY 1"
    ).fetchall()
    return {
        table: int(connection.execute(f"SELECT count(*) FROM {quoted(table)}").fetchone()[0])  # noqa: S608
        for (table,) in tables
    }


def _findings(connection: sqlite3.Connection) -> list[str]:
    found = []
    for table, row, parent, _ in connection.execute("PRAGMA foreign_key_check").fetchmany(
        MOST_FINDINGS
    ):
        found.append(f"{table} row {row}: refers to a row of {parent} that is not there")
    for what, sql in _INVARIANTS:
        rows = connection.execute(sql).fetchmany(MOST_FINDINGS)
        found += [f"{row[0]}: {what}" for row in rows]
    found += _wrong_ids(connection) + unread(connection) + _unrecorded(connection)
    # The table follows from the rest: what is wrong there is said first.
    return found or list(disagreements(connection)[:MOST_FINDINGS])


def _wrong_ids(connection: sqlite3.Connection) -> list[str]:
    rows = connection.execute("SELECT run_id, job_id, epoch, entry_index FROM runs").fetchall()
    wrong = [row[0] for row in rows if row[0] != run_id(row[1], row[2], row[3])]
    return [f"run {run}: not the id of its job, epoch and entry" for run in wrong[:MOST_FINDINGS]]


def _unrecorded(connection: sqlite3.Connection) -> list[str]:
    """Blobs that jobs, runs and builds name, and that were never recorded as complete."""
    recorded = set(_blobs(connection))
    named = {
        Digest(str(row[0]), int(row[1])): "a run, an entry or a build"
        for row in connection.execute(_NAMED)
    }
    found = []
    for job in fetch(connection, "SELECT job_id, spec FROM jobs"):
        with contextlib.suppress(*UNREADABLE):  # `unread` names it
            named |= dict.fromkeys(named_digests(job_spec(job)), f"job {job['job_id']}")
    listed = "SELECT sha256, size_bytes, file_sha256, file_size_bytes FROM manifest_files"
    for row in connection.execute(listed).fetchall():
        if (manifest := Digest(str(row[0]), int(row[1]))) in named:
            named.setdefault(Digest(str(row[2]), int(row[3])), f"manifest {manifest}")
    lost = sorted(set(named) - recorded, key=lambda digest: digest.sha256)
    found += [f"blob {digest}: named by {named[digest]}, never recorded" for digest in lost]
    return found[:MOST_FINDINGS]
