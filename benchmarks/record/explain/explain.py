"""Why an artifact is slow or wrong, from what was measured of it; a pure function.

A finding names its evidence in numbers and what to change; nothing is advised that no number asks
for. Time shares come from a profiled session and are shares, not latencies.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ...numerics.ledger import Ledger, OperatorRow, TensorRow, worst_operators, worst_tensors
from ...raw.operators import OperatorProfile, by_type
from ...vocabulary import shown as text
from ...vocabulary.values.runs import MetricValue
from .placed import placed_findings
from .slow import slow_findings
from .types import ExplainedRun, Finding
from .wrong import wrong_findings

__all__ = ["ExplainedRun", "Explanation", "Finding", "OperatorLine", "explain", "worst_of"]

_ROWS = 8


@dataclass(frozen=True, slots=True)
class OperatorLine:
    """Time of one operator type, per call under the profiler, beside the baseline's."""

    op_type: str
    time_ns: float
    share: float
    baseline_ns: float | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """What there is to say about one run.

    Attributes:
        headline: its verdicts in one sentence.
        findings: the gravest first; none when nothing is wrong.
        operators: operator types by time; the baseline's own ones at the end.
        tensors: worst tensors first; only those with something to say.
        products: worst operators first; only those with something to say.
        missing: one sentence for each pass that could not be looked at.
    """

    headline: str
    findings: tuple[Finding, ...] = ()
    operators: tuple[OperatorLine, ...] = ()
    tensors: tuple[TensorRow, ...] = ()
    products: tuple[OperatorRow, ...] = ()
    missing: tuple[str, ...] = field(default=())


def explain(subject: ExplainedRun) -> Explanation:
    """All that the measurements of one run say about it."""
    found = [*wrong_findings(subject), *slow_findings(subject), *placed_findings(subject)]
    ledger = subject.ledger
    return Explanation(
        headline=_headline(subject),
        findings=tuple(sorted(found, key=lambda one: one.rank)),
        operators=_lines(subject.profile, subject.baseline_profile),
        tensors=_tensors(ledger),
        products=_products(ledger),
        missing=_missing(subject),
    )


def worst_of(rows: Mapping[str, Mapping[str, MetricValue]]) -> str | None:
    """Which of several artifacts most deserves an explanation.

    One that saturates or lost its accuracy comes before one that is slow; among equals the
    greater loss, or the slower one.

    Args:
        rows: metrics by key, by whatever names an artifact.

    Returns:
        Its name; None without any.
    """

    def badness(name: str) -> tuple[bool, bool, float, str]:
        metrics = rows[name]
        accuracy, ratio = metrics.get("accuracy_delta_pp"), metrics.get("latency_ratio")
        saturated = metrics.get("saturated_pct")
        saturates = saturated is not None and "saturating" in saturated.flags
        lost = metrics.get("perplexity_ratio")
        failed = "FAIL" in {one.verdict for one in (accuracy, lost) if one is not None}
        slowness = ratio.value if ratio is not None and ratio.value is not None else 0.0
        return saturates, failed, slowness, name

    return max(rows, key=badness, default=None)


def _headline(subject: ExplainedRun) -> str:
    """Speed and accuracy, each with its verdict."""
    ratio, accuracy = subject.metric("latency_ratio"), subject.metric("accuracy_delta_pp")
    lost, parts = subject.metric("perplexity_ratio"), [subject.recipe]
    if subject.is_baseline:
        return f"{subject.recipe} is the baseline: there is nothing to compare it with."
    if ratio.value is not None:
        parts.append(f"takes {text.ratio(ratio.value)} times fp32's time ({ratio.verdict})")
    else:
        parts.append(f"has no latency ratio ({text.reason(ratio)})")
    if lost.value is not None:
        parts.append(f"and {text.perplexity_words(lost)} ({lost.verdict})")
    elif accuracy.value is not None:
        change = f"{accuracy.value:+.1f} points of accuracy ({accuracy.verdict})"
        parts.append(f"and has {change}")
    else:
        parts.append(f"and no accuracy ({text.reason(accuracy)})")
    return " ".join(parts) + "."


def _lines(
    profile: OperatorProfile | None, baseline: OperatorProfile | None
) -> tuple[OperatorLine, ...]:
    if profile is None or not profile.operators:
        return ()
    own = by_type(profile.operators)
    other = by_type(baseline.operators) if baseline is not None else {}
    total = profile.total_ns or 1.0
    lines = [
        OperatorLine(op_type, time_ns, time_ns / total, other.get(op_type))
        for op_type, time_ns in own.items()
    ]
    gone = [
        OperatorLine(op_type, 0.0, 0.0, time_ns)
        for op_type, time_ns in other.items()
        if op_type not in own
    ]
    return (*lines[:_ROWS], *gone[:_ROWS])


def _tensors(ledger: Ledger | None) -> tuple[TensorRow, ...]:
    if ledger is None:
        return ()
    telling = [
        row
        for row in worst_tensors(ledger)
        if row.nan or row.inf or row.clip or row.sqnr_db is not None
    ]
    return tuple(telling[:_ROWS])


def _products(ledger: Ledger | None) -> tuple[OperatorRow, ...]:
    if ledger is None:
        return ()
    telling = [row for row in worst_operators(ledger) if row.errors1 or row.saturated_pairs]
    return tuple(telling[:_ROWS])


def _missing(subject: ExplainedRun) -> tuple[str, ...]:
    if subject.is_decoder:
        return ("Time per operator and the overflow ledger are not taken of a language model.",)
    found = []
    if subject.profile is None:
        found.append("Time per operator was not measured for this run; measure it again.")
    elif subject.profile.why_not:
        found.append(f"No time per operator: {subject.profile.why_not}")
    if subject.ledger is None:
        found.append("The overflow ledger was not taken for this run; measure it again.")
    elif subject.ledger.why_not:
        found.append(f"No overflow ledger: {subject.ledger.why_not}")
    return tuple(found)
