"""Campaigns: each function is part of one transaction of the caller."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import msgspec
from bitgauge.benchmarks.table.rows import row_key
from bitgauge.benchmarks.vocabulary.enums import CampaignState
from bitgauge.benchmarks.vocabulary.errors import Code, NotFound, Refused
from bitgauge.benchmarks.vocabulary.values.campaigns import (
    CampaignJob,
    CampaignView,
    CellChange,
    RefreshOrder,
    RefreshPlan,
)
from bitgauge.benchmarks.vocabulary.values.devices import StackItem
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import JobSpec, JobView
from bitgauge.benchmarks.vocabulary.values.rows import TableQuery, TableRow

from ...decisions import campaigns
from ...decisions.asker import COORDINATOR
from ...decisions.campaigns import (
    REFUSED,
    WAITING,
    CampaignEvent,
    CampaignStep,
    devices_of,
    jobs_of,
)
from ...decisions.submission import named_digests
from ..audit.entries import record
from ..sql import table
from ..sql.database import columns, encode, fetch, reading, texts, value, writing
from ..sql.unreadable import UNREADABLE, note, readable, sound, why, word
from ..sql.values import job_row, job_spec, job_view, stack_of_run
from ..values import NewCampaign
from .names import changes_as_called, plan_as_called

if TYPE_CHECKING:
    from sqlite_utils import Database


_SPEC = sound("c.spec")
_OF_CAMPAIGN = (
    *("campaign_id", "idempotency_key", "name", "plan"),
    *("rows_before", "submitted_by", "schedule"),
)


# -- campaigns ----------------------------------------------------------------------------
@writing("recording a campaign")
def begin(db: Database, campaign: NewCampaign, now_ns: int) -> tuple[str, bool]:
    """Record a campaign; one idempotency key of a user is one campaign. Its files are pinned.

    Returns:
        The id of the campaign, and whether this call made it. A known key with another order
        raises `IDEMPOTENCY_CONFLICT`.
    """
    known = with_key(db.conn, campaign.submitted_by, campaign.idempotency_key)
    if known is not None:
        if known[1] != campaign.order:
            raise Refused(
                Code.IDEMPOTENCY_CONFLICT,
                f"The idempotency key {campaign.idempotency_key!r} belongs to campaign"
                f" {known[0]}, which was asked for something else.",
            )
        return known[0], False
    db.table("campaigns").insert(
        {
            **columns(campaign, *_OF_CAMPAIGN),
            "state": CampaignState.PLANNED.value,
            "created_unix_ns": now_ns,
            "asked": encode(campaign.order),
        }
    )
    db.table("campaign_jobs").insert_all(
        {
            "campaign_id": campaign.campaign_id,
            "n": n,
            **columns(job, "device_id", "device_name", "seconds", "spec"),
        }
        for n, job in enumerate(campaign.plan.jobs)
    )
    named = (digest for job in campaign.plan.jobs for digest in named_digests(job.spec))
    pin(db, f"campaign:{campaign.campaign_id}", named)
    who = campaign.submitted_by or COORDINATOR
    by = f", by schedule {campaign.schedule}" if campaign.schedule else ""
    detail = f"{campaign.name}, {len(campaign.plan.jobs)} jobs{by}"
    record(db, who, "campaign.start", campaign.campaign_id, detail, now_ns=now_ns)
    return campaign.campaign_id, True


@reading("reading a campaign")
def with_key(
    connection: sqlite3.Connection, user: str, key: str
) -> tuple[str, RefreshOrder] | None:
    """The campaign that this user's idempotency key made, and what it was asked."""
    found = fetch(
        connection,
        "SELECT campaign_id, asked FROM campaigns WHERE submitted_by = ? AND idempotency_key = ?",
        (user, key),
    )
    if not found:
        return None
    return found[0]["campaign_id"], msgspec.json.decode(found[0]["asked"], type=RefreshOrder)


@reading("reading a campaign")
def view(connection: sqlite3.Connection, campaign_id: str) -> CampaignView:
    """One campaign, by its id or by the beginning of one. `UNKNOWN_CAMPAIGN`."""
    return _view(connection, _row(connection, campaign_id), whole=True)


@reading("reading campaigns")
def views(connection: sqlite3.Connection, limit: int = 50) -> tuple[CampaignView, ...]:
    """Campaigns, newest first, without their diffs."""
    found = fetch(connection, "SELECT * FROM campaigns ORDER BY position DESC LIMIT ?", (limit,))
    return tuple(_view(connection, row, whole=False) for row in found)


