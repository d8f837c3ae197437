"""Artifacts that were measured, and where each comes from. Each function is one transaction."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

import msgspec
from bitgauge.benchmarks.vocabulary.errors import Code, NotFound
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.gates import VerdictQuery
from bitgauge.benchmarks.vocabulary.values.registry import Lineage, Registered, RegistryQuery

from ...decisions.submission import ORDER_RECIPE
from ..jobs.jobs import origin_of
from ..sql.database import fetch, reading
from ..sql.values import job_row, job_spec
from .aliases import meant, moves
from .verdicts import MAX_VERDICTS, verdicts

MAX_ARTIFACTS = 500
"""That one question answers."""
LISTED = 50
"""Where nobody says how many."""

# Of the rows of a group SQLite gives the columns of the one that has the maximum.
_ARTIFACTS = """
SELECT j.model_name, e.recipe, e.name, e.artifact_kind, e.runtime, e.artifact_sha256,
       e.artifact_size_bytes, j.baseline_sha256, j.baseline_size_bytes, r.run_id, r.job_id,
       d.name AS device_name, r.ended_unix_ns, max(r.position) AS newest
FROM runs r
JOIN entries e ON e.job_id = r.job_id AND e.entry_index = r.entry_index
JOIN jobs j ON j.job_id = r.job_id
JOIN devices d ON d.device_id = r.device_id
WHERE r.disposition = 'accepted' AND r.status = 'measured' AND e.entry_index > 0
  AND r.job_id NOT IN (SELECT job_id FROM health_checks)
  AND r.job_id NOT IN (SELECT job_id FROM certifications)
"""
_GROUPED = """ GROUP BY j.model_name, e.recipe, e.artifact_sha256, e.runtime
    ORDER BY newest DESC LIMIT ?"""


@reading("searching the registry")
def search(connection: sqlite3.Connection, query: RegistryQuery) -> tuple[Registered, ...]:
    """The artifacts that match, the one that was measured last first."""
    clauses = """ AND (?1 = '' OR instr(lower(j.model_name), lower(?1)) OR instr(e.recipe, ?1)
          OR instr(lower(e.name), lower(?1))
          OR (length(?1) >= 8 AND (substr(e.artifact_sha256, 1, length(?1)) = ?1
            OR substr(j.baseline_sha256, 1, length(?1)) = ?1
            OR j.baseline_sha256 IN (SELECT artifact_sha256 FROM builds
              WHERE substr(model_sha256, 1, length(?1)) = ?1 AND recipe GLOB ?4))))
        AND (?2 IS NULL OR j.model_name = ?2) AND (?3 IS NULL OR e.recipe = ?3)"""
    most = min(query.limit or LISTED, MAX_ARTIFACTS)
    found = fetch(
        connection,
        _ARTIFACTS + clauses + _GROUPED.replace("?", "?5"),
        (query.text, query.model_name, query.recipe, f"{ORDER_RECIPE}*", most),
    )
    return tuple(_registered(connection, row) for row in found)


@reading("reading a lineage")
def lineage(connection: sqlite3.Connection, word: str) -> Lineage:
    """Where the artifact of a run comes from; a run may be named by `MODEL@ALIAS`.

    `UNKNOWN_RUN`, `UNKNOWN_ALIAS`.
    """
    run_id = meant(connection, word)
    found = fetch(connection, f"{_ARTIFACTS} AND r.run_id = ?{_GROUPED}", (run_id, 1))
    if not found:
        raise NotFound(Code.UNKNOWN_RUN, f"Run {run_id} measured no artifact, but a baseline.")
    row = found[0]
    own = _registered(connection, row)
    job = job_row(connection, row["job_id"])
    spec = job_spec(job)
    built = fetch(
        connection,
        """SELECT * FROM builds WHERE artifact_sha256 = ? AND recipe = ?
           ORDER BY made_unix_ns DESC LIMIT 1""",
        (row["artifact_sha256"], row["recipe"]),
    )
    origin = origin_of(connection, own.baseline)
    known = Lineage(
        own,
        original=origin[0] if origin else None,
        order=origin[1].notes if origin else (),
        job_id=row["job_id"],
        submitted_by=job["submitted_by"],
        verdicts=verdicts(connection, VerdictQuery(run_id=run_id, limit=MAX_VERDICTS)),
        moves=tuple(one for one in moves(connection, own.model_name) if one.run_id == run_id),
    )
    if not built:
        return known
    one = built[0]
    source = Digest(one["model_sha256"], one["model_size_bytes"])
    calibrated = bool(one["calibration_sha256"])
    return replace(
        known,
        toolchain=one["toolchain"],
        source=None if source == own.baseline else source,
        calibration=spec.calibration if calibrated else None,
        notes=msgspec.json.decode(one["notes"], type=tuple[str, ...]),
    )


def _registered(connection: sqlite3.Connection, row: sqlite3.Row) -> Registered:
    digest = row["artifact_sha256"]
    said = fetch(
        connection,
        """SELECT v.outcome, v.use_case FROM verdicts v JOIN runs r ON r.run_id = v.run_id
           JOIN entries e ON e.job_id = r.job_id AND e.entry_index = r.entry_index
           WHERE e.artifact_sha256 = ? AND v.model_name = ? ORDER BY v.position DESC LIMIT 1""",
        (digest, row["model_name"]),
    )
    aliases = [
        one.alias
        for one in moves(connection, row["model_name"], now=True)
        if _digest_of_run(connection, one.run_id) == digest
    ]
    return Registered(
        model_name=row["model_name"],
        recipe=row["recipe"],
        name=row["name"],
        kind=row["artifact_kind"],
        runtime=row["runtime"],
        artifact=Digest(digest, row["artifact_size_bytes"]) if digest else None,
        baseline=Digest(row["baseline_sha256"], row["baseline_size_bytes"]),
        run_id=row["run_id"],
        device_name=row["device_name"],
        measured_unix_ns=row["ended_unix_ns"],
        outcome=said[0]["outcome"] if said else "",
        use_case=said[0]["use_case"] if said else "",
        aliases=tuple(sorted(aliases)),
    )


def _digest_of_run(connection: sqlite3.Connection, run_id: str) -> str | None:
    found = fetch(
        connection,
        """SELECT e.artifact_sha256 FROM runs r JOIN entries e
           ON e.job_id = r.job_id AND e.entry_index = r.entry_index WHERE r.run_id = ?""",
        (run_id,),
    )
    return found[0]["artifact_sha256"] if found else None
