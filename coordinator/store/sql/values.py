"""Rows of the database to the values that people and services see; no writes, no decisions."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

import msgspec
from bitgauge.benchmarks.vocabulary.enums import (
    Disposition,
    EntryState,
    FailureGroup,
    JobState,
    Profile,
    RunStatus,
    Scenario,
)
from bitgauge.benchmarks.vocabulary.errors import Code, NotFound
from bitgauge.benchmarks.vocabulary.recipes import is_calibrated
from bitgauge.benchmarks.vocabulary.values.devices import DeviceDescription, StackItem
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import (
    Claim,
    EntryView,
    JobSpec,
    JobView,
    Workload,
)
from bitgauge.benchmarks.vocabulary.values.runs import (
    Failure,
    MetricValue,
    Progress,
    RawRef,
    RunView,
)

from .database import decode, digest, fetch, text, value
from .unreadable import UNREADABLE, note, readable, why, word

ALIASES = """(SELECT json_group_array(alias) FROM (SELECT alias FROM device_aliases a
    WHERE a.device_id = d.device_id ORDER BY alias)) AS aliases"""
"""A column of a question to devices: the other names of each."""


def device_description(connection: sqlite3.Connection, device_id: str) -> DeviceDescription:
    """A device as its agent described it last. `UNKNOWN_DEVICE` when it never did."""
    sql = f"SELECT description, name, {ALIASES} FROM devices d WHERE device_id = ?"  # noqa: S608
    found = fetch(connection, sql, (device_id,))
    if not found:
        raise NotFound(Code.UNKNOWN_DEVICE, f"The device {device_id} has not registered.")
    return known_as(found[0])


def described(row: sqlite3.Row) -> DeviceDescription:
    """What a device said of itself, from its row."""
    return msgspec.json.decode(row["description"], type=DeviceDescription)


def known_as(row: sqlite3.Row) -> DeviceDescription:
    """The same under its registered name and with its aliases, which the row holds too."""
    aliases = msgspec.json.decode(row["aliases"], type=tuple[str, ...])
    return replace(described(row), name=row["name"], aliases=aliases)


def stack_of_run(row: sqlite3.Row) -> tuple[StackItem, ...]:
    """The stack under which a run was measured, from its row."""
    return msgspec.json.decode(row["stack"], type=tuple[StackItem, ...])


def job_row(connection: sqlite3.Connection, job_id: str) -> sqlite3.Row:
    """The row of one job. `UNKNOWN_JOB` when there is none."""
    rows = fetch(connection, "SELECT * FROM jobs WHERE job_id = ?", (job_id,))
    if not rows:
        raise NotFound(Code.UNKNOWN_JOB, f"There is no job {job_id}.")
    return rows[0]


def job_spec(row: sqlite3.Row) -> JobSpec:
    """What was submitted, from the row of a job."""
    return msgspec.json.decode(row["spec"], type=JobSpec)


def entry_views(connection: sqlite3.Connection, job_id: str) -> tuple[EntryView, ...]:
    """The entries of a job in order."""
    rows = fetch(
        connection,
        """SELECT e.*,
             (SELECT run_id FROM runs r WHERE r.job_id = e.job_id
                AND r.entry_index = e.entry_index AND r.disposition = 'accepted') AS run_id,
             (SELECT count(*) FROM runs r WHERE r.job_id = e.job_id
                AND r.entry_index = e.entry_index) AS attempts
           FROM entries e WHERE e.job_id = ? ORDER BY e.entry_index""",
        (job_id,),
    )
    return tuple(value(EntryView, row, index=row["entry_index"]) for row in rows)


def job_view(connection: sqlite3.Connection, row: sqlite3.Row) -> JobView:
    """One job from its row; of one that cannot be read, what its plain columns say."""
    try:
        return _job_view(connection, row)
    except UNREADABLE as error:
        return _unreadable_job(row, error)


def _unreadable_job(row: sqlite3.Row, error: Exception) -> JobView:
    note("job", row["job_id"], error)
    return JobView(
        job_id=row["job_id"],
        state=word(JobState, row["state"], JobState.FAILED),
        model_name=row["model_name"],
        workload=Workload(
            word(Scenario, row["scenario"], Scenario.SINGLE_STREAM),
            *(row["batch"], row["threads"], row["prompt_tokens"], row["generated_tokens"]),
        ),
        profile=word(Profile, row["profile"], Profile.STANDARD),
        entries=(),
        submitted_unix_ns=row["submitted_unix_ns"],
        epoch=row["epoch"],
        reason=row["reason"] or why(error),
    )


def _job_view(connection: sqlite3.Connection, row: sqlite3.Row) -> JobView:
    spec = job_spec(row)
    entries = entry_views(connection, row["job_id"])
    claims = _claims(connection, row["job_id"])
    state = JobState(row["state"])
    exact_by = _follower(connection, row, "exact_of") if state is JobState.FINISHED else None
    return value(
        JobView,
        row,
        workload=spec.workload,
        entries=_with_calibration(connection, spec, entries),
        device_name=claims[-1].device_name if claims else None,
        progress=_progress(row) if state is JobState.LEASED else None,
        waiting_for=_waiting_for(row, state, entries),
        claims=claims,
        repeated_by=_follower(connection, row, "repeats") if row["suspect"] is not None else None,
        exact_by=exact_by,
        exact_options=_exact_options(connection, spec, row["exact_of"], exact_by),
        original=spec.original,
        sources=spec.sources,
        order=spec.order,
    )


def _progress(row: sqlite3.Row) -> Progress | None:
    """What was heard last; nothing where that cannot be read, because the next comes soon."""
    try:
        return decode(row["progress"], Progress)
    except UNREADABLE:
        return None


def _exact_options(
    connection: sqlite3.Connection, spec: JobSpec, exact_of: str | None, exact_by: str | None
) -> tuple[StackItem, ...]:
    """The session options in which a job and its exact twin differ."""
    other = exact_of or exact_by
    if other is None:
        return ()
    twin = job_spec(job_row(connection, other)).overrides.session_options
    own = spec.overrides.session_options
    return tuple(one for one in (*own, *twin) if (one in own) != (one in twin))


def _with_calibration(
    connection: sqlite3.Connection, spec: JobSpec, entries: tuple[EntryView, ...]
) -> tuple[EntryView, ...]:
    """The entries, each calibrated one with the set that was used, as far as it is known here.

    What this job had built was built with its own set; of an uploaded file it is known when an
    earlier build made the very same bytes.
    """
    return tuple(
        replace(entry, calibration=_calibration(connection, spec, entry))
        if is_calibrated(entry.recipe)
        else entry
        for entry in entries
    )


def _calibration(connection: sqlite3.Connection, spec: JobSpec, entry: EntryView) -> Digest | None:
    if spec.entries[entry.index].artifact is None:
        return spec.calibration
    if entry.artifact is None:
        return None
    rows = fetch(
        connection,
        """SELECT calibration_sha256, calibration_size_bytes FROM builds
           WHERE model_sha256 = ? AND model_size_bytes = ? AND recipe = ? AND artifact_sha256 = ?
             AND calibration_sha256 <> '' ORDER BY made_unix_ns DESC LIMIT 1""",
        (
            spec.baseline.sha256,
            spec.baseline.size_bytes,
            entry.recipe,
            entry.artifact.sha256,
        ),
    )
    if not rows:
        return None
    return digest(rows[0]["calibration_sha256"], rows[0]["calibration_size_bytes"])


def _follower(connection: sqlite3.Connection, row: sqlite3.Row, column: str) -> str | None:
    """The job that names this one in `column`, of which there is one at most."""
    sql = f"SELECT job_id FROM jobs WHERE {column} = ?"  # noqa: S608 (a name of ours)
    return text(connection, sql, (row["job_id"],))


def _claims(connection: sqlite3.Connection, job_id: str) -> tuple[Claim, ...]:
    """The leases of a job, oldest first."""
    rows = fetch(
        connection,
        """SELECT l.*, d.name AS device_name FROM leases l
           JOIN devices d ON d.device_id = l.device_id WHERE l.job_id = ? ORDER BY l.epoch""",
        (job_id,),
    )
    return readable(rows, lambda row: value(Claim, row), "claim", "epoch")


def _waiting_for(row: sqlite3.Row, state: JobState, entries: tuple[EntryView, ...]) -> str | None:
    """What a job that is not being measured waits for, in a few words."""
    if state is JobState.BUILDING:
        left = sum(entry.state is EntryState.BUILDING for entry in entries)
        return f"{left} artifact{'s' if left != 1 else ''} to be built"
    if state is JobState.QUEUED:
        return "a device"
    if state is JobState.LEASED and row["cancel_reason"] is not None:
        return "the agent to stop"
    return "analysis" if state is JobState.ANALYSING else None


def raw_refs(connection: sqlite3.Connection, run_id: str) -> tuple[RawRef, ...]:
    """The raw files of a run in the order of its report."""
    rows = fetch(connection, "SELECT * FROM raw WHERE run_id = ? ORDER BY position", (run_id,))
    return tuple(
        value(RawRef, row, digest=Digest(row["sha256"], row["size_bytes"])) for row in rows
    )


def metric_values(
    connection: sqlite3.Connection, run_id: str, only: str | None = None
) -> tuple[MetricValue, ...]:
    """The published metrics of a run in the order of its analysis; `only` names one of them."""
    sql = "SELECT * FROM metrics WHERE run_id = ?1 AND (?2 IS NULL OR key = ?2) ORDER BY position"
    rows = fetch(connection, sql, (run_id, only))
    return readable(rows, lambda row: value(MetricValue, row), f"of run {run_id} the metric", "key")


GIVEN = "(e.name <> '' AND e.artifact_sha256 <> j.baseline_sha256)"
"""Whether an entry is of a file that its owner gave, as `JobSpec.given`."""

OWN = f"""iif({GIVEN}, e.name, '') AS label,
       iif({GIVEN}, e.artifact_sha256, NULL) AS artifact_sha256,
       iif({GIVEN}, e.artifact_size_bytes, NULL) AS artifact_size_bytes"""
"""Which file that is, in the columns of a row or a run."""

RUNS = f"""SELECT r.*, d.name AS device_name, e.recipe AS recipe, {OWN},
        COALESCE((SELECT b.notes FROM builds b WHERE b.artifact_sha256 = e.artifact_sha256
                    AND b.artifact_size_bytes = e.artifact_size_bytes AND b.recipe = e.recipe
                  ORDER BY b.made_unix_ns DESC LIMIT 1), '[]') AS built
    FROM runs r
    JOIN devices d ON d.device_id = r.device_id
    JOIN jobs j ON j.job_id = r.job_id
    JOIN entries e ON e.job_id = r.job_id AND e.entry_index = r.entry_index """  # noqa: S608 (a text of ours)


def run_view(connection: sqlite3.Connection, row: sqlite3.Row) -> RunView:
    """One run from its row of `RUNS`; of one that cannot be read, what its plain columns say."""
    try:
        return _run_view(connection, row)
    except UNREADABLE as error:
        return _unreadable_run(row, error)


def _unreadable_run(row: sqlite3.Row, error: Exception) -> RunView:
    note("run", row["run_id"], error)
    return RunView(
        run_id=row["run_id"],
        job_id=row["job_id"],
        epoch=row["epoch"],
        entry_index=row["entry_index"],
        disposition=word(Disposition, row["disposition"], Disposition.STALE),
        status=word(RunStatus, row["status"], RunStatus.FAILED),
        device_id=row["device_id"],
        device_name=row["device_name"],
        recipe=row["recipe"],
        sandbox=row["sandbox"],
        started_unix_ns=row["started_unix_ns"],
        ended_unix_ns=row["ended_unix_ns"],
        failure=Failure(
            FailureGroup.HARNESS, "unreadable", why(error), "Run `bitgauge check` on the lab."
        ),
    )


def _run_view(connection: sqlite3.Connection, row: sqlite3.Row) -> RunView:
    return value(
        RunView,
        row,
        raw=raw_refs(connection, row["run_id"]),
        metrics=metric_values(connection, row["run_id"]),
        failure=decode(row["failure"] or row["analysis_failure"], Failure),
    )
