"""One limit held against one run: what the figures say, and why where they say nothing. Pure.

A run that is `untrusted` or `preliminary` gates no latency, memory or energy (DESIGN.md 10.13), an
emulated device numerics and quality alone (10.15).
"""

from __future__ import annotations

from dataclasses import replace

from ..quality.accuracy import Paired, non_inferiority
from ..vocabulary.metric import Group
from ..vocabulary.reasons import (
    ADVICE,
    CLIPPING,
    INSUFFICIENT_SAMPLES,
    NOT_MEASURED,
    PRELIMINARY,
    UNTRUSTED,
)
from ..vocabulary.shown import flag, full, interval, plain, points, reason
from ..vocabulary.values.gates import FAILED, NOT_JUDGED, PASSED, REVIEW, RuleVerdict, UseCase
from ..vocabulary.values.rows import TableRow
from ..vocabulary.values.runs import MetricValue
from .limits import LOSS_PCT, LOSS_PP, PERPLEXITY_PCT, GateLimit

POOR_CALIBRATION = "docs/playbooks/poor-calibration.md"
BACK_END_MISMATCH = "docs/playbooks/back-end-mismatch.md"
HIDDEN_LOSS = "docs/playbooks/hidden-accuracy-loss.md"
BAD_FIT = "docs/playbooks/bad-workload-fit.md"

_NO_GATES = (UNTRUSTED, PRELIMINARY)
_OUTCOMES = {"PASS": PASSED, "FAIL": FAILED, "UNDECIDED": REVIEW}


def figure(limit: GateLimit, most: float, row: TableRow, use_case: UseCase) -> RuleVerdict:
    """What a limit says of a run.

    Args:
        limit: which.
        most: the value that it has, in the unit of its metric; of a margin in points or percent.
        row: the run.
        use_case: whose limit it is; it says what becomes of what is not known.
    """
    metric = _metric(limit, row)
    said = RuleVerdict(
        rule=limit.key,
        metric=limit.metric,
        verdict=use_case.unknown,
        limit=most,
        value=metric.value,
        low=metric.low,
        high=metric.high,
    )
    if limit.of.needs_device and not row.realness.keeps_time:
        why = f"an {row.realness.value} device tells numerics and quality alone"
        return replace(said, verdict=NOT_JUDGED, why=why)
    if metric.value is None:
        return replace(said, why=_unknown(metric))
    weak = [one for one in _NO_GATES if limit.of.needs_device and one in row.flags]
    if weak:
        why = f"{full(metric)}; no ground for a verdict, because the run is {weak[0]}: "
        return replace(said, why=f"{why}{flag(weak[0])}")
    if limit.key in (LOSS_PP, LOSS_PCT):
        return _accuracy(said, metric, row)
    found = _perplexity(said, metric) if limit.key == PERPLEXITY_PCT else _held(limit, said, metric)
    return replace(found, playbook=_playbook(limit, row)) if found.verdict != PASSED else found


def inferior(paired: Paired, margin_pp: float, said: RuleVerdict) -> RuleVerdict:
    """A paired comparison of correctness, decided by non-inferiority at a margin in points."""
    decision = non_inferiority(paired, margin_pp / 100)
    delta = 100 * paired.delta
    low, high = 100 * decision.low, 100 * decision.high
    needed = decision.samples_needed
    words = {
        "PASS": f"is at most {margin_pp:.3g} points worse",
        "FAIL": f"is more than {margin_pp:.3g} points worse",
        "UNDECIDED": (
            f"may be more or less than {margin_pp:.3g} points worse; "
            + (
                f"about {needed:,} more samples would tell"
                if needed is not None
                else "no number of samples would tell, it is that near"
            )
        ),
    }[decision.verdict]
    return replace(
        said,
        verdict=_OUTCOMES[decision.verdict],
        value=delta,
        low=low,
        high=high,
        samples_needed=needed,
        why=(
            f"{points(delta, 2)} points, one-sided 95 % bounds [{points(low, 2)},"
            f" {points(high, 2)}] of {paired.n:,} samples: it {words}"
        ),
    )


def paired_of(metric: MetricValue) -> Paired | None:
    """The counts that an accuracy delta was made of; None where it does not tell them."""
    told = {item.name: item.value for item in metric.detail}
    if metric.n and told.get("b", "").isdecimal() and told.get("c", "").isdecimal():
        return Paired(metric.n, int(told["b"]), int(told["c"]))
    return None


def margin_of(key: str, most: float, row: TableRow) -> float | None:
    """A margin in points; None where the baseline's accuracy, of which it is a part, is null."""
    if key == LOSS_PP:
        return most
    own, delta = row.metric("accuracy_pct").value, row.metric("accuracy_delta_pp").value
    return None if own is None or delta is None else (own - delta) * most / 100