def _view(connection: sqlite3.Connection, row: sqlite3.Row, *, whole: bool) -> CampaignView:
    """One campaign; of one that cannot be read, what its plain columns say."""
    try:
        return _read(connection, row, whole=whole)
    except UNREADABLE as error:
        note("campaign", row["campaign_id"], error)
        return CampaignView(
            campaign_id=row["campaign_id"],
            name=row["name"],
            state=word(CampaignState, row["state"], CampaignState.FAILED),
            created_unix_ns=row["created_unix_ns"],
            ended_unix_ns=row["ended_unix_ns"],
            reason=row["reason"] or why(error),
            submitted_by=row["submitted_by"],
            schedule=row["schedule"],
        )


def _read(connection: sqlite3.Connection, row: sqlite3.Row, *, whole: bool) -> CampaignView:
    known = steps(connection, row["campaign_id"]) if whole else ()
    return value(
        CampaignView,
        row,
        jobs=jobs_of(known) if whole else _brief(connection, row["campaign_id"]),
        devices=devices_of(known),
        diff=changes_as_called(connection, row["campaign_id"], row["diff"]) if whole else (),
    )


def _brief(connection: sqlite3.Connection, campaign_id: str) -> tuple[CampaignJob, ...]:
    """The jobs of a campaign without what followed from them, by one question."""
    found = fetch(
        connection,
        f"""SELECT c.n, d.name AS device_name, c.job_id, c.refused, j.state, j.reason,
             coalesce(json_extract({_SPEC}, '$.model_name'), '') AS model_name,
             coalesce(json_extract({_SPEC}, '$.workload'), '{{}}') AS workload,
             coalesce(json_array_length({_SPEC}, '$.entries'), 0) AS entries,
             (SELECT count(*) FROM entries e WHERE e.job_id = c.job_id
              AND e.state NOT IN ('building', 'ready')) AS entries_done
           FROM campaign_jobs c LEFT JOIN jobs j ON j.job_id = c.job_id
           JOIN devices d ON d.device_id = c.device_id
           WHERE c.campaign_id = ? ORDER BY c.n""",  # noqa: S608 (a text of ours)
        (campaign_id,),
    )

    def read(row: sqlite3.Row) -> CampaignJob:
        state = REFUSED if row["refused"] else row["state"] or WAITING
        return value(CampaignJob, row, state=state, reason=row["refused"] or row["reason"])

    return readable(found, read, f"of campaign {campaign_id} the job", "n")


@reading("reading a campaign")
def plan(connection: sqlite3.Connection, campaign_id: str) -> RefreshPlan:
    """What a campaign set out to measure. `UNKNOWN_CAMPAIGN`."""
    found = msgspec.json.decode(_row(connection, campaign_id)["plan"], type=RefreshPlan)
    return plan_as_called(connection, found)


@reading("reading campaigns")
def live(connection: sqlite3.Connection) -> tuple[str, ...]:
    """Ids of the campaigns that have not ended, oldest first."""
    return texts(
        connection,
        "SELECT campaign_id FROM campaigns WHERE state IN ('planned', 'running', 'paused')"
        " ORDER BY position",
    )


@reading("reading campaigns")
def live_of(connection: sqlite3.Connection, user: str) -> int:
    """How many campaigns of this user have not ended."""
    found = fetch(
        connection,
        """SELECT count(*) AS n FROM campaigns
           WHERE state IN ('planned', 'running', 'paused') AND submitted_by = ?""",
        (user,),
    )
    return int(found[0]["n"])


@reading("reading a campaign")
def steps(connection: sqlite3.Connection, campaign_id: str) -> tuple[CampaignStep, ...]:
    """The jobs of a campaign with what followed from each, in order."""
    found = fetch(
        connection,
        """SELECT c.*, d.name AS called FROM campaign_jobs c
           JOIN devices d ON d.device_id = c.device_id WHERE campaign_id = ? ORDER BY n""",
        (campaign_id,),
    )

    def read(row: sqlite3.Row) -> CampaignStep:
        views = _family(connection, row["job_id"]) if row["job_id"] else ()
        return value(CampaignStep, row, views=views, device_name=row["called"])

    return readable(found, read, f"of campaign {campaign_id} the job", "n")


def _family(connection: sqlite3.Connection, job_id: str) -> tuple[JobView, ...]:
    """A job, and those that measure again or in exact mode what was measured in it."""
    found, open_ids = [], [job_id]
    for one in open_ids:
        job = job_view(connection, job_row(connection, one))
        found.append(job)
        open_ids.extend(
            next_id
            for next_id in (job.repeated_by, job.exact_by)
            if next_id is not None and next_id not in open_ids
        )
    return tuple(found)


@reading("reading the table")
def stale(connection: sqlite3.Connection) -> tuple[tuple[TableRow, JobSpec], ...]:
    """The rows of which an input is another one now, each with what was submitted for it."""
    specs: dict[str, JobSpec] = {}
    found = []
    for row, job_id in table.stale(connection):
        if job_id not in specs:
            asked = readable([job_row(connection, job_id)], job_spec, "job", "job_id")
            if not asked:
                continue
            specs[job_id] = asked[0]
        found.append((row, specs[job_id]))
    return tuple(found)


