"""Which format to ship: the answer of the table to a question with limits.

Pure: the same rows in any order give the same answer. The steps are `gather` (which rows
speak to the question), `assess` (each recipe against each limit) and `select` (the choice).
What the data does not decide is answered `tie` or `undecided`, never guessed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from ..stats.pareto import Standing
from ..table.units import unit_of
from ..vocabulary import shown as text
from ..vocabulary.enums import FormatFamily, Objective
from ..vocabulary.values.cells import Cell
from ..vocabulary.values.choices import BreakEven, Candidate, Choice, SelectQuery, SettlingJob
from ..vocabulary.values.rows import TableRow
from ..vocabulary.values.runs import MetricValue
from .assess import Assessed, Evidence, assess, gather
from .break_even import break_even, pays_in_time, why_none
from .limits import require_possible
from .nearest import loosened, nearest, similar_model
from .ranking import EPSILON, Ranking
from .sentences import (
    BETTER,
    OBJECTIVE_WORDS,
    decision_path,
    figures,
    flag_warnings,
    listed,
    measured_workloads,
    question_words,
    run_command,
    scope,
    stale_warnings,
)
from .settle import settles, settling_jobs

FALLBACK = "fp16"
"""The conservative choice when nothing was measured."""


def select(
    query: SelectQuery, rows: Iterable[TableRow], now_ns: int = 0, cells: Iterable[Cell] = ()
) -> Choice:
    """Answer a query from table rows.

    Args:
        query: the question; a limit that is unset limits nothing.
        rows: rows of the table; those that do not speak to the question are ignored.
        now_ns: UTC nanoseconds, for a limit on age.
        cells: cells and priors, shown where nothing was measured for the question.

    Returns:
        The choice with every recipe considered, why each was rejected, and what would settle
        what is open.

    Raises:
        BadInput: `BAD_ARGUMENT`, a limit that nothing can keep.
    """
    require_possible(query)
    rows = tuple(rows)
    evidence = gather(query, rows)
    if not evidence.measured:
        return _nothing_measured(query, evidence, rows, cells)
    assessed = assess(query, evidence, now_ns)
    fp32 = next((one for one in assessed if one.family is FormatFamily.FP32), None)
    others = [one for one in assessed if one is not fp32]
    keep = fp32 is not None and fp32.eligible
    winners = [one for one in others if one.eligible and (not keep or one.gains(query.objective))]
    if winners:
        return _ship(_Answer(query, evidence, assessed), winners)
    unsettled = [
        one
        for one in others
        if (one.open or one.eligible) and (not keep or one.may_gain(query.objective))
    ]
    if fp32 is not None and fp32.open:
        unsettled.append(fp32)
    answer = _Answer(query, evidence, assessed)
    if unsettled:
        return _undecided(answer, unsettled, keep=keep)
    if keep:
        return _keep_fp32(answer)
    return _none_meets(answer, now_ns)


class _Answer:
    """What every answer is made of: the question, its evidence, and where each recipe stands."""

    def __init__(
        self, query: SelectQuery, evidence: Evidence, assessed: Sequence[Assessed]
    ) -> None:
        self.query, self.evidence, self.assessed = query, evidence, assessed
        eligible = [one for one in assessed if one.eligible]
        self.ranking = Ranking(query, eligible) if eligible else None

    def ranking_of(
        self, winners: Sequence[Assessed]
    ) -> tuple[tuple[Assessed, ...], tuple[Assessed, ...]]:
        """Winners near the best one, and others as likely to be; see `Ranking.tied`."""
        if self.ranking is None:
            raise ValueError("nothing may be chosen, so nothing can be ranked")
        return self.ranking.tied(winners)

    def break_even_of(self, chosen: Assessed) -> BreakEven | None:
        baselines = {unit_of(row): row for row in _fp32(self.assessed).rows}
        pairs = [(baselines[unit_of(row)], row) for row in chosen.rows if unit_of(row) in baselines]
        return break_even(self.query, chosen.recipe, pairs)

    def choice(
        self,
        outcome: str,
        chosen: Assessed,
        sentence: str,
        rule: str,
        *,
        alternatives: tuple[str, ...] = (),
        command: str | None = None,
        warnings: tuple[str, ...] = (),
        settling: tuple[SettlingJob, ...] = (),
        pays: BreakEven | None = None,
    ) -> Choice:
        standings = self.ranking.standings if self.ranking else {}
        return Choice(
            outcome=outcome,
            recipe=chosen.recipe,
            family=chosen.family,
            sentence=sentence,
            candidates=tuple(
                _with_standing(one.candidate(), standings.get(one.recipe)) for one in self.assessed
            ),
            alternatives=alternatives,
            next_command=command,
            warnings=self.evidence.warnings + warnings + stale_warnings(chosen.rows),
            front=self.ranking.front() if standings and self.ranking else (),
            settling=settling,
            break_even=pays,
            path=decision_path(self.query, self.evidence, self.assessed, standings, rule),
        )


def _with_standing(candidate: Candidate, standing: Standing | None) -> Candidate:
    if standing is None:
        return candidate
    return replace(
        candidate,
        p_best=standing.p_best,
        p_front=standing.p_front,
        regret=standing.regret,
    )


def _ship(answer: _Answer, winners: list[Assessed]) -> Choice:
    query, objective = answer.query, answer.query.objective
    near, likely = answer.ranking_of(winners)
    chosen = min(near, key=_size_order)
    rivals = tuple(
        one.recipe for one in (*sorted(near, key=_size_order), *likely) if one is not chosen
    )
    sentence = f"Ship {chosen.recipe} for {question_words(query)}: {figures(chosen)}"
    if rivals:
        sizes = {_size_order(one)[0] for one in near}
        why = "the smaller one is named first" if len(sizes) > 1 else "they are of one size"
        if likely:
            one = "the one" if len(near) == 1 else "one of those"
            why = f"{one} with the least expected regret is named first"
        sentence += f". The data shows {_no_difference(objective)} from {listed(rivals)}; {why}"
    pays = answer.break_even_of(chosen)
    if pays is not None and not pays_in_time(query, pays):
        return _does_not_pay(answer, chosen, pays)
    open_ones = _might_be_better(query, answer.assessed, chosen)
    # Where one of several is better and the data does not say which, measuring them tells.
    unsure = [one for one in (*near, *likely) if likely]
    return answer.choice(
        "tie" if rivals else "format",
        chosen,
        f"{sentence} ({scope(answer.evidence)}).",
        _rule(query, chosen, rivals, surely=not likely),
        alternatives=rivals,
        warnings=(
            *flag_warnings(chosen),
            *(_better_words(one) for one in open_ones),
            *why_none(query, pays),
        ),
        settling=settling_jobs(query, answer.assessed, (*unsure, *open_ones)),
        pays=pays,
    )


def _rule(query: SelectQuery, chosen: Assessed, rivals: Sequence[str], *, surely: bool) -> str:
    """Why the chosen one is, for the decision path."""
    better = f"{chosen.recipe} is {BETTER[query.objective]}"
    if not rivals:
        return f"{better} and has the least expected regret"
    if surely:
        most = f"at most {100 * EPSILON[query.objective]:g} %"
        return f"{better}; it loses {most} against {listed(rivals)} on average, so they are tied"
    return f"{better} and loses little on average; {listed(rivals)} may be the best as well"


def _does_not_pay(answer: _Answer, chosen: Assessed, pays: BreakEven) -> Choice:
    kept = _fp32(answer.assessed)
    when = (
        "never pays for the switch"
        if pays.inferences is None or pays.days is None
        else f"pays for the switch after {pays.days:,.0f} days, more than"
        f" {answer.query.payback_days:g}"
    )
    sentence = (
        f"Keep fp32 for {question_words(answer.query)}: {chosen.recipe} is"
        f" {BETTER[answer.query.objective]} but {when} ({scope(answer.evidence)})."
    )
    return answer.choice(
        "keep_fp32",
        kept,
        sentence,
        f"{chosen.recipe} {when}",
        pays=pays,
        alternatives=(chosen.recipe,),
    )


def _keep_fp32(answer: _Answer) -> Choice:
    query, evidence, assessed = answer.query, answer.evidence, answer.assessed
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
    likeliest = min(
        eligible,
        key=lambda one: (_value(one.objective(query.objective)), _size_order(one)),
        default=None,
    )
    return answer.choice(
        "keep_fp32",
        kept,
        sentence,
        why,
        command=command,
        warnings=flag_warnings(*others),
        pays=answer.break_even_of(likeliest) if likeliest else None,
    )


def _undecided(answer: _Answer, unsettled: list[Assessed], *, keep: bool) -> Choice:
    query, evidence, assessed = answer.query, answer.evidence, answer.assessed
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
    can_settle = any(settles(one) for one in ordered)
    command = run_command(
        query, [name for name in names if name != "fp32"] or ["all"], thorough=thorough
    )
    return answer.choice(
        "undecided",
        named,
        sentence,
        f"nothing is shown to be better, and {listed(names)} might be",
        alternatives=tuple(name for name in names if name != named.recipe),
        command=command if can_settle else None,
        warnings=flag_warnings(*ordered),
        settling=settling_jobs(query, assessed, ordered),
    )


def _none_meets(answer: _Answer, now_ns: int) -> Choice:
    query, evidence = answer.query, answer.evidence
    without = loosened(query, evidence, now_ns)
    hint = f"; {'; '.join(without)}" if without else "; loosen a limit or measure another recipe"
    sentence = (
        f"Nothing that was measured for {question_words(query)} meets every limit, and neither"
        f" does fp32{hint} ({scope(evidence)})."
    )
    return answer.choice(
        "none_meets", _fp32(answer.assessed), sentence, "no recipe meets every limit"
    )


def _nothing_measured(
    query: SelectQuery, evidence: Evidence, rows: Sequence[TableRow], cells: Iterable[Cell]
) -> Choice:
    assessed = assess(query, evidence)
    barred = any(one.recipe == FALLBACK and not (one.open or one.eligible) for one in assessed)
    recipe = "fp32" if barred else FALLBACK
    known = measured_workloads(query, rows)
    also = f" Measured so far: {known}." if known else ""
    cells = tuple(cells)
    empty = "" if rows or any(one.state.has_numbers for one in cells) else "The table is empty. "
    why = (
        "fp16 is ruled out here, so fp32 stays"
        if barred
        else ("fp16 is the conservative choice, not a measured one")
    )
    return Choice(
        outcome="nothing_measured",
        recipe=recipe,
        family=FormatFamily(recipe),
        sentence=f"{empty}Nothing was measured for {question_words(query)}: {why}.{also}"
        + similar_model(query, rows),
        candidates=tuple(one.candidate() for one in assessed),
        next_command=run_command(query, ["all"]),
        warnings=evidence.warnings,
        nearest=nearest(query, cells),
        path=decision_path(query, evidence, assessed, {}, "nothing was measured"),
    )


def _fp32(assessed: Sequence[Assessed]) -> Assessed:
    """The baseline as assessed; an empty stand-in when it has no row."""
    for one in assessed:
        if one.family is FormatFamily.FP32:
            return one
    return Assessed("fp32", FormatFamily.FP32, (), ())


def _might_be_better(
    query: SelectQuery, assessed: Sequence[Assessed], chosen: Assessed
) -> tuple[Assessed, ...]:
    """Recipes that are open and whose figure is better than the chosen one's."""
    limit = _value(chosen.objective(query.objective))
    return tuple(
        one
        for one in assessed
        if one.open and one.recipe != "fp32" and _value(one.objective(query.objective)) < limit
    )


def _better_words(one: Assessed) -> str:
    return f"{one.recipe} may be better: {one.findings[0].sentence}"


def _value(metric: MetricValue) -> float:
    return float("inf") if metric.value is None else metric.value


def _size_order(one: Assessed) -> tuple[float, float, str]:
    """Smaller first, then more accurate, then by name, so that the answer is always the same."""
    return (
        _value(one.worst("size_ratio")),
        -(one.worst("accuracy_delta_pp").value or 0.0),
        one.recipe,
    )


def _no_difference(objective: Objective) -> str:
    epsilon = EPSILON[objective]
    amount = f" of {100 * epsilon:g} % or more" if epsilon else ""
    return f"no difference{amount} in {OBJECTIVE_WORDS[objective]}"
