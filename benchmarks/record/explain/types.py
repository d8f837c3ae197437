"""What an explanation is made from, and what it is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ...numerics.ledger import Ledger
from ...raw.operators import OperatorProfile
from ...vocabulary import shown as text
from ...vocabulary.reasons import NOT_MEASURED
from ...vocabulary.values.runs import MetricValue

WRONG, SLOW, NOTE = "wrong", "slow", "note"
_LEAST_SHARE = 1e-4
_RANKS = {WRONG: 0, SLOW: 1, NOTE: 2}


@dataclass(frozen=True, slots=True)
class ExplainedRun:
    """One run as `explain` sees it.

    Attributes:
        metrics: published numbers by key.
        profile: its time per operator; None when that was not measured.
        baseline_profile: the baseline's.
        ledger: its overflow ledger; None when that was not taken.
        runtime: what executes it; "" when that is not told.
        baseline_runtime: what executes the baseline.
        threads: of a call.
        other_ways: how else its runtime executes what ran operator by operator, with what that
            costs; "" when it ran otherwise, or there is no other way.
        exact: how its runtime computes exactly, with what that costs; "" when there is no such way.
    """

    recipe: str
    metrics: Mapping[str, MetricValue]
    is_baseline: bool = False
    batch: int = 1
    profile: OperatorProfile | None = None
    baseline_profile: OperatorProfile | None = None
    ledger: Ledger | None = None
    runtime: str = ""
    baseline_runtime: str = ""
    threads: int = 1
    exact: str = ""
    other_ways: str = ""

    @property
    def is_decoder(self) -> bool:
        """Whether it is of a language model, of which there are numbers of requests."""
        return "ttft_ns" in self.metrics

    def metric(self, key: str) -> MetricValue:
        """A published number; null when the run has none of that name."""
        return self.metrics.get(key, MetricValue(key, reason=NOT_MEASURED))

    def detail(self, key: str, name: str) -> float | None:
        """A number in the details of a metric."""
        for item in self.metric(key).detail:
            if item.name == name:
                try:
                    return float(item.value)
                except ValueError:
                    return None
        return None

    def said(self, key: str, name: str) -> str:
        """A text in the details of a metric; "" when there is none."""
        return next((one.value for one in self.metric(key).detail if one.name == name), "")


@dataclass(frozen=True, slots=True)
class Finding:
    """One cause.

    Attributes:
        severity: `wrong` (results suffer), `slow` (time is lost) or `note`.
        code: which cause, stable.
        what: one sentence with its numbers.
        change: what to change, one sentence each; none where nothing helps.
        weight: larger comes first within a severity.
    """

    severity: str
    code: str
    what: str
    change: tuple[str, ...] = ()
    weight: float = 0.0

    @property
    def rank(self) -> tuple[int, float, str]:
        """Its place among others."""
        return _RANKS[self.severity], -self.weight, self.code


def share_words(share: float) -> str:
    """A share of 1 in per cent, with the digits that it needs."""
    if 0 < share < _LEAST_SHARE:
        return "<0.01 %"
    return f"{text.number(100 * share, 2)} %"
