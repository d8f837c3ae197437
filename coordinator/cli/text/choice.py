"""The answer of a selection as text that fits 100 columns."""

from __future__ import annotations

from bitgauge.benchmarks.vocabulary import shown as text
from bitgauge.benchmarks.vocabulary.values.choices import BreakEven, Candidate, Choice
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue

from .layout import notes, wrapped

_MOST_REASONS = 6
_FRONT = "Pareto front (latency, size, memory, energy where measured, accuracy)"


def choice_text(choice: Choice, *, explain: bool = False) -> str:
    """An answer, every recipe considered, what is open, warnings, and what to type next.

    With `explain` also how it came about.
    """
    lines = [*notes([choice.sentence]), ""]
    for candidate in sorted(choice.candidates, key=_place):
        lines.extend(_candidate_lines(candidate))
    if choice.front:
        lines += notes([f"{_FRONT}: {', '.join(choice.front)}"])
    if choice.break_even is not None:
        lines += notes([break_even_words(choice.break_even)])
    if choice.nearest:
        lines.append("nearest that was measured, or is known from literature:")
        lines.extend(line for one in choice.nearest for line in wrapped(one, "  ", hanging="  "))
    for warning in choice.warnings:
        lines += notes([f"note: {warning}"])
    if choice.settling:
        lines.append("to settle what is open:")
        for job in choice.settling:
            lines.append(f"  {job.recipe}, about {job.minutes:.3g} min: {job.command}")
    elif choice.next_command:
        lines.append(f"to know more: {choice.next_command}")
    if explain:
        lines += ["", "how this answer came about:"]
        lines.extend(line for step in choice.path for line in wrapped(step, "  ", hanging="  "))
    return "\n".join(lines).rstrip()


def break_even_words(pays: BreakEven) -> str:
    """When the switch pays, in words."""
    if pays.inferences is None:
        more = f"{-pays.saving_per_million:.3g} more per million inferences than fp32"
        return f"break-even: never; {pays.recipe} costs {more}"
    saves = f"{pays.recipe} saves {pays.saving_per_million:.3g} per million inferences"
    if pays.inferences == 0:  # No cost was given that had to be earned first.
        return saves
    words = f"break-even: {saves}; the switch pays after {pays.inferences:,.0f}"
    if pays.low is not None:
        words += f" [{pays.low:,.0f}, {'never' if pays.high is None else f'{pays.high:,.0f}'}]"
    return f"{words} inferences" + ("" if pays.days is None else f", {pays.days:,.1f} days")


def _place(candidate: Candidate) -> tuple[bool, float, float, str]:
    """The likeliest to be best first, then what is not eligible."""
    best, regret = candidate.p_best or 0.0, candidate.regret or 0.0
    return (not candidate.eligible, -best, regret, candidate.recipe)


def _candidate_lines(candidate: Candidate) -> list[str]:
    mark = "meets every limit" if candidate.eligible else "not eligible"
    if candidate.p_best is not None and candidate.regret is not None:
        mark += f", best in {100 * candidate.p_best:.0f} % of draws"
        if candidate.regret > 0:
            percent = 100 * candidate.regret
            mark += f", expected regret {percent:{'.0f' if percent >= 100 else '.2g'}} %"
    figures = {
        "latency": candidate.latency_ratio,
        "size": candidate.size_ratio,
        "accuracy": candidate.accuracy_delta_pp,
    }
    if candidate.perplexity_ratio.value is not None:
        figures = {
            "per token": candidate.tpot_ratio,
            "size": candidate.size_ratio,
            "perplexity": candidate.perplexity_ratio,
        }
    if candidate.recipe == "fp32" or all(metric.value is None for metric in figures.values()):
        figures = {}
    lines = [f"  {candidate.recipe:22}  {mark}"]
    if figures:
        lines.append(f"    {', '.join(f'{name} {_known(one)}' for name, one in figures.items())}")
    for reason in candidate.reasons[:_MOST_REASONS]:
        lines.extend(wrapped(reason, "    ", hanging="  "))
    more = len(candidate.reasons) - _MOST_REASONS
    if more > 0:
        lines.append(f"    and {more} more; --json lists them")
    return lines


def _known(metric: MetricValue) -> str:
    return "unknown" if metric.value is None else text.full(metric)
