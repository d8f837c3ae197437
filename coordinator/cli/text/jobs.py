"""Devices, jobs, runs, choices and reanalyses as text. Pure: values in, lines out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bitgauge.benchmarks.vocabulary import shown as text
from bitgauge.benchmarks.vocabulary.enums import EntryState
from bitgauge.benchmarks.vocabulary.recipes import CUSTOM
from bitgauge.benchmarks.vocabulary.values.jobs import EntryView, JobView, ModelSource

from .devices import ago
from .layout import columns, wrapped
from .trust import exact_words, suspect_words

if TYPE_CHECKING:
    from ...client.upload import Uploaded


def jobs_text(jobs: Sequence[JobView]) -> str:
    """One line per job."""
    if not jobs:
        return "There are no jobs."
    head = ("job", "state", "model", "batch", "entries", "device", "submitted")
    return "\n".join(columns([_job_cells(job) for job in jobs], head))


def _job_cells(job: JobView) -> tuple[str, ...]:
    return (
        job.job_id,
        f"{job.state.value}, suspect" if job.suspect else job.state.value,
        job.model_name,
        str(job.workload.batch),
        f"{settled(job)}/{len(job.entries)}",
        job.device_name or text.DASH,
        ago(job.submitted_unix_ns),
    )


def job_text(job: JobView) -> str:
    """One job with its entries."""
    lines = [
        f"job {job.job_id}: {job.model_name} at {text.call_words(job.workload)}, {job.state.value}"
        + (f" on {job.device_name}" if job.device_name else "")
    ]
    lines.extend(
        line
        for why in (
            job.reason,
            job.waiting_for,
            order_words(job),
            *map(source_words, job.sources),
            suspect_words(job),
            exact_words(job),
        )
        if why
        for line in wrapped(why, "  ")
    )
    several = len({entry.runtime for entry in job.entries}) > 1
    cells = [
        (
            entry_name(entry, job) + (f" in {entry.runtime}" if several else ""),
            entry_words(entry, job),
        )
        for entry in job.entries
    ]
    return "\n".join([*lines, *columns(cells, indent="  ")] if cells else lines)


def order_words(job: JobView) -> str | None:
    """What was done to a baseline that was not in order; None for one that was."""
    if job.original is None:
        return None
    if job.entries[0].artifact == job.original:
        return f"the baseline is not in order and is measured as it is: {'; '.join(job.order)}"
    return f"the baseline {job.original.short} was put in order: {'; '.join(job.order)}"


def source_words(source: ModelSource) -> str:
    """A further FP32 form of the model, and how it was found to be one."""
    name = f"{source.name} " if source.name else ""
    return f"source {name}{source.artifact.short} ({source.kind}): {source.agreement}"


def entry_name(entry: EntryView, job: JobView) -> str:
    """What an entry of a job is called: its recipe, and which file where that does not say it."""
    alike = {one.artifact for one in job.entries if one.recipe == entry.recipe}
    if not entry.recipe or (len(alike) == 1 and entry.recipe != CUSTOM):
        return entry.recipe or entry.name
    own = entry.artifact if entry.artifact != job.entries[0].artifact and entry.name else None
    return f"{entry.recipe} {entry.name} {own.short}" if own else entry.recipe


def entry_words(entry: EntryView, job: JobView) -> str:
    """What became of an entry, with the reason; one that several have is said once."""
    words = "measured" if entry.state is EntryState.ACCEPTED else entry.state.value
    if not entry.reason:
        return words
    first = next((one for one in job.entries if one.reason == entry.reason), entry)
    return f"{words}: {entry.reason}" if first == entry else f"{words} as {entry_name(first, job)}"


def settled(job: JobView) -> int:
    """How many entries of a job are decided."""
    open_states = (EntryState.BUILDING, EntryState.READY)
    return sum(entry.state not in open_states for entry in job.entries)


def claims_text(job: JobView) -> str:
    """Every lease of a job in one line each, also those that brought no run."""
    rows = []
    for claim in job.claims:
        took = text.DASH
        if claim.ended_unix_ns is not None:
            took = f"{(claim.ended_unix_ns - claim.claimed_unix_ns) / 1e9:.1f} s"
        rows.append(
            (
                f"epoch {claim.epoch}",
                claim.device_name,
                ago(claim.claimed_unix_ns),
                took,
                claim.ended_by or "held now",
            )
        )
    heads = ("claim", "device", "began", "took", "ended by")
    return "\n".join(columns(rows, heads))


def uploaded_words(uploaded: Uploaded) -> str:
    """What was sent, in one line; 0 bytes when nothing had changed."""
    return (
        f"sent {uploaded.sent_bytes} bytes in {uploaded.sent_files} of {uploaded.files} files;"
        f" the coordinator had the rest"
    )
