"""Devices, jobs, runs, choices and reanalyses as text. Pure: values in, lines out."""

from __future__ import annotations

import re
import textwrap
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from bitgauge.benchmarks import format_text as text
from bitgauge.benchmarks.meters import best_meter, why_no_meter
from bitgauge.benchmarks.model import (
    DeviceView,
    EntryView,
    JobView,
    MeterDescription,
    MetricValue,
    RunView,
)
from bitgauge.benchmarks.reasons import REASONS
from bitgauge.benchmarks.vocabulary import EntryState

from .render_kernels import kernel_line, kernels_text
from .render_table import WIDTH, columns, device_line
from .render_trust import certificate_lines, exact_words, suspect_words

if TYPE_CHECKING:
    from .client import Reanalysis

_COLOURS = {
    "FASTER": 32,
    "PASS": 32,
    "SLOWER": 31,
    "FAIL": 31,
    "UNDECIDED": 33,
    "unsupported": 33,
    "failed": 31,
}
_LONGEST_DETAIL = 160
_WORDS = re.compile(rf"\b(?:{'|'.join(_COLOURS)})\b")


def coloured(plain: str) -> str:
    """The text with verdicts and states in colour, for a terminal."""
    return _WORDS.sub(lambda word: f"\x1b[{_COLOURS[word[0]]}m{word[0]}\x1b[0m", plain)


def devices_text(devices: Sequence[DeviceView], *, kernels: bool = False) -> str:
    """One line per device and what it is made of.

    Args:
        devices: in the order of the text.
        kernels: show the whole probe map of each; else one line says what it amounts to.
    """
    if not devices:
        return "No device has registered yet; start `bitgauge-agent run` on one."
    lines = []
    for view in devices:
        description = view.description
        doing = f"job {view.job_id}" if view.job_id else f"seen {_ago(view.last_seen_unix_ns)}"
        state = "retired" if view.retired else view.state
        lines.append(
            f"{description.name}  {state}  {view.health.value}  {description.hardware_class.value}"
            f"  {description.realness.value}  {doing}"
        )
        lines.extend(_wrapped(device_line(view), "  "))
        tags = ", ".join(f"{tag.name}={tag.value}" for tag in description.tags)
        if tags:
            lines.append(f"  tags: {tags}")
        lines.extend(_wrapped(_meter_words(description.meters), "  "))
        lines.extend(line for words in _care_words(view) for line in _wrapped(words, "  "))
        if kernels:
            lines.extend(f"  {line}".rstrip() for line in kernels_text(view).splitlines())
        else:
            for runtime in description.runtimes:
                lines.extend(_wrapped(kernel_line(runtime), "  "))
    return "\n".join(lines)


def _meter_words(meters: Sequence[MeterDescription]) -> str:
    """What measures the energy of runs, or why nothing does."""
    meter = best_meter(meters)
    if meter is None:
        reason = why_no_meter(meters)
        return f"energy: null, {REASONS[reason]} ({reason})"
    sure = meter.uncertainty_relative
    words = f"energy: {meter.name}, {meter.kind}, {meter.scope}"
    return words if sure is None else f"{words}, ±{sure:.0%}"


def _care_words(view: DeviceView) -> list[str]:
    """Why a device gets no job, what people should know of it, and its newest health check."""
    words = []
    if view.cordoned is not None:
        words.append(view.cordoned if view.retired else f"cordoned: {view.cordoned}")
    if view.note is not None:
        words.append(view.note)
    if view.checked_unix_ns is not None:
        words.append(f"checked {_ago(view.checked_unix_ns)}, job {view.check_job_id}")
    return [*words, *certificate_lines(view, time.time_ns())]


def jobs_text(jobs: Sequence[JobView]) -> str:
    """One line per job."""
    if not jobs:
        return "There are no jobs."
    head = ("job", "state", "model", "batch", "entries", "device", "submitted")
    return columns([head, *(_job_cells(job) for job in jobs)])


def _job_cells(job: JobView) -> tuple[str, ...]:
    return (
        job.job_id,
        f"{job.state.value}, suspect" if job.suspect else job.state.value,
        job.model_name,
        str(job.workload.batch),
        f"{settled(job)}/{len(job.entries)}",
        job.device_name or text.DASH,
        _ago(job.submitted_unix_ns),
    )


def job_text(job: JobView) -> str:
    """One job with its entries."""
    lines = [
        f"job {job.job_id}: {job.model_name} at batch {job.workload.batch}, {job.state.value}"
        + (f" on {job.device_name}" if job.device_name else "")
    ]
    lines.extend(
        line
        for why in (job.reason, job.waiting_for, suspect_words(job), exact_words(job))
        if why
        for line in _wrapped(why, "  ")
    )
    cells = [(f"  {entry.recipe or entry.name}", entry_words(entry)) for entry in job.entries]
    return "\n".join([*lines, columns(cells)] if cells else lines)