def _metric(limit: GateLimit, row: TableRow) -> MetricValue:
    """The metric of a limit; the baseline's own ratios are 1 by definition, its losses 0."""
    if row.is_baseline and limit.of.relative:
        same = 1.0 if limit.of.is_ratio else 0.0
        return MetricValue(limit.metric, value=same, low=same, high=same)
    return row.metric(limit.metric)


def _unknown(metric: MetricValue) -> str:
    advice = ADVICE.get(metric.reason or "", "")
    return f"not known: {reason(metric)}{f'; {advice}' if advice else ''}"


def _accuracy(said: RuleVerdict, metric: MetricValue, row: TableRow) -> RuleVerdict:
    if row.is_baseline:
        return replace(said, verdict=PASSED, why="it is the baseline itself")
    assert said.limit is not None
    paired, margin_pp = paired_of(metric), margin_of(said.rule, said.limit, row)
    if paired is None or margin_pp is None:
        null = MetricValue(metric.key, reason=INSUFFICIENT_SAMPLES if paired else NOT_MEASURED)
        return replace(said, why=f"{full(metric)}; the counts behind it are {reason(null)}")
    found = inferior(paired, margin_pp, said)
    page = POOR_CALIBRATION if CLIPPING in row.flags else HIDDEN_LOSS
    return found if found.verdict == PASSED else replace(found, playbook=page)


def _perplexity(said: RuleVerdict, metric: MetricValue) -> RuleVerdict:
    """By the one-sided bounds of the ratio, which do not depend on the margin."""
    assert said.limit is not None
    assert metric.value is not None
    told = {item.name: item.value for item in metric.detail}
    most = 1 + said.limit / 100
    bounds = _bounds(metric, told)
    if bounds is None:
        return replace(said, verdict=REVIEW, why=f"{full(metric)} without an interval")
    low, high = bounds
    percent = f"{100 * (metric.value - 1):+.2g} % [{100 * (low - 1):+.2g}, {100 * (high - 1):+.2g}]"
    verdict = PASSED if high <= most else FAILED if low > most else REVIEW
    words = {
        PASSED: f"is at most {said.limit:.3g} % more",
        FAILED: f"is more than {said.limit:.3g} % more",
        REVIEW: f"may be more or less than {said.limit:.3g} % more; more documents would tell",
    }[verdict]
    needed = told.get("documents_needed", "") if verdict == REVIEW else ""
    return replace(
        said,
        verdict=verdict,
        low=low,
        high=high,
        samples_needed=int(needed) if needed.isdecimal() and _same_margin(told, said) else None,
        why=f"perplexity {percent}: it {words}",
    )


def _bounds(metric: MetricValue, told: dict[str, str]) -> tuple[float, float] | None:
    """The one-sided bounds of a ratio; of one that does not tell them the wider interval."""
    try:
        return float(told["one_sided_low"]), float(told["one_sided_high"])
    except (KeyError, ValueError):
        pass
    return None if metric.low is None or metric.high is None else (metric.low, metric.high)


def _same_margin(told: dict[str, str], said: RuleVerdict) -> bool:
    try:
        return float(told["margin_pct"]) == said.limit
    except (KeyError, ValueError):
        return False


def _held(limit: GateLimit, said: RuleVerdict, metric: MetricValue) -> RuleVerdict:
    """A metric's interval against a limit: on one side of it, or across."""
    assert said.limit is not None
    assert metric.value is not None
    shown = plain(MetricValue(limit.metric, value=said.limit))
    bound = f"at least {shown}" if limit.at_least else f"at most {shown}"
    ends = (metric.low, metric.high)
    if limit.of.counted or ends == (None, None):
        low = high = metric.value
        if not limit.of.counted:
            why = f"{plain(metric)} without an interval, which decides nothing; {bound} is asked"
            return replace(said, verdict=REVIEW, why=why)
    else:
        low = metric.value if metric.low is None else metric.low
        high = metric.value if metric.high is None else metric.high
    if limit.at_least:
        passed, failed = low >= said.limit, high < said.limit
    else:
        passed, failed = high <= said.limit, low > said.limit
    verdict = PASSED if passed else FAILED if failed else REVIEW
    figures = f"{plain(metric)} {interval(metric)}".rstrip()
    words = {PASSED: "as asked", FAILED: "not as asked", REVIEW: "undecided"}[verdict]
    return replace(said, verdict=verdict, why=f"{figures}, {words}: {bound}")


def _playbook(limit: GateLimit, row: TableRow) -> str:
    if limit.of.needs_device:
        return BAD_FIT
    if limit.of.group is Group.NUMERICS:
        return POOR_CALIBRATION if limit.key.startswith("max_clip") else BACK_END_MISMATCH
    if limit.of.group is Group.QUALITY:
        return POOR_CALIBRATION if CLIPPING in row.flags else HIDDEN_LOSS
    return ""
