"""Which blobs are here, and which of them nothing needs; each function is part of a transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import TYPE_CHECKING

from bitgauge.benchmarks.vocabulary.values.digests import Digest

from ...decisions.submission import REFERENCE_RECIPE
from ..sql.database import fetch, reading, value, writing
from ..sql.unreadable import sound
from ..values import SpareBlob

if TYPE_CHECKING:
    from sqlite_utils import Database

USE_COUNTS_NS = 60_000_000_000
"""A use is written down when the last one is older than this, so that asking is mostly reading."""

# What a live job names or may yet build, what a campaign or a schedule will name, and what the
# numbers of a result can be computed from again. A built artifact of a job that has ended is not
# among it: it can be built again, from the baseline and the calibration set, which are.
_SPEC = sound("spec")
_KEPT = f"""
WITH
  live AS (SELECT job_id FROM jobs
    WHERE :live AND state IN ('building', 'queued', 'leased', 'analysing')),
  measured AS (SELECT DISTINCT job_id FROM runs WHERE disposition = 'accepted'),
  inputs (job_id, sha256, size_bytes) AS (
    SELECT job_id, baseline_sha256, baseline_size_bytes FROM jobs
    UNION ALL SELECT job_id, json_extract({_SPEC}, '$.evaluation.sha256'),
      json_extract({_SPEC}, '$.evaluation.size_bytes') FROM jobs
    UNION ALL SELECT job_id, json_extract({_SPEC}, '$.calibration.sha256'),
      json_extract({_SPEC}, '$.calibration.size_bytes') FROM jobs
    UNION ALL SELECT job_id, json_extract(one.value, '$.artifact.sha256'),
      json_extract(one.value, '$.artifact.size_bytes')
      FROM jobs, json_each({_SPEC}, '$.sources') one),
  made (sha256, size_bytes) AS (
    SELECT artifact_sha256, artifact_size_bytes FROM builds WHERE artifact_sha256 IS NOT NULL),
  kept_by_name (sha256, size_bytes) AS (
    SELECT sha256, size_bytes FROM inputs
      WHERE job_id IN (SELECT * FROM live) OR job_id IN (SELECT * FROM measured)
    UNION SELECT artifact_sha256, artifact_size_bytes FROM entries
      WHERE job_id IN (SELECT * FROM live) OR (job_id IN (SELECT * FROM measured)
        AND (artifact_sha256, artifact_size_bytes) NOT IN (SELECT * FROM made))
    UNION SELECT artifact_sha256, artifact_size_bytes FROM entries WHERE :live AND EXISTS (
      SELECT 1 FROM aliases a JOIN runs r USING (run_id)
      WHERE r.job_id = entries.job_id AND r.entry_index = entries.entry_index)
    UNION SELECT sha256, size_bytes FROM pinned_blobs WHERE :live
    UNION SELECT raw.sha256, raw.size_bytes FROM raw JOIN runs USING (run_id)
      WHERE runs.disposition = 'accepted' OR runs.job_id IN (SELECT * FROM live)
    UNION SELECT b.artifact_sha256, b.artifact_size_bytes FROM builds b
      JOIN inputs i ON i.sha256 = b.model_sha256
      WHERE i.job_id IN (SELECT * FROM live)
        OR (b.recipe = :reference AND i.job_id IN (SELECT * FROM measured))),
  kept (sha256, size_bytes) AS (
    SELECT sha256, size_bytes FROM kept_by_name
    UNION SELECT f.file_sha256, f.file_size_bytes FROM manifest_files f
      JOIN kept_by_name USING (sha256, size_bytes))
"""  # noqa: S608 (a text of ours)

_SPARE = f"""{_KEPT}
SELECT sha256, size_bytes, used_unix_ns,
  EXISTS (SELECT 1 FROM made WHERE made.sha256 = blobs.sha256) OR EXISTS (
    SELECT 1 FROM made JOIN manifest_files f USING (sha256, size_bytes)
      WHERE f.file_sha256 = blobs.sha256 AND f.file_size_bytes = blobs.size_bytes) AS rebuildable
FROM blobs
WHERE used_unix_ns < :since AND NOT EXISTS (
  SELECT 1 FROM kept WHERE kept.sha256 = blobs.sha256 AND kept.size_bytes = blobs.size_bytes)
ORDER BY used_unix_ns, sha256
"""  # noqa: S608 (a text of ours)

_HELD = f"""{_KEPT}
SELECT coalesce(sum(size_bytes), 0) AS total FROM blobs
WHERE brought_by = :owner AND NOT EXISTS (
  SELECT 1 FROM kept WHERE kept.sha256 = blobs.sha256 AND kept.size_bytes = blobs.size_bytes)
