"""What saturates on a device is measured there in exact mode too (measurement.md D-8, X11).

Exactness costs time, so that the saturating row and the exact one answer two questions; a table
with one of them alone would hide the other. Part of the transaction in which a job ends.
"""

from __future__ import annotations

import sqlite3
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING

from bitgauge.benchmarks.model import JobSpec, Selector
from bitgauge.benchmarks.reasons import SATURATING
from bitgauge.benchmarks.session_options import ALLOWED, EXACT_MODE
from bitgauge.benchmarks.vocabulary import ModelClass

from .store_insert import insert_job
from .store_views import entry_views, fetch, job_spec

if TYPE_CHECKING:
    from sqlite_utils import Database


def exact_spec(spec: JobSpec, saturating: tuple[int, ...], device_id: str) -> JobSpec | None:
    """The job that measures saturating entries in exact mode; None when there is none to make.

    Args:
        spec: of the job in which they saturated, with the artifact of each of them.
        saturating: their indices.
        device_id: where they were measured.
    """
    given = spec.overrides.session_options
    wrong_runtime = spec.runtime != ALLOWED[EXACT_MODE.name].runtime
    chosen = tuple(spec.entries[index] for index in saturating if index)
    if wrong_runtime or not chosen or any(one.name == EXACT_MODE.name for one in given):
        return None
    options = tuple(sorted((*given, EXACT_MODE), key=lambda one: one.name))
    return replace(
        spec,
        entries=(spec.entries[0], *chosen),
        overrides=replace(spec.overrides, session_options=options),
        idempotency_key="",
        selector=Selector(device=device_id),
        wait_for_device=True,
    )


def queue_exact(db: Database, row: sqlite3.Row, now_ns: int) -> str | None:
    """Queue what saturated in a finished job once more, in exact mode; the id of that job.

    It runs on the device that measured the last of it, and holds what saturated there. Its id
    follows from the first job's, and a unique index keeps it from being there twice. Like a
    repetition it has no idempotency key: a user's could be the same.
    """
    found = fetch(
        db.conn,
        """SELECT r.entry_index, r.device_id FROM runs r
           JOIN metrics m ON m.run_id = r.run_id AND m.key = 'saturated_pct'
           WHERE r.job_id = ? AND r.disposition = 'accepted'
             AND EXISTS (SELECT 1 FROM json_each(m.flags) WHERE value = ?)
           ORDER BY r.position""",
        (row["job_id"], SATURATING),
    )
    if not found:
        return None
    device_id = str(found[-1]["device_id"])
    here = sorted(one["entry_index"] for one in found if one["device_id"] == device_id)
    artifacts = {one.index: one.artifact for one in entry_views(db.conn, row["job_id"])}
    asked = job_spec(row)
    # The very artifacts that saturated: a recipe might be built anew, by another toolchain.
    entries = [replace(one, artifact=artifacts[at]) for at, one in enumerate(asked.entries)]
    spec = exact_spec(replace(asked, entries=tuple(entries)), tuple(here), device_id)
    if spec is None:
        return None
    job_id = str(uuid.uuid5(uuid.NAMESPACE_URL, f"bitgauge:exact/{row['job_id']}"))
    insert_job(
        db,
        job_id,
        spec,
        ModelClass(row["model_class"]),
        now_ns=now_ns,
        submitted_by=row["submitted_by"],
        exact_of=row["job_id"],
    )
    return job_id
