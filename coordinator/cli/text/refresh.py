"""Plans, campaigns and their diffs for people: text and Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bitgauge.benchmarks.history.change import IMPROVED, REGRESSED
from bitgauge.benchmarks.refresh.diff import KINDS, SAME
from bitgauge.benchmarks.vocabulary.profiles import lasting
from bitgauge.benchmarks.vocabulary.shown import (
    change_words,
    changes_words,
    counted,
    moment,
    workload_words,
)
from bitgauge.benchmarks.vocabulary.values.campaigns import (
    CampaignDevice,
    CampaignView,
    CellChange,
    PlannedCell,
    RefreshPlan,
    ScheduleView,
)
from bitgauge.benchmarks.vocabulary.values.history import MetricChange

from .layout import columns

SHORT_ID = 8


def plan_text(plan: RefreshPlan) -> str:
    """What would be measured and why, most valuable first."""
    lines = [
        f"{job.device_name}: {job.spec.model_name}, {workload_words(job.spec.workload)},"
        f" {job.spec.runtime}, {lasting(job.seconds)}"
        + "".join(f"\n  {cell.recipe}: {why_words(cell)}" for cell in job.cells)
        for job in plan.jobs
    ]
    if plan.cut:
        lines.append(f"not within the budget of {lasting(plan.budget_s or 0)}:")
        lines += [
            f"  {cell.model_name} {cell.recipe}, {workload_words(cell.workload)} on"
            f" {cell.device_name}: {why_words(cell)}, {lasting(cell.seconds)}"
            for cell in plan.cut
        ]
    lines += [f"{one.device_name} is left out: it {one.reason}" for one in plan.skipped]
    return "\n".join([*lines, plan_words(plan)])


def plan_words(plan: RefreshPlan) -> str:
    """A plan in one line."""
    cells = sum(len(job.cells) for job in plan.jobs)
    cut = f", {len(plan.cut)} cut by the budget" if plan.cut else ""
    if not cells:
        return f"nothing to measure; {plan.fresh} fresh{cut}"
    return (
        f"{counted(cells, 'cell')} in {counted(len(plan.jobs), 'job')}, about"
        f" {lasting(plan.seconds)} of device time; {plan.fresh} fresh{cut}"
    )


def why_words(cell: PlannedCell) -> str:
    """Why a cell is planned, with what changed."""
    why = cell.why.replace("_", " ")
    return f"{why} ({changes_words(cell.changes)})" if cell.changes else why


# -- campaigns ----------------------------------------------------------------------------
def campaigns_text(views: Sequence[CampaignView]) -> str:
    """One line per campaign."""
    if not views:
        return "There is no campaign; `bitgauge refresh SUITE` starts one."
    return "\n".join(columns([_campaign_cells(view) for view in views]))


def _campaign_cells(view: CampaignView) -> tuple[str, ...]:
    submitted = sum(job.job_id is not None for job in view.jobs)
    return (
        view.campaign_id[:SHORT_ID],
        view.state.value,
        moment(view.created_unix_ns),
        f"{view.name}: {submitted} of {len(view.jobs)} jobs submitted"
        + (f", {view.reason}" if view.reason else ""),
    )


def campaign_text(view: CampaignView) -> str:
    """One campaign: how far it is, and once it has ended what changed."""
    lines = [
        f"campaign {view.campaign_id} {view.name}: {view.state.value}"
        + (f", {view.reason}" if view.reason else "")
    ]
    lines += [f"  {device_words(device)}" for device in view.devices]
    lines += [
        f"  job {job.job_id or job.n} {job.model_name} {workload_words(job.workload)} on"
        f" {job.device_name}: {job.state}: {job.reason}"
        for job in view.jobs
        if job.reason
    ]
    if view.ended_unix_ns is not None:
        lines.append(diff_text(view.diff))
    return "\n".join(lines)


def device_words(device: CampaignDevice) -> str:
    """How far a device is, in one line."""
    left = f", about {lasting(device.seconds_left)} left" if device.seconds_left else ""
    doing = f"; {device.doing}" if device.doing else ""
    return (
        f"{device.device_name}: {device.jobs_done} of {device.jobs} jobs,"
        f" {device.cells_done} of {device.cells} entries{left}{doing}"
    )


def schedules_text(schedules: Sequence[ScheduleView]) -> str:
    """One line per schedule; one that starts nothing says why."""
    if not schedules:
        return "There is no schedule; `bitgauge refresh SUITE --schedule CRON` makes one."
    lines = []
    for one in schedules:
        last = f", last {moment(one.last_unix_ns)}" if one.last_unix_ns else ""
        started = f" as campaign {one.last_campaign_id[:SHORT_ID]}" if one.last_campaign_id else ""
        following = f"next {moment(one.next_unix_ns)}" if one.problem is None else "starts nothing"
        lines.append(f"{one.name}: {one.cron} (UTC), {following}{last}{started}")
        if one.problem is not None:
            lines.append(f"  {one.problem}; set it anew or remove it")
    return "\n".join(lines)


# -- diffs --------------------------------------------------------------------------------
def counts(diff: Iterable[CellChange]) -> dict[str, int]:
    """How many cells of each kind there are, in the order of `KINDS`."""
    kinds = [change.kind for change in diff]
    return {kind: kinds.count(kind) for kind in KINDS if kind in kinds}


def diff_words(diff: Iterable[CellChange]) -> str:
    """A diff in one line."""
    found = counts(diff)
    if not found:
        return "nothing was measured"
    return ", ".join(f"{number} {kind}" for kind, number in found.items())


def diff_text(diff: Sequence[CellChange]) -> str:
    """What changed, worst first; what stayed the same is only counted."""
    lines = []
    for change in diff:
        if change.kind != SAME:
            lines.append(f"{change.kind:11} {cell_words(change)}")
            lines += [f"            {part}" for part in change_parts(change)]
    return "\n".join([*lines, diff_words(diff)])


def cell_words(change: CellChange) -> str:
    """Which cell a change is about."""
    return (
        f"{change.model_name} {change.recipe}, {workload_words(change.workload)} on"
        f" {change.device_name} ({change.runtime})"
    )


def change_parts(change: CellChange) -> list[str]:
    """What changed in a cell, one phrase each: reason, verdicts, numbers, stack."""
    parts = [change.reason] if change.reason else []
    parts += map(change_words, change.verdicts)
    parts += [metric_words(one) for one in change.metrics if one.verdict in (IMPROVED, REGRESSED)]
    if change.stack:
        parts.append(f"with {changes_words(change.stack)}")
    return parts


def metric_words(one: MetricChange) -> str:
    """`latency_ratio 0.71 -> 0.84, regressed (x 1.18, 1.12 to 1.25)`."""
    mark = "x " if one.scale == "ratio" else ""
    moved = "" if one.value is None else f" ({mark}{one.value:.3g}"
    if one.value is not None:
        bounds = one.low is not None and one.high is not None and one.low != one.high
        moved += f", {one.low:.3g} to {one.high:.3g})" if bounds else ")"
    return (
        f"{one.key} {_number(one.before.value)} -> {_number(one.after.value)}, {one.verdict}{moved}"
    )


def _number(value: float | None) -> str:
    return "null" if value is None else f"{value:.4g}"


def diff_markdown(view: CampaignView) -> str:
    """A campaign's diff as a Markdown table, for the summary of a CI job."""
    lines = [
        f"### Refresh {_cell(view.name)}: {view.state.value}",
        "",
        f"{diff_words(view.diff)}. Campaign `{view.campaign_id}`.",
        "",
        "| | model | recipe | workload | device | runtime | what changed |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for change in view.diff:
        cells = (
            change.kind,
            change.model_name,
            change.recipe,
            workload_words(change.workload),
            change.device_name,
            change.runtime,
            "; ".join(change_parts(change)),
        )
        lines.append(f"| {' | '.join(map(_cell, cells))} |")
    lines += [
        f"| refused | {_cell(job.model_name)} | | {workload_words(job.workload)} |"
        f" {_cell(job.device_name)} | | {_cell(job.reason or job.state)} |"
        for job in view.jobs
        if job.state == "refused"
    ]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return " ".join(text.replace("\\", "\\\\").replace("|", "\\|").split())