"""  # noqa: S608 (a text of ours)


@writing("recording a blob")
def record(
    db: Database,
    digest: Digest,
    now_ns: int,
    files: Sequence[Digest] = (),
    owner: str | None = None,
) -> None:
    """Note a blob that is complete and durable on disk; of a manifest, the files it lists, too.

    It stands on the account of the `owner` who brought it first.
    """
    db.execute(
        """INSERT INTO blobs (sha256, size_bytes, recorded_unix_ns, used_unix_ns, brought_by)
           VALUES (?1, ?2, ?3, ?3, ?4)
           ON CONFLICT DO UPDATE SET used_unix_ns = max(used_unix_ns, ?3)""",
        (digest.sha256, digest.size_bytes, now_ns, owner),
    )
    for position, file in enumerate(files):
        db.execute(
            "INSERT OR IGNORE INTO manifest_files VALUES (?, ?, ?, ?, ?)",
            (digest.sha256, digest.size_bytes, position, file.sha256, file.size_bytes),
        )


@reading("reading blobs")
def missing(connection: sqlite3.Connection, digests: Sequence[Digest]) -> tuple[Digest, ...]:
    """Those of `digests` that are not recorded, or list a file that is not."""
    return tuple(
        digest
        for digest in digests
        if any(_used(connection, part) is None for part in (digest, *_files(connection, digest)))
    )


@reading("reading blobs")
def artifact_bytes(connection: sqlite3.Connection, digest: Digest) -> int:
    """What an artifact takes on a device: of a manifest, the size of all files that it lists."""
    files = _files(connection, digest)
    return sum(file.size_bytes for file in files) if files else digest.size_bytes


def _files(connection: sqlite3.Connection, digest: Digest) -> tuple[Digest, ...]:
    """The files that a manifest lists; none of any other blob."""
    rows = fetch(
        connection,
        "SELECT file_sha256, file_size_bytes FROM manifest_files"
        " WHERE sha256 = ? AND size_bytes = ? ORDER BY position",
        (digest.sha256, digest.size_bytes),
    )
    return tuple(Digest(row["file_sha256"], row["file_size_bytes"]) for row in rows)


def used_long_ago(
    connection: sqlite3.Connection, digests: Sequence[Digest], now_ns: int
) -> tuple[Digest, ...]:
    """Those of `digests`, and of the files they list, whose last use should be noted again."""
    named = [part for one in digests for part in (one, *_files(connection, one))]
    return tuple(
        digest
        for digest in dict.fromkeys(named)
        if (used := _used(connection, digest)) is not None and used < now_ns - USE_COUNTS_NS
    )


def _used(connection: sqlite3.Connection, digest: Digest) -> int | None:
    rows = fetch(
        connection,
        "SELECT used_unix_ns FROM blobs WHERE sha256 = ? AND size_bytes = ?",
        (digest.sha256, digest.size_bytes),
    )
    return int(rows[0]["used_unix_ns"]) if rows else None


def use(db: Database, digests: Sequence[Digest], now_ns: int) -> None:
    """Write down that blobs were used."""
    for digest in digests:
        db.execute(
            "UPDATE blobs SET used_unix_ns = max(used_unix_ns, ?)"
            " WHERE sha256 = ? AND size_bytes = ?",
            (now_ns, digest.sha256, digest.size_bytes),
        )


@reading("reading blobs")
def recorded(connection: sqlite3.Connection) -> tuple[tuple[Digest, int], ...]:
    """Every recorded blob and when it was last used."""
    rows = fetch(connection, "SELECT sha256, size_bytes, used_unix_ns FROM blobs")
    return tuple((Digest(row["sha256"], row["size_bytes"]), row["used_unix_ns"]) for row in rows)


@reading("reading blobs")
def total_bytes(connection: sqlite3.Connection) -> int:
    """Size of all recorded blobs together."""
    rows = fetch(connection, "SELECT coalesce(sum(size_bytes), 0) AS total FROM blobs")
    return int(rows[0]["total"])


@reading("reading blobs")
def held_bytes(connection: sqlite3.Connection, owner: str) -> int:
    """Size of what somebody brought and no result refers to, whatever job names it."""
    asked = {"reference": REFERENCE_RECIPE, "owner": owner, "live": False}
    return int(fetch(connection, _HELD, asked)[0]["total"])


@reading("reading blobs")
def spare(connection: sqlite3.Connection, unused_since_ns: int) -> tuple[SpareBlob, ...]:
    """Blobs that may go, unused since then, least recently used first.

    Never among them: what a job that has not ended names, or may yet build; raw data,
    baseline, evaluation set and reference of an accepted run; and a measured artifact or a
    calibration set that somebody uploaded.
    """
    asked = {"reference": REFERENCE_RECIPE, "since": unused_since_ns, "live": True}
    return tuple(
        value(SpareBlob, row, digest=Digest(row["sha256"], row["size_bytes"]))
        for row in fetch(connection, _SPARE, asked)
    )


@writing("forgetting blobs")
def forget(db: Database, digests: Sequence[Digest]) -> None:
    """Strike blobs off the record, and the builds that gave them, so that they are built again."""
    for digest in digests:
        name = (digest.sha256, digest.size_bytes)
        db.execute(
            """DELETE FROM builds WHERE (artifact_sha256, artifact_size_bytes) IN (
                 SELECT sha256, size_bytes FROM manifest_files
                 WHERE file_sha256 = ? AND file_size_bytes = ?)""",
            name,
        )
        db.execute("DELETE FROM manifest_files WHERE sha256 = ? AND size_bytes = ?", name)
        db.execute("DELETE FROM blobs WHERE sha256 = ? AND size_bytes = ?", name)
        db.execute("DELETE FROM builds WHERE artifact_sha256 = ? AND artifact_size_bytes = ?", name)