def entry_words(entry: EntryView) -> str:
    """What became of an entry, with the reason."""
    words = "measured" if entry.state is EntryState.ACCEPTED else entry.state.value
    return f"{words}: {entry.reason}" if entry.reason else words


def settled(job: JobView) -> int:
    """How many entries of a job are decided."""
    open_states = (EntryState.BUILDING, EntryState.READY)
    return sum(entry.state not in open_states for entry in job.entries)


def claims_text(job: JobView) -> str:
    """Every lease of a job in one line each, also those that brought no run."""
    rows = [("claim", "device", "began", "took", "ended by")]
    for claim in job.claims:
        took = text.DASH
        if claim.ended_unix_ns is not None:
            took = f"{(claim.ended_unix_ns - claim.claimed_unix_ns) / 1e9:.1f} s"
        rows.append(
            (
                f"epoch {claim.epoch}",
                claim.device_name,
                _ago(claim.claimed_unix_ns),
                took,
                claim.ended_by or "held now",
            )
        )
    return columns(rows)


def run_line(run: RunView) -> str:
    """One run in one line."""
    failure = f": {run.failure.message}" if run.failure else ""
    return (
        f"{run.run_id}  {run.recipe}  epoch {run.epoch}  {run.status.value}"
        f"  {run.disposition.value}  {run.device_name}{failure}"
    )


def run_text(run: RunView) -> str:
    """One run with its metrics, failure, stack and raw files."""
    seconds = (run.ended_unix_ns - run.started_unix_ns) / 1e9
    lines = [
        f"run {run.run_id}: {run.recipe} on {run.device_name}, {run.status.value},"
        f" {run.disposition.value}, {seconds:.1f} s",
        f"  entry {run.entry_index} of job {run.job_id}, epoch {run.epoch},"
        f" sandbox {run.sandbox or text.DASH}",
    ]
    if run.failure is not None:
        lines.append(f"  {run.failure.group.value} {run.failure.code}: {run.failure.message}")
        lines.append(f"  {run.failure.advice}")
        lines.extend(f"  | {line}" for line in run.failure.log_tail.splitlines())
    if run.metrics:
        lines.append(columns([(f"  {m.key}", metric_text(m)) for m in run.metrics]))
    elif run.analysis_version is None and run.failure is None:
        lines.append("  not analysed yet")
    if run.stack:
        lines.append("stack:")
        lines.append(columns([(f"  {item.name}", item.value) for item in run.stack]))
    if run.raw:
        lines.append("raw files:")
        lines.extend(
            f"  {ref.pass_name.value} launch {ref.launch} {ref.role.value}"
            f"  sha256 {ref.digest.sha256}  {text.size(ref.digest.size_bytes)}"
            for ref in run.raw
        )
    return "\n".join(lines)


def metric_text(metric: MetricValue) -> str:
    """A metric with everything that qualifies it; of a curve its beginning (`--json` has it)."""
    parts = [text.full(metric)]
    if metric.n is not None:
        parts.append(f"n={metric.n}")
    if metric.difference:
        parts.append(f"difference {metric.difference}")
    parts.extend(metric.flags)
    parts.extend(
        f"{item.name}={textwrap.shorten(item.value, _LONGEST_DETAIL, placeholder=' ...')}"
        for item in metric.detail
    )
    return "  ".join(parts)


def reanalysis_text(run_id: str, result: Reanalysis) -> str:
    """Published and recomputed numbers side by side, digit for digit."""
    recomputed = {metric.key: metric for metric in result.recomputed}
    rows = [("metric", "published", "recomputed", "")]
    for metric in result.published:
        other = recomputed.pop(metric.key, None)
        same = "same" if other == metric else "DIFFERENT"
        rows.append((metric.key, _digits(metric), _digits(other), same))
    rows.extend((key, text.DASH, _digits(one), "DIFFERENT") for key, one in recomputed.items())
    verdict = (
        f"Run {run_id}: the recomputed numbers have the same digits."
        if result.identical
        else f"Run {run_id}: the recomputed numbers differ from the published ones."
    )
    return f"{columns(rows)}\n{verdict}"


def _digits(metric: MetricValue | None) -> str:
    """Every digit of a value, since the question is whether all are the same."""
    if metric is None or metric.value is None:
        return text.DASH
    return repr(metric.value)


def _ago(unix_ns: int) -> str:
    seconds = max(0.0, time.time() - unix_ns / 1e9)
    for limit, divisor, unit in ((90, 1, "s"), (5400, 60, "min"), (129_600, 3600, "h")):
        if seconds < limit:
            return f"{seconds / divisor:.0f} {unit} ago"
    return f"{seconds / 86_400:.0f} days ago"


def _wrapped(sentence: str, indent: str = "") -> list[str]:
    return textwrap.wrap(
        sentence,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=indent,
        break_on_hyphens=False,
        break_long_words=False,
    )
