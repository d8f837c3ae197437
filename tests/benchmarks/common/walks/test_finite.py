"""Nothing is written that holds a number which is none."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from bitgauge.benchmarks.common.walks.finite import require_finite
from bitgauge.benchmarks.vocabulary.errors import Internal
from bitgauge.benchmarks.vocabulary.values.campaigns import PlannedJob, RefreshPlan
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue, Progress

from tests.labs import values

PLAN = RefreshPlan(
    jobs=(PlannedJob(values.job(), "d", "rpi5", 3.0, ()),), seconds=3.0, budget_s=None
)


@pytest.mark.parametrize("number", [math.inf, -math.inf, math.nan])
def test_the_number_is_named_wherever_it_lies(number: float) -> None:
    spec = replace(values.job(), accuracy_margin_pp=number)
    plan = replace(PLAN, jobs=(*PLAN.jobs, replace(PLAN.jobs[0], spec=spec)))
    with pytest.raises(Internal, match=r"RefreshPlan\.jobs\[1\]\.spec\.accuracy_margin_pp is"):
        require_finite(plan)
    for value in (
        (MetricValue("latency_ratio", 1.0, number),),
        {"a": [1, number]},
        Progress(0, "fp32", "pair", number),
        number,
    ):
        with pytest.raises(Internal):
            require_finite(value)


def test_everything_else_is_written() -> None:
    for value in (PLAN, values.job(), values.device(), MetricValue("x"), {"a": (1.0, None)}, 3):
        require_finite(value)
