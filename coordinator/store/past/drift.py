"""The latencies of a format family on a device, over all of its rows; see `signals.levels`."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
from bitgauge.benchmarks.table.rows import SettledRow, chosen
from bitgauge.benchmarks.vocabulary.enums import Scenario
from bitgauge.benchmarks.vocabulary.values.jobs import Workload
from bitgauge.benchmarks.vocabulary.values.rows import TableRow

from ..sql.database import digest, fetch
from ..sql.table import key_text
from ..sql.unreadable import sound
from ..sql.values import OWN
from .history import annotations_of

if TYPE_CHECKING:
    from bitgauge.benchmarks.history.regressions import Timed

HORIZON_NS = 180 * 86_400 * 1_000_000_000
"""How far back the drift of a family is looked up."""

_SPEC = sound("j.spec")
_ROWS = f"""SELECT e.job_id, e.recipe, e.settled_unix_ns, m.value, m.definition, j.model_name,
       j.baseline_sha256, j.baseline_size_bytes, j.scenario, j.batch, j.threads,
       j.prompt_tokens, j.generated_tokens, {OWN}
FROM runs r
JOIN metrics m ON m.run_id = r.run_id AND m.key = :metric AND m.value > 0
JOIN entries e ON e.job_id = r.job_id AND e.entry_index = r.entry_index
JOIN jobs j ON j.job_id = r.job_id
JOIN leases l ON l.job_id = r.job_id AND l.epoch = r.epoch
WHERE r.device_id = :device AND r.disposition = 'accepted' AND e.state = 'accepted'
  AND l.simulated = 0 AND e.family = :family AND e.runtime = :runtime AND j.profile = :profile
  AND j.runtime = :reference AND j.suspect IS NULL
  AND coalesce(json_array_length({_SPEC}, '$.passes'), 0) = 0
  AND json_extract({_SPEC}, '$.overrides') IS
      (SELECT json_extract(spec, '$.overrides') FROM jobs WHERE job_id = :job)
  AND coalesce(json_extract({_SPEC}, '$.output'), '') = :output
  AND j.job_id NOT IN (SELECT job_id FROM health_checks)
  AND j.job_id NOT IN (SELECT job_id FROM certifications)
  AND e.settled_unix_ns >= :since AND (e.settled_unix_ns <= :until OR j.job_id = :job)
ORDER BY e.settled_unix_ns, e.job_id, e.entry_index"""  # noqa: S608 (a text of ours)


def job_of(own: SettledRow) -> str:
    """The job of a settled entry."""
    return own.key.rpartition("/")[0]


def family_key(row: TableRow) -> str:
    """What the drift of a family is about, as one word."""
    parts: tuple[object, ...] = (
        *(row.device_id, row.runtime, row.family, row.profile, row.overrides),
        *chosen(row.output, row.reference),
    )
    return "family/" + hashlib.sha256(msgspec.json.encode(parts)).hexdigest()


def timed_of_family(
    connection: sqlite3.Connection, own: SettledRow, metric: str
) -> tuple[Timed, ...]:
    """One latency of every usable run of the family up to this one's job, oldest first.

    A row counts from its last accepted change on.
    """
    from bitgauge.benchmarks.history.regressions import Timed  # numpy: only who judges waits

    since: dict[str, int] = {}
    found = []
    for key, row in _rows(connection, own, metric):
        if key not in since:
            accepted = annotations_of(connection, key)
            since[key] = max((one.from_unix_ns for one in accepted), default=0)
        if row["settled_unix_ns"] >= since[key]:
            found.append(Timed(key, row["job_id"], row["value"], row["definition"]))
    return tuple(found)


def keys_of_family(connection: sqlite3.Connection, own: SettledRow, metric: str) -> tuple[str, ...]:
    """The row keys that the drift of a family is about."""
    return tuple(sorted({key for key, _ in _rows(connection, own, metric)}))


def _rows(
    connection: sqlite3.Connection, own: SettledRow, metric: str
) -> Iterator[tuple[str, sqlite3.Row]]:
    """Each run with the key of its row, which is made once per row: it costs more than the rest."""
    keys: dict[tuple[object, ...], str] = {}
    asked = {
        "metric": metric,
        "device": own.row.device_id,
        "family": own.row.family.value,
        "runtime": own.row.runtime,
        "profile": own.row.profile.value,
        "job": job_of(own),
        "output": own.row.output,
        "reference": own.row.reference_runtime,
        "since": own.settled_unix_ns - HORIZON_NS,
        "until": own.settled_unix_ns,
    }
    for row in fetch(connection, _ROWS, asked):
        parts = (
            *(row["model_name"], row["baseline_sha256"], row["recipe"], row["artifact_sha256"]),
            *(row["scenario"], row["batch"], row["threads"]),
            *(row["prompt_tokens"], row["generated_tokens"]),
        )
        if parts not in keys:
            keys[parts] = key_text(_row_like(own.row, row))
        yield keys[parts], row


def _row_like(own: TableRow, row: sqlite3.Row) -> TableRow:
    """A row of the same device, runtimes, profile, overrides and output."""
    return replace(
        own,
        model_name=row["model_name"],
        baseline=digest(row["baseline_sha256"], row["baseline_size_bytes"]),
        recipe=row["recipe"],
        artifact=digest(row["artifact_sha256"], row["artifact_size_bytes"]),
        workload=Workload(
            Scenario(row["scenario"]),
            *(row["batch"], row["threads"], row["prompt_tokens"], row["generated_tokens"]),
        ),
    )
