"""Runs as people read them."""

from __future__ import annotations

import textwrap

from bitgauge.benchmarks.vocabulary import shown as text
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue, Reanalysis, RunView

from .layout import columns, wrapped

_LONGEST_DETAIL = 160


def run_line(run: RunView) -> str:
    """One run in one line."""
    failure = f": {run.failure.message}" if run.failure else ""
    return (
        f"{run.run_id}  {run.full_name}  epoch {run.epoch}  {run.status.value}"
        f"  {run.disposition.value}  {run.device_name}{failure}"
    )


def run_text(run: RunView, order: str = "") -> str:
    """One run with its metrics, failure, stack and raw files, and what was done to its baseline."""
    seconds = (run.ended_unix_ns - run.started_unix_ns) / 1e9
    lines = [
        f"run {run.run_id}: {run.full_name} on {run.device_name}, {run.status.value},"
        f" {run.disposition.value}, {seconds:.1f} s",
        f"  entry {run.entry_index} of job {run.job_id}, epoch {run.epoch},"
        f" sandbox {run.sandbox or text.DASH}",
    ]
    if order:
        lines += wrapped(order, "  ")
    if run.failure is not None:
        lines.append(f"  {run.failure.group.value} {run.failure.code}: {run.failure.message}")
        lines.append(f"  {run.failure.advice}")
        lines.extend(f"  | {line}" for line in run.failure.log_tail.splitlines())
    if judged := text.judged_words(run.metrics):
        lines += wrapped(f"judged: {judged}", indent="  ")
    if run.metrics:
        lines += columns([(m.key, metric_text(m)) for m in run.metrics], indent="  ")
    elif run.analysis_version is None and run.failure is None:
        lines.append("  not analysed yet")
    if run.built:
        lines.append("as it was built:")
        lines.extend(f"  {words}" for words in run.built)
    if run.stack:
        lines.append("stack:")
        lines += columns([(item.name, item.value) for item in run.stack], indent="  ")
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
        if item.name not in text.JUDGED
    )
    return "  ".join(parts)


def reanalysis_text(run_id: str, result: Reanalysis) -> str:
    """Published and recomputed numbers side by side, digit for digit."""
    recomputed = {metric.key: metric for metric in result.recomputed}
    rows = []
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
    heads = ("metric", "published", "recomputed", "")
    return "\n".join([*columns(rows, heads), verdict])


def _digits(metric: MetricValue | None) -> str:
    """Every digit of a value, since the question is whether all are the same."""
    if metric is None or metric.value is None:
        return text.DASH
    return repr(metric.value)
