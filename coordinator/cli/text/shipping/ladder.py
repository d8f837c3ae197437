"""A ladder in words. Pure: values in, lines out."""

from __future__ import annotations

import math
from collections.abc import Sequence

from bitgauge.benchmarks.ladder.climb import NOT_MEASURED, Climbed, Tried
from bitgauge.benchmarks.ladder.rungs import Rung
from bitgauge.benchmarks.vocabulary.shown import number
from bitgauge.benchmarks.vocabulary.values.gates import PASSED

from ..layout import columns, notes, wrapped

_WORDS = {"manual_review": "review", NOT_MEASURED: "not measured"}
_FARTHEST = 3


def climbed_text(found: Climbed, title: str, objective: str) -> str:
    """The answer, then each rung, then what was not tried.

    Args:
        found: the ladder.
        title: model, device and use case.
        objective: key of the ratio that shall become small.
    """
    lines = wrapped(f"{title}: {_answer(found, objective)}")
    if found.tried:
        heads = ("", "format", _head(objective), "why it was tried, and what stops it")
        cells = [
            (_word(one.outcome), one.rung.recipe, _ratio(one), "; ".join(_reasons(one)))
            for one in found.tried
        ]
        lines += ["", *columns(cells, heads, ruled=True)]
    pages = [
        rule.playbook
        for one in found.tried
        if one.verdict is not None and one.outcome != PASSED
        for rule in one.verdict.rules
        if rule.playbook
    ]
    said = [f"No further format was tried: {found.stopped}."]
    if found.left:
        said.append(f"Left: {', '.join(rung.recipe for rung in found.left)}.")
    said += [f"What to do: {page}" for page in dict.fromkeys(pages)]
    return "\n".join([*lines, "", *notes(said)])


def tried_line(one: Tried) -> str:
    """One rung as soon as it was tried."""
    reasons = _stops(one)
    return f"{one.rung.recipe}: {_word(one.outcome)}{f', {reasons[0]}' if reasons else ''}"


def order_line(rungs: Sequence[Rung]) -> str:
    """What will be tried, before it is."""
    return f"to try, the worthiest first: {', '.join(rung.recipe for rung in rungs)}"


def climbed_markdown(found: Climbed, title: str, objective: str) -> str:
    """The same as Markdown, for a comment on a change."""
    rows = [
        f"| {_word(one.outcome)} | `{one.rung.recipe}` | {_ratio(one)} |"
        f" {_cell('; '.join(_reasons(one)))} |"
        for one in found.tried
    ]
    head = [f"| verdict | format | {_head(objective)} | why |", "| --- | --- | --- | --- |"]
    answer = f"**{_cell(title)}: {_cell(_answer(found, objective))}**"
    return "\n".join([answer, "", *(head if rows else []), *rows, ""])


def _answer(found: Climbed, objective: str) -> str:
    best = found.best
    if best is None or best.outcome == NOT_MEASURED:
        return "nothing could be measured"
    marks = f" ({', '.join(best.flags)})" if best.flags else ""
    ratio = "" if best.ratio is None else f", {_head(objective)} {_ratio(best)}{marks}"
    if best.outcome == PASSED:
        passes = f"{best.rung.recipe} passes{ratio} (run {best.run_id[:8]})"
        return passes if best.gains else f"nothing is gained, ship the baseline; {passes}"
    nearest = f"{best.rung.recipe} comes nearest{ratio} (run {best.run_id[:8]})"
    return f"nothing passes; {nearest}{_far(best)}"


def _far(one: Tried) -> str:
    known = [each for each in one.distances if math.isfinite(each.excess) and each.excess]
    if not known:
        return ""
    parts = ", ".join(f"{each.rule} by {100 * each.excess:.2g} %" for each in known)
    return f", beyond {parts}"


def _reasons(one: Tried) -> list[str]:
    return [one.rung.why, *_stops(one)]


def _stops(one: Tried) -> list[str]:
    if one.why:
        return [one.why]
    if one.outcome == PASSED:
        return [] if one.gains else ["no better than the baseline, as far as was measured"]
    return [f"{each.rule}: {each.why}" for each in one.distances[:_FARTHEST]]


def _head(objective: str) -> str:
    return objective.replace("_", " ")


def _ratio(one: Tried) -> str:
    return "-" if one.ratio is None else number(one.ratio)


def _word(outcome: str) -> str:
    return _WORDS.get(outcome, outcome)


def _cell(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