@writing("recording a campaign")
def submitted(db: Database, campaign_id: str, n: int, job_id: str) -> None:
    """Note the job that a step became."""
    db.execute(
        "UPDATE campaign_jobs SET job_id = ? WHERE campaign_id = ? AND n = ?",
        (job_id, campaign_id, n),
    )


@writing("recording a campaign")
def refused(db: Database, campaign_id: str, n: int, reason: str) -> None:
    """Note that a step can not be submitted."""
    db.execute(
        "UPDATE campaign_jobs SET refused = ? WHERE campaign_id = ? AND n = ?",
        (reason, campaign_id, n),
    )


@reading("reading a campaign")
def rows(
    connection: sqlite3.Connection, campaign_id: str
) -> tuple[tuple[TableRow, ...], tuple[TableRow, ...]]:
    """The table as it was at the start, and what the jobs of the campaign know now."""
    stored = _row(connection, campaign_id)
    before = msgspec.json.decode(stored["rows_before"], type=tuple[TableRow, ...])
    after: dict[tuple[object, ...], TableRow] = {}
    for step in steps(connection, campaign_id):
        for job in step.views:  # a repetition comes after what it repeats, and so counts
            for row in table.rows(connection, TableQuery(job_id=job.job_id)):
                after[row_key(row)] = row
    return before, tuple(after.values())


@reading("reading runs")
def stacks(
    connection: sqlite3.Connection, run_ids: Iterable[str]
) -> Mapping[str, tuple[StackItem, ...]]:
    """By run, what was written down of its stack."""
    found = {}
    for run_id in run_ids:
        rows = fetch(connection, "SELECT run_id, stack FROM runs WHERE run_id = ?", (run_id,))
        for stack in readable(rows, stack_of_run, "run", "run_id"):
            found[run_id] = stack
    return found


@writing("recording a campaign")
def move(
    db: Database,
    campaign_id: str,
    event: CampaignEvent,
    now_ns: int,
    *,
    reason: str | None = None,
    diff: tuple[CellChange, ...] = (),
    who: str | None = None,
) -> None:
    """Let an event happen to a campaign; one that ends lets go of its files.

    What somebody asked for is in the audit: `who`, when it was not its own driver.
    """
    row = _row(db.conn, campaign_id)
    story = f"Campaign {campaign_id}"
    state = campaigns.TRANSITIONS.advance(CampaignState(row["state"]), event, story)
    ended = state in campaigns.ENDED
    db.execute(
        "UPDATE campaigns SET state = ?, ended_unix_ns = ?, reason = ?, diff = ?"
        " WHERE campaign_id = ?",
        (state.value, now_ns if ended else None, reason, encode(diff), row["campaign_id"]),
    )
    if ended:
        unpin(db, f"campaign:{row['campaign_id']}")
    if who is not None:
        detail = f"{row['name']} of {row['submitted_by']}"
        what = f"campaign.{event.value}"
        record(db, who, what, row["campaign_id"], detail, now_ns=now_ns)


@reading("reading campaigns")
def orphaned(connection: sqlite3.Connection) -> tuple[str, ...]:
    """Ids of jobs that have not ended though their campaign was cancelled."""
    return texts(
        connection,
        """SELECT j.job_id FROM jobs j
           WHERE j.state IN ('building', 'queued', 'leased') AND j.cancel_reason IS NULL
             AND j.idempotency_key LIKE 'campaign:%'
             AND EXISTS (SELECT 1 FROM campaigns c WHERE c.state = 'cancelled'
                         AND c.submitted_by = j.submitted_by
                         AND c.campaign_id = substr(j.idempotency_key, 10, 36))
           ORDER BY j.position""",
    )


def _row(connection: sqlite3.Connection, campaign_id: str) -> sqlite3.Row:
    found = fetch(
        connection,
        "SELECT * FROM campaigns WHERE substr(campaign_id, 1, ?) = ?",
        (len(campaign_id), campaign_id),
    )
    if len(found) != 1 or not campaign_id:
        many = "No campaign is" if not found else f"{len(found)} campaigns are"
        raise NotFound(Code.UNKNOWN_CAMPAIGN, f"{many} named {campaign_id!r}.")
    return found[0]


# -- files --------------------------------------------------------------------------------
def pin(db: Database, owner: str, digests: Iterable[Digest]) -> None:
    """Keep blobs from being collected until their owner lets go of them."""
    db.table("pinned_blobs").insert_all(
        {"owner": owner, "sha256": digest.sha256, "size_bytes": digest.size_bytes}
        for digest in sorted(set(digests))
    )


def unpin(db: Database, owner: str) -> None:
    """Let go of everything that an owner pinned."""
    db.execute("DELETE FROM pinned_blobs WHERE owner = ?", (owner,))
