"""Comparisons, histories and regressions as plain frozen values.

Like `model`: each class has a message of the same name and fields in ``protos/v1``.
"""

from __future__ import annotations

from dataclasses import dataclass

from .model import MetricValue


@dataclass(frozen=True, slots=True)
class MetricChange:
    """How a metric moved from `before` to `after`, two separate measurements.

    Attributes:
        key: the metric.
        before: the earlier value.
        after: the later one.
        verdict: `improved`, `regressed`, `same` or `unknown`.
        scale: whether `value` is after / before (`ratio`) or after - before (`difference`).
        value: the change; None when there is none to name.
        low: lower bound at 95 %.
        high: upper bound at 95 %.
        reason: why the verdict is `unknown`, a key of `change.REASONS`.
    """

    key: str
    before: MetricValue
    after: MetricValue
    verdict: str
    scale: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    reason: str | None = None
