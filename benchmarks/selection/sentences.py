"""The sentences of a selection: what was asked, what was found, what to type next."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ..stats.pareto import Standing
from ..vocabulary import shown as text
from ..vocabulary.enums import Objective
from ..vocabulary.values.cells import Part
from ..vocabulary.values.choices import SelectQuery
from ..vocabulary.values.rows import WITH, TableRow
from ..vocabulary.values.runs import MetricValue
from .assess import Assessed, Evidence
from .limits import LIMITS, chances

BETTER = {
    Objective.LATENCY: "faster than fp32",
    Objective.SIZE: "smaller than fp32",
    Objective.MEMORY: "lighter on memory than fp32",
    Objective.ENERGY: "thriftier than fp32",
    Objective.THROUGHPUT: "faster in throughput than fp32",
}

OBJECTIVE_WORDS = {
    Objective.LATENCY: "latency",
    Objective.SIZE: "size",
    Objective.MEMORY: "peak memory",
    Objective.ENERGY: "energy",
    Objective.THROUGHPUT: "throughput",
}


def question_words(query: SelectQuery) -> str:
    """What was asked about, such as `cnn on cpu_only at batch 1 with 1 thread`."""
    model = query.model_class.value
    if query.model_name:
        model = f"{query.model_name} ({model})"
    workload = query.workload
    return (
        f"{model} on {query.hardware_class.value} at batch {workload.batch}"
        f" with {counted(workload.threads, 'thread')}"
    )


def counted(count: int, thing: str) -> str:
    """A count with its noun in the right number."""
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def run_command(
    query: SelectQuery, recipes: Sequence[str], *, model: str | None = None, thorough: bool = False
) -> str:
    """The command that would measure `recipes` for the query's workload.

    File names in capitals are the reader's own.
    """
    name = model or query.model_name
    # What saturates is measured in exact mode without being asked for.
    recipes = list(dict.fromkeys(recipe.partition(WITH)[0] for recipe in recipes))
    parts = ["bitgauge run", "--baseline MODEL.onnx", "--eval EVALUATION.npz"]
    if any(recipe == "all" or "static" in recipe for recipe in recipes):
        parts.append("--calibration CALIBRATION.npz")
    parts.append(f"--recipes {','.join(recipes)}")
    if name:
        parts.append(f"--name {name}")
    parts.append(f"--model-class {query.model_class.value}")
    parts.append(f"--on class:{query.hardware_class.value}")
    parts.append(f"--batch {query.workload.batch}")
    if query.workload.threads != 1:
        parts.append(f"--threads {query.workload.threads}")
    if thorough:
        parts.append("--profile standard")
    return " ".join(parts)


def measured_workloads(query: SelectQuery, rows: Sequence[TableRow]) -> str:
    """The workloads that were measured for the same class and hardware."""
    found = {
        (row.workload.batch, row.workload.threads)
        for row in rows
        if row.model_class is query.model_class
        and row.hardware_class is query.hardware_class
        and query.model_name in (None, row.model_name)
        and row.realness.keeps_time
    }
    return ", ".join(
        f"batch {batch} with {counted(threads, 'thread')}" for batch, threads in sorted(found)
    )


def figures(one: Assessed) -> str:
    """Speed, size and accuracy of a recipe against fp32, at its worst unit."""
    said = [
        text.speed_words(one.worst("latency_ratio")),
        text.size_words(one.worst("size_ratio")),
        text.accuracy_words(one.worst("accuracy_delta_pp")),
    ]
    if "preliminary" in one.flags():
        said[0] += " (preliminary)"
    return ", ".join(said)


def scope(evidence: Evidence) -> str:
    """How much evidence an answer rests on."""
    models = len({model for model, _, _ in evidence.units})
    devices = len({device for _, device, _ in evidence.units})
    worst = "worst of " if models * devices > 1 else ""
    return f"{worst}{counted(models, 'model')} on {counted(devices, 'device')}"


def flag_warnings(*those: Assessed) -> tuple[str, ...]:
    """One warning per flag, naming the recipes that carry it."""
    carriers: dict[str, list[str]] = {}
    for one in those:
        for flag in one.flags():
            carriers.setdefault(flag, []).append(one.recipe)
    return tuple(
        f"{flag} ({text.flag(flag)}): {', '.join(sorted(recipes))}"
        for flag, recipes in sorted(carriers.items())
    )


def listed(names: Sequence[str]) -> str:
    """Names joined as in a sentence."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def limit_words(query: SelectQuery) -> str:
    """The limits of a query in words; `no limit` when there is none."""
    said = []
    if query.max_accuracy_loss_pp is not None:
        said.append(f"accuracy loss at most {query.max_accuracy_loss_pp:g} points")
    for limit in LIMITS:
        value = limit.value(query)
        if value is not None:
            most = "at least" if limit.at_least else "at most"
            said.append(f"{limit.name.removeprefix('the ')} {most} {limit.shown(value)}")
    if query.max_age_s is not None:
        said.append(f"figures at most {query.max_age_s / 86_400:.3g} days old and none stale")
    if query.min_devices is not None:
        said.append(f"measured on at least {counted(query.min_devices, 'device')}")
    if query.allow_saturating:
        said.append("saturating kernels allowed")
    return "; ".join(said) or "no limit"


