"""Which blobs concern an agent: those that its leases name, and its own results."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection

import msgspec

from ..sql.database import fetch, reading, texts

# A lease that ran out is good as long as nobody has claimed the job since: its agent measures on.
_LEASES = """leases l JOIN jobs j ON j.job_id = l.job_id JOIN devices d ON d.device_id = l.device_id
    WHERE coalesce(d.agent_id, d.device_id) = ?1"""
_NAMED = f"""
WITH held (job_id) AS (
    SELECT l.job_id FROM {_LEASES} AND (l.active = 1
        OR (l.ended_by = 'expired' AND l.epoch = j.epoch AND j.state = 'queued'))),
  named (sha256) AS (
    SELECT baseline_sha256 FROM jobs WHERE job_id IN held
    UNION SELECT json_extract(spec, '$.evaluation.sha256') FROM jobs WHERE job_id IN held
    UNION SELECT artifact_sha256 FROM entries WHERE job_id IN held),
  whole (sha256) AS (
    SELECT sha256 FROM named
    UNION SELECT file_sha256 FROM manifest_files WHERE sha256 IN named
    UNION SELECT w.sha256 FROM json_each(?2) a JOIN raw w ON w.sha256 = a.value
      JOIN runs r ON r.run_id = w.run_id JOIN devices d ON d.device_id = r.device_id
      WHERE coalesce(d.agent_id, d.device_id) = ?1)
SELECT value FROM json_each(?2) WHERE value IN whole"""  # noqa: S608 (ours)

_OWES = f"""SELECT 1 FROM {_LEASES} AND EXISTS (
    SELECT 1 FROM entries e WHERE e.job_id = l.job_id AND NOT EXISTS (
      SELECT 1 FROM runs r WHERE r.job_id = l.job_id AND r.epoch = l.epoch
        AND r.entry_index = e.entry_index))
LIMIT 1"""  # noqa: S608 (ours)


@reading("reading what an agent may read")
def named_for(
    connection: sqlite3.Connection, agent_id: str, sha256: Collection[str]
) -> frozenset[str]:
    """Those of some digests that an agent's present leases name, or its own runs brought."""
    asked = msgspec.json.encode(list(sha256)).decode()
    return frozenset(texts(connection, _NAMED, (agent_id, asked)))


@reading("reading what an agent may send")
def owes(connection: sqlite3.Connection, agent_id: str) -> bool:
    """Whether an agent has, or had, a lease of which a run was not reported."""
    return bool(fetch(connection, _OWES, (agent_id,)))
