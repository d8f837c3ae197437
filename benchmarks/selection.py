"""Which format to ship: the answer of the table to a question with limits.

Pure: the same rows in any order give the same answer. The steps are `gather` (which rows
speak to the question), `assess` (each recipe against each limit) and `select` (the choice).
What the data does not decide is answered `tie` or `undecided`, never guessed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from . import format_text as text
from .answers import Choice, SelectQuery, TableRow
from .model import MetricValue
from .selection_evidence import Assessed, Evidence, assess, gather
from .selection_text import (
    BETTER,
    OBJECTIVE_WORDS,
    figures,
    flag_warnings,
    listed,
    measured_workloads,
    question_words,
    run_command,
    scope,
)
from .vocabulary import FormatFamily, Objective

FALLBACK = "fp16"
"""The conservative choice when nothing was measured."""


EPSILON = {Objective.LATENCY: 0.02, Objective.SIZE: 0.0, Objective.MEMORY: 0.01}
"""Relative differences that decide nothing (measurement.md F-3); sizes are exact."""


def select(query: SelectQuery, rows: Iterable[TableRow]) -> Choice:
    """Answer a query from table rows.

    Args:
        query: the question; a limit that is unset limits nothing.
        rows: rows of the table; those that do not speak to the question are ignored.

    Returns:
        The choice with every recipe considered, why each was rejected, and what would settle
        what is open.
    """
    rows = tuple(rows)
    evidence = gather(query, rows)
    if not evidence.measured:
        return _nothing_measured(query, evidence, rows)
    assessed = assess(query, evidence)
    fp32 = next((one for one in assessed if one.family is FormatFamily.FP32), None)
    others = [one for one in assessed if one is not fp32]
    keep = fp32 is not None and fp32.eligible
    winners = [one for one in others if one.eligible and (not keep or one.gains(query.objective))]
    if winners:
        return _ship(query, evidence, assessed, winners)
    unsettled = [
        one
        for one in others
        if (one.open or one.eligible) and (not keep or one.may_gain(query.objective))
    ]
    if fp32 is not None and fp32.open:
        unsettled.append(fp32)
    if unsettled:
        return _undecided(query, evidence, assessed, unsettled, keep=keep)
    if keep:
        return _keep_fp32(query, evidence, assessed)
    return _none_meets(query, evidence, assessed)


def _ship(
    query: SelectQuery, evidence: Evidence, assessed: Sequence[Assessed], winners: list[Assessed]
) -> Choice:
    objective = query.objective
    best = min(winners, key=lambda one: (_value(one.objective(objective)), _size_order(one)))
    first = best.objective(objective)
    tied = [one for one in winners if _near(one.objective(objective), first, EPSILON[objective])]
    chosen = min(tied, key=_size_order)
    rivals = tuple(one.recipe for one in sorted(tied, key=_size_order) if one is not chosen)
    sentence = f"Ship {chosen.recipe} for {question_words(query)}: {figures(chosen)}"
    if rivals:
        sizes = {_size_order(one)[0] for one in tied}
        why = "the smaller one is named first" if len(sizes) > 1 else "they are of one size"
        sentence += f". The data shows {_no_difference(objective)} from {listed(rivals)}; {why}"
    return _answer(
        "tie" if rivals else "format",
        chosen,
        f"{sentence} ({scope(evidence)}).",
        evidence,
        assessed,
        alternatives=rivals,
        warnings=flag_warnings(chosen) + _might_be_better(query, assessed, chosen),
    )


def _keep_fp32(query: SelectQuery, evidence: Evidence, assessed: Sequence[Assessed]) -> Choice:
    kept = _fp32(assessed)
    others = [one for one in assessed if one is not kept]
    eligible = [one for one in others if one.eligible]
    command = None
    if not others:
        why = "only fp32 was measured"
        command = run_command(query, ["all"])
    elif not any(row.state.has_numbers for one in others for row in one.rows):
        why = "no other recipe could be measured"
    elif not eligible:
        why = f"no other recipe meets every limit and is {BETTER[query.objective]}"
    else:
        why = f"no recipe that meets every limit is {BETTER[query.objective]}"
        small = min(eligible, key=_size_order)
        ratio = small.worst("size_ratio").value
        if query.objective is not Objective.SIZE and ratio is not None and ratio < 0.95:
            why += (
                f"; {small.recipe} is {text.size_words(small.worst('size_ratio'))}, ask with"
                " --objective size if that matters more"
            )
    sentence = f"Keep fp32 for {question_words(query)}: {why} ({scope(evidence)})."
    return _answer(
        "keep_fp32",
        kept,
        sentence,
        evidence,
        assessed,
        command=command,
        warnings=flag_warnings(*others),
    )


def _undecided(
    query: SelectQuery,
    evidence: Evidence,
    assessed: Sequence[Assessed],
    unsettled: list[Assessed],
    *,
    keep: bool,
) -> Choice:
    ordered = sorted(
        unsettled, key=lambda one: (_value(one.objective(query.objective)), _size_order(one))
    )
    names = tuple(one.recipe for one in ordered)
    first = ordered[0]
    named = _fp32(assessed) if keep else first
    stay = (
        "fp32 is the safe choice until then"
        if keep
        else (f"{first.recipe} might; nothing is shown to meet every limit")
    )
    reason = (
        first.findings[0].sentence
        if first.findings
        else (f"whether it is {BETTER[query.objective]} is undecided")
    )
    sentence = (
        f"Undecided for {question_words(query)}: the data does not settle {listed(names)}"
        f" ({first.recipe}: {reason}); {stay} ({scope(evidence)})."
    )
    thorough = not any(f.settle == "measure" for one in ordered for f in one.findings)
    command = run_command(
        query, [name for name in names if name != "fp32"] or ["all"], thorough=thorough
    )
    return _answer(
        "undecided",
        named,
        sentence,
        evidence,
        assessed,
        alternatives=tuple(name for name in names if name != named.recipe),
        command=command,
        warnings=flag_warnings(*ordered),
    )


def _none_meets(query: SelectQuery, evidence: Evidence, assessed: Sequence[Assessed]) -> Choice:
    shipped = _fp32(assessed)
    sentence = (
        f"Nothing that was measured for {question_words(query)} meets every limit, and neither"
        f" does fp32; loosen a limit or measure another recipe ({scope(evidence)})."
    )
    return _answer("none_meets", shipped, sentence, evidence, assessed)


def _nothing_measured(query: SelectQuery, evidence: Evidence, rows: Sequence[TableRow]) -> Choice:
    assessed = assess(query, evidence)
    barred = any(one.recipe == FALLBACK and not (one.open or one.eligible) for one in assessed)
    recipe = "fp32" if barred else FALLBACK
    known = measured_workloads(query, rows)
    also = f" Measured so far: {known}." if known else ""
    why = (
        "fp16 is ruled out here, so fp32 stays"
        if barred
        else ("fp16 is the conservative choice, not a measured one")
    )
    return Choice(
        outcome="nothing_measured",
        recipe=recipe,
        family=FormatFamily(recipe),
        sentence=f"Nothing was measured for {question_words(query)}: {why}.{also}",
        candidates=tuple(one.candidate() for one in assessed),
        next_command=run_command(query, ["all"]),
        warnings=evidence.warnings,
    )


def _answer(
    outcome: str,
    chosen: Assessed,
    sentence: str,
    evidence: Evidence,
    assessed: Sequence[Assessed],
    *,
    alternatives: tuple[str, ...] = (),
    command: str | None = None,
    warnings: tuple[str, ...] = (),
) -> Choice:
    return Choice(
        outcome=outcome,
        recipe=chosen.recipe,
        family=chosen.family,
        sentence=sentence,
        candidates=tuple(one.candidate() for one in assessed),
        alternatives=alternatives,
        next_command=command,
        warnings=evidence.warnings + warnings,
    )


def _fp32(assessed: Sequence[Assessed]) -> Assessed:
    """The baseline as assessed; an empty stand-in when it has no row."""
    for one in assessed:
        if one.family is FormatFamily.FP32:
            return one
    return Assessed("fp32", FormatFamily.FP32, (), ())


def _might_be_better(
    query: SelectQuery, assessed: Sequence[Assessed], chosen: Assessed
) -> tuple[str, ...]:
    """Recipes that are open and whose figure is better than the chosen one's."""
    limit = _value(chosen.objective(query.objective))
    return tuple(
        f"{one.recipe} may be better: {one.findings[0].sentence}"
        for one in assessed
        if one.open and one.recipe != "fp32" and _value(one.objective(query.objective)) < limit
    )


def _value(metric: MetricValue) -> float:
    return float("inf") if metric.value is None else metric.value


def _size_order(one: Assessed) -> tuple[float, float, str]:
    """Smaller first, then more accurate, then by name, so that the answer is always the same."""
    return (
        _value(one.worst("size_ratio")),
        -(one.worst("accuracy_delta_pp").value or 0.0),
        one.recipe,
    )


def _near(one: MetricValue, best: MetricValue, epsilon: float) -> bool:
    """Whether the data leaves open that `one` is as good as the best, but for `epsilon`.

    A value without interval is its own.
    """
    return (
        one.value is not None
        and best.value is not None
        and _low(one) <= _high(best) * (1 + epsilon)
    )


def _no_difference(objective: Objective) -> str:
    epsilon = EPSILON[objective]
    amount = f" of {100 * epsilon:g} % or more" if epsilon else ""
    return f"no difference{amount} in {OBJECTIVE_WORDS[objective]}"


def _low(metric: MetricValue) -> float:
    return _value(metric) if metric.low is None else metric.low


def _high(metric: MetricValue) -> float:
    return _value(metric) if metric.high is None else metric.high
