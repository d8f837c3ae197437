"""The gate: does it run, is it good, is it as good as what was accepted before? Pure.

A suspect run is refused and not judged (DESIGN.md 10.13): its figures say nothing, good or bad.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from ..quality.accuracy import Paired
from ..table.gate import without_numbers
from ..vocabulary.errors import Code, Refused
from ..vocabulary.reasons import KNOWN_ISSUE, SATURATING, SUSPECT, UNCONFIRMED, WRONG_KERNEL
from ..vocabulary.shown import flag, points
from ..vocabulary.values.gates import (
    FAILED,
    NOT_JUDGED,
    PASSED,
    REVIEW,
    GateVerdict,
    RuleVerdict,
    UseCase,
)
from ..vocabulary.values.rows import TableRow
from ..vocabulary.values.runs import MetricValue
from .classes import class_rule
from .figures import BACK_END_MISMATCH, HIDDEN_LOSS, figure, inferior, margin_of
from .limits import LIMITS, PERPLEXITY_PCT, USUAL_NONFINITE

RUNS, KERNELS, SATURATES, FLAG, FIRST, ACCEPTED = (
    *("runs", "right_kernels", "saturating", "flag", "first", "accepted"),
)
"""Rules that no file sets a number to."""

STRICTNESS = {PASSED: 0, NOT_JUDGED: 0, REVIEW: 1, FAILED: 2}
"""How much an outcome stops, so that the worst rule decides."""


def judge(
    row: TableRow,
    use_case: UseCase,
    *,
    accepted: TableRow | None = None,
    paired: Paired | None = None,
    before: UseCase | None = None,
    further: Sequence[RuleVerdict] = (),
) -> GateVerdict:
    """What a gate says of a run.

    Args:
        row: the run, with all its metrics.
        use_case: what is asked of it.
        accepted: the run of the version that was accepted last for this use case, of the same
            model on the same device in the same call; None: there is none.
        paired: that version's answers against this one's, sample by sample, where both are known.
        before: the use case as it was when it was judged by last, to see what was loosened.
        further: rules that were looked at elsewhere, of classes and a policy; they only add.

    Raises:
        Refused: `NOT_GATEABLE`, the run is suspect or nobody knows its device.
    """
    for one in (SUSPECT, UNCONFIRMED):
        if one in row.flags:
            what = f"Run {row.run_id} of {row.model_name} {row.full_name}"
            raise Refused(Code.NOT_GATEABLE, f"{what} is {one}: {flag(one)}.")
    own = tuple(_rules(row, use_case, accepted, paired))
    rules = (*own, *_of_classes(row, use_case, further), *_others(use_case, further))
    return GateVerdict(
        run_id=row.run_id or "",
        model_name=row.model_name,
        artifact=row.full_name,
        device_id=row.device_id,
        device_name=row.device_name,
        use_case=use_case,
        outcome=outcome_of(rules),
        rules=rules,
        partial=not row.realness.keeps_time,
        loosened=loosened(use_case, before),
        accepted_run_id=(accepted.run_id or "") if accepted else "",
    )


def outcome_of(rules: tuple[RuleVerdict, ...]) -> str:
    """The worst verdict of any rule; a person decides where no rule could be judged."""
    judged = [one.verdict for one in rules if one.verdict != NOT_JUDGED]
    return max(judged, key=STRICTNESS.__getitem__, default=REVIEW)


def loosened(now: UseCase, before: UseCase | None) -> tuple[str, ...]:
    """What of a use case lets more pass than it did, each in words."""
    if before is None:
        return ()
    own = {rule.key: rule.limit for rule in now.rules}
    found = []
    for rule in before.rules:
        if rule.key not in own:
            found.append(f"{rule.key} is gone, it was {rule.limit:g}")
        elif rule.key in LIMITS and LIMITS[rule.key].looser(own[rule.key], rule.limit):
            found.append(f"{rule.key} is {own[rule.key]:g}, it was {rule.limit:g}")
    for key in ("saturating", "unknown", "first"):
        was, is_now = getattr(before, key), getattr(now, key)
        if STRICTNESS[is_now] < STRICTNESS[was]:
            found.append(f"{key} is {is_now}, it was {was}")
    kept = {rule.key: rule.limit for rule in now.classes}
    for rule in before.classes:
        if rule.key not in kept:
            found.append(f"class {rule.key} has no margin of its own any more")
        elif kept[rule.key] > rule.limit:
            found.append(f"class {rule.key} is {kept[rule.key]:g}, it was {rule.limit:g}")
    gone = [one for one in before.review if one not in now.review]
    return (*found, *(f"{one} needs no person any more" for one in gone))


def _rules(
    row: TableRow, use_case: UseCase, accepted: TableRow | None, paired: Paired | None
) -> Iterator[RuleVerdict]:
    if not row.state.has_numbers:
        said = row.reason or f"it is {row.state.value}"
        page = BACK_END_MISMATCH
        yield RuleVerdict(RUNS, "", without_numbers(row), why=said, playbook=page)
        return
    yield RuleVerdict(RUNS, "", PASSED, why=f"it ran on {row.device_name}")
    yield _flagged(row, KERNELS, WRONG_KERNEL, FAILED, "no kernel is known to be wrong")
    limits = {rule.key: rule.limit for rule in use_case.rules}
    for key, limit in LIMITS.items():
        if key in limits or key == "max_nonfinite":
            yield figure(limit, limits.get(key, USUAL_NONFINITE), row, use_case)
    yield _flagged(row, SATURATES, SATURATING, use_case.saturating, "no accumulation saturates")
    yield from _noted(row, use_case)
    if row.is_baseline:
        return
    if accepted is None:
        why = f"nothing of {row.model_name} was accepted on {row.device_name} yet"
        yield RuleVerdict(FIRST, "", use_case.first, why=why)
    elif accepted.run_id != row.run_id:
        yield _against(row, use_case, accepted, paired)


def _of_classes(
    row: TableRow, use_case: UseCase, further: Sequence[RuleVerdict]
) -> Iterator[RuleVerdict]:
    """What was found of each class with a margin of its own; what was not told is unknown."""
    told = {one.rule: one for one in further}
    if row.is_baseline or not row.state.has_numbers:
        return
    for rule in use_case.classes:
        name, why = class_rule(rule.key), "its answers class by class were not told"
        unknown = RuleVerdict(name, row.quality.key, use_case.unknown, limit=rule.limit, why=why)
        yield told.get(name, unknown)


def _others(use_case: UseCase, further: Sequence[RuleVerdict]) -> Iterator[RuleVerdict]:
    """Rules that are of no class of the use case."""
    classes = {class_rule(rule.key) for rule in use_case.classes}
    yield from (one for one in further if one.rule not in classes)


def _noted(row: TableRow, use_case: UseCase) -> Iterator[RuleVerdict]:
    """Flags that need a person, and known issues, which are told in any case."""
    for one in row.flags:
        kind = one.partition(":")[0]
        if kind in use_case.review:
            yield RuleVerdict(FLAG, "", REVIEW, why=f"{one}: {flag(one)}")
        elif kind == KNOWN_ISSUE:
            yield RuleVerdict(FLAG, "", PASSED, why=f"{one}: {flag(one)}")


def _flagged(row: TableRow, rule: str, code: str, verdict: str, otherwise: str) -> RuleVerdict:
    if code not in row.flags:
        return RuleVerdict(rule, "", PASSED, why=otherwise)
    page = "" if verdict == PASSED else BACK_END_MISMATCH
    return RuleVerdict(rule, "", verdict, why=flag(code), playbook=page)


def _against(
    row: TableRow, use_case: UseCase, accepted: TableRow, paired: Paired | None
) -> RuleVerdict:
    """As good as what was accepted before? Paired where both answers are known, else weaker."""
    what = f"against {accepted.full_name} of run {accepted.run_id}"
    said = RuleVerdict(ACCEPTED, row.quality.key, REVIEW)
    margins = [one for one in use_case.rules if LIMITS[one.key].metric == row.quality.key]
    if not margins:
        return replace(said, verdict=NOT_JUDGED, why=f"{what}: the use case sets no margin")
    rule = margins[0]
    margin = rule.limit if rule.key == PERPLEXITY_PCT else margin_of(rule.key, rule.limit, row)
    if margin is None:
        return replace(said, verdict=use_case.unknown, why=f"{what}: its accuracy is not known")
    said = replace(said, limit=margin)
    if paired is not None:
        found = inferior(paired, margin, said)
        return replace(found, why=f"{what}, paired: {found.why}", playbook=_page(found))
    if accepted.baseline != row.baseline:
        return replace(said, why=f"{what}: it was held against another baseline")
    return _weaker(row.quality, accepted.quality, said, what)


def _weaker(own: MetricValue, other: MetricValue, said: RuleVerdict, what: str) -> RuleVerdict:
    """By two losses against one baseline; their samples are not paired with each other.

    The ends of the two intervals are added in squares; of perplexities on the scale of logarithms.
    """
    assert said.limit is not None
    scale: Callable[[float], float]
    if own.key == "perplexity_ratio":
        scale, margin = math.log, math.log1p(said.limit / 100)
        # More perplexity is worse, more accuracy better.
        mine, theirs = _ends(other, scale), _ends(own, scale)
    else:
        scale, margin = float, said.limit
        mine, theirs = _ends(own, scale), _ends(other, scale)
    if mine is None or theirs is None:
        return replace(said, why=f"{what}: one of the two losses is not known")
    delta = mine[1] - theirs[1]
    low = delta - math.hypot(mine[1] - mine[0], theirs[2] - theirs[1])
    high = delta + math.hypot(mine[2] - mine[1], theirs[1] - theirs[0])
    verdict = PASSED if low >= -margin else FAILED if high < -margin else REVIEW
    unit = "points"
    if own.key == "perplexity_ratio":
        low, delta, high = (100 * math.expm1(-one) for one in (high, delta, low))
        unit = "% perplexity"
    words = {PASSED: "no worse", FAILED: "worse", REVIEW: "undecided"}[verdict]
    why = (
        f"{what}, not paired and so weaker: {points(delta, 2)} {unit} [{points(low, 2)},"
        f" {points(high, 2)}], {words} by the margin"
    )
    found = replace(said, verdict=verdict, value=delta, low=low, high=high, why=why)
    return replace(found, playbook=_page(found))


def _ends(
    metric: MetricValue, scale: Callable[[float], float]
) -> tuple[float, float, float] | None:
    """Lower end, value and upper end; None where one of them is not known."""
    found = (metric.low, metric.value, metric.high)
    low, value, high = (None if one is None else scale(one) for one in found)
    return None if low is None or value is None or high is None else (low, value, high)


def _page(found: RuleVerdict) -> str:
    return "" if found.verdict == PASSED else HIDDEN_LOSS