def decision_path(
    query: SelectQuery,
    evidence: Evidence,
    assessed: Sequence[Assessed],
    standings: Mapping[str, Standing],
    rule: str,
) -> tuple[str, ...]:
    """How an answer came about, one line per step.

    Args:
        query: the question.
        evidence: what spoke to it.
        assessed: each recipe against each limit.
        standings: of the recipes that may be chosen.
        rule: what decided.
    """
    most = "most" if query.objective is Objective.THROUGHPUT else "least"
    lines = [
        f"asked: {question_words(query)}, {most} {OBJECTIVE_WORDS[query.objective]};"
        f" {limit_words(query)}; each limit in {100 * query.confidence:g} % of draws on every unit",
        f"evidence: {counted(len(evidence.rows), 'row')} of"
        f" {counted(len(assessed), 'recipe')} on {counted(len(evidence.units), 'unit')}"
        " (model, device, runtime)",
    ]
    for one in assessed:
        if one.eligible:
            verdict = f"meets every limit{_surely(query, one)}"
        elif one.open:
            verdict = f"open: {'; '.join(f.sentence for f in one.findings)}"
        else:
            said = [f.sentence for f in one.findings if f.rejects]
            verdict = f"rejected: {'; '.join(said)}"
        lines.append(f"{one.recipe}: {verdict}")
    for recipe, standing in standings.items():
        lines.append(
            f"{recipe}: best in {100 * standing.p_best:.0f} % of draws, on the Pareto front in"
            f" {100 * standing.p_front:.0f} %, expected regret {100 * standing.regret:.2g} %"
        )
    return (*lines, f"decided: {rule}")


def _surely(query: SelectQuery, one: Assessed) -> str:
    """How surely the limit that is nearest to breaking holds, where one is a matter of draws."""
    shares = [share for row in one.rows for share in chances(query, row).values()]
    return f", the tightest one in {100 * min(shares):.1f} % of draws" if shares else ""


def stale_warnings(rows: Iterable[TableRow]) -> tuple[str, ...]:
    """What changed since figures were measured that an answer rests on."""
    changed: dict[str, set[str]] = {}
    for row in rows:
        for change in row.changes:
            words = f"{change.name} {change.before or 'absent'} -> {change.after or 'absent'}"
            changed.setdefault(words, set()).add(row.variant)
    if not changed:
        return ()
    recipes = sorted({recipe for those in changed.values() for recipe in those})
    listed_changes = ", ".join(sorted(changed)[:3])
    more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
    return (f"stale, {listed_changes}{more} since it was measured: {', '.join(recipes)}",)


def part_words(part: Part) -> str:
    """Speed, size and accuracy of a part of the table, in words."""

    def metric(key: str) -> MetricValue:
        pooled = part.metric(key)
        return MetricValue(key, pooled.value, pooled.low, pooled.high, reason=pooled.reason)

    return ", ".join(
        (
            text.speed_words(metric("latency_ratio")),
            text.size_words(metric("size_ratio")),
            text.accuracy_words(metric("accuracy_delta_pp")),
        )
    )
