"""Numbers that cannot be, outliers that stay, and who else used the device."""

from __future__ import annotations

import math

import numpy as np
import pytest
from bitgauge.benchmarks.analysis.surroundings import foreign_share, surrounding_flags
from bitgauge.benchmarks.samples import BlockConditions
from bitgauge.benchmarks.stats.enough import enough_launches, half_width
from bitgauge.benchmarks.stats.sanity import harness_suspect, impossible_median, in_flight, outliers
from bitgauge.benchmarks.vocabulary.enums import Profile
from bitgauge.benchmarks.vocabulary.profiles import PLANS, plan_of
from bitgauge.benchmarks.vocabulary.values.jobs import Overrides
from scipy import stats

from tests.labs.conditions import conditions


def test_outliers_are_tukeys_and_counted_once() -> None:
    latencies = np.concatenate([np.arange(101), [149, 151, 224, 226, 1000]])
    first, third = np.quantile(latencies, [0.25, 0.75])
    mild_from, severe_from = third + 1.5 * (third - first), third + 3 * (third - first)
    mild = int(np.sum((latencies > mild_from) & (latencies <= severe_from)))
    severe = int(np.sum(latencies > severe_from))
    assert outliers(latencies) == (mild, severe)
    assert severe == 1
    assert outliers(np.full(50, 7)) == (0, 0)


def test_impossible_medians() -> None:
    assert impossible_median(0.0)
    assert impossible_median(15.0, 20.0)
    assert not impossible_median(25.0, 20.0)
    assert not impossible_median(25.0)


def test_littles_law_of_a_closed_loop() -> None:
    assert in_flight(1000.0, 50, 50_000.0) == 1.0
    assert not harness_suspect(0.97)
    assert harness_suspect(0.9)
    assert harness_suspect(1.1)
    assert harness_suspect(in_flight(1.0, 1, 0.0))  # unknown is suspect


def around(**columns: float) -> BlockConditions:
    return conditions(100, **columns)


SPENT = np.full(100, 10e6)


@pytest.mark.parametrize(
    ("columns", "flags"),
    [
        ({}, ()),
        ({"psi_some_avg10": 0.5}, ()),
        ({"psi_some_avg10": 5.0}, ("shared",)),
        # Our own threads press on each other: nobody else computed.
        ({"psi_some_avg10": 5.0, "foreign_ticks": 0.0}, ()),
        ({"psi_some_avg10": 5.0, "foreign_ticks": 0.05}, ("shared",)),
        ({"foreign_ticks": 0.05}, ()),
        ({"foreign_ticks": 0.2}, ("foreign_load",)),
        ({"foreign_ticks": -0.2}, ()),
        ({"steal_ticks": 0.01}, ("shared",)),
        ({"steal_ticks": 0.0}, ()),
    ],
)
def test_who_else_used_the_device(columns: dict[str, float], flags: tuple[str, ...]) -> None:
    assert surrounding_flags(around(**columns), SPENT) == flags


def test_foreign_share_is_of_one_processor() -> None:
    assert foreign_share(around(foreign_ticks=0.5), SPENT) == pytest.approx(0.5)
    assert foreign_share(around(foreign_ticks=2.0), SPENT) == pytest.approx(2.0)
    assert math.isnan(foreign_share(around(), SPENT))
    # A few ticks are chance however short the launch.
    few = around(foreign_ticks=2.0).take(np.arange(2))
    assert surrounding_flags(few, np.full(2, 10e6)) == ()


def test_certified_measures_until_it_is_precise() -> None:
    plan = PLANS[Profile.CERTIFIED]
    level = [1e6, 1.001e6, 0.999e6, 1.0005e6, 1e6]
    assert not enough_launches(level[:4], plan)  # never fewer than five
    assert enough_launches(level, plan)
    apart = [1e6, 1.1e6, 0.9e6, 1.05e6, 1e6]
    assert not enough_launches(apart, plan)
    assert enough_launches(apart * 3, plan)  # never more than fifteen
    assert not enough_launches([0.0, *level], plan)
    named = plan_of(Profile.CERTIFIED, Overrides(launches=7))
    assert not enough_launches([1e6] * 6, named)
    assert enough_launches([1e6] * 7, named)
    assert not enough_launches([1e6] * 4, PLANS[Profile.STANDARD])


def test_half_width_is_students_on_logarithms() -> None:
    medians = [1e6, 1.1e6, 0.9e6, 1.05e6]
    low, high = stats.t.interval(
        0.95, 3, loc=np.mean(np.log(medians)), scale=stats.sem(np.log(medians))
    )
    assert half_width(medians) == pytest.approx(math.expm1((high - low) / 2), rel=1e-9)
    assert half_width([1e6]) == math.inf
