"""A job and its entries as new rows. Part of the caller's transaction."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bitgauge.benchmarks.vocabulary.enums import EntryState, JobState, ModelClass
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code
from bitgauge.benchmarks.vocabulary.values.jobs import Entry, JobSpec

from ...decisions.again import QueueJob
from ..sql.database import columns

if TYPE_CHECKING:
    from sqlite_utils import Database


def insert_job(
    db: Database, asked: QueueJob, model_class: ModelClass, now_ns: int, submitted_by: str
) -> None:
    """Record a job that is to be measured; `submitted_by` names a token."""
    spec = asked.spec
    entries = _checked(spec)
    building = any(entry.artifact is None for entry in entries)
    state = JobState.BUILDING if building else JobState.QUEUED
    db.table("jobs").insert(
        {
            **columns(asked),
            "idempotency_key": spec.idempotency_key or None,
            "state": state.value,
            **columns(spec, "model_name", "baseline", "profile", "priority"),
            **columns(spec.workload),
            "model_class": model_class.value,
            "runtime": spec.runtime_of(entries[0]),
            "submitted_unix_ns": now_ns,
            "submitted_by": submitted_by,
        }
    )
    db.table("entries").insert_all(
        _entry_columns(asked.job_id, index, entry, spec.runtime_of(entry))
        for index, entry in enumerate(entries)
    )


def _checked(spec: JobSpec) -> tuple[Entry, ...]:
    """The entries, of which the first is the baseline itself."""
    if not spec.entries:
        raise BadInput(Code.BAD_ARGUMENT, "A job needs at least one entry, its baseline.")
    first = spec.entries[0]
    if first.artifact not in (None, spec.baseline):
        raise BadInput(Code.BAD_ARGUMENT, "Entry 0 of a job must be its baseline.")
    return (replace(first, artifact=spec.baseline), *spec.entries[1:])


def _entry_columns(job_id: str, index: int, entry: Entry, runtime: str) -> dict[str, object]:
    state = EntryState.BUILDING if entry.artifact is None else EntryState.READY
    return {
        "job_id": job_id,
        "entry_index": index,
        **columns(entry, "name", "recipe", "artifact_kind", "artifact"),
        "runtime": runtime,
        "family": entry.format_family.value,
        "state": state.value,
    }
