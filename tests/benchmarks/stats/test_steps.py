"""Steps are found where there are some, and in fewer than 1 in 100 series where there are none."""

from __future__ import annotations

import math

import numpy as np
import pytest
from bitgauge.benchmarks.samples import Floats
from bitgauge.benchmarks.stats.sentinel import MIN_HISTORY
from bitgauge.benchmarks.stats.steps import find_steps, usual_range
from bitgauge.benchmarks.vocabulary.metrics import margin_of

SEED = 20261121
MARGIN = math.log1p(0.02)


def unchanged(
    random: np.random.Generator,
    n: int,
    *,
    noise: float,
    memory: float = 0.3,
    drift: float = 1.0,
    spikes: float = 0.05,
) -> Floats:
    """A series without any step: heavy tails, a memory of the run before, a slow drift, spikes.

    `drift` is over the whole series, in deviations; so is the height of spikes, 4 to 12.
    """
    shocks = random.standard_t(4, n) / math.sqrt(2)
    values = np.zeros(n)
    values[0] = shocks[0]
    for i in range(1, n):
        values[i] = memory * values[i - 1] + math.sqrt(1 - memory**2) * shocks[i]
    values += drift * np.linspace(-0.5, 0.5, n) * random.choice([-1, 1])
    hit = random.random(n) < spikes
    values[hit] += random.uniform(4, 12, int(hit.sum()))
    return np.asarray(noise * values)


def alarms(n: int, trials: int, **kind: float) -> float:
    """The share of series without a step in which one is found."""
    random = np.random.default_rng(SEED + n)
    found = sum(bool(find_steps(unchanged(random, n, **kind), MARGIN)) for _ in range(trials))
    return found / trials


@pytest.mark.parametrize("n", [MIN_HISTORY, 15, 30, 60])
@pytest.mark.parametrize("noise", [0.003, 0.01, 0.03])
def test_fewer_than_one_in_a_hundred_series_without_a_step_shows_one(n: int, noise: float) -> None:
    assert alarms(n, 1500, noise=noise) <= 0.01


def test_the_critical_value_is_what_holds_them_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bitgauge.benchmarks.stats.steps.CRITICAL", 3.0)
    assert alarms(30, 300, noise=0.03) > 0.1


@pytest.mark.parametrize(("n", "new", "least"), [(10, 4, 0.85), (20, 5, 0.95), (40, 3, 0.9)])
def test_a_step_of_ten_percent_in_noise_of_one_is_found(n: int, new: int, least: float) -> None:
    random = np.random.default_rng(SEED)
    found = 0
    for _ in range(200):
        values = unchanged(random, n, noise=0.01, spikes=0.0, drift=0.0)
        values[-new:] += math.log(1.10)
        found += any(abs(at - (n - new)) <= 1 for at in find_steps(values, MARGIN))
    assert found / 200 >= least


def test_two_steps_are_two() -> None:
    random = np.random.default_rng(SEED)
    values = random.normal(0, 0.003, 36)
    values[12:24] += 0.1
    assert find_steps(values, MARGIN) == (12, 24)


def test_a_spike_and_a_slope_are_no_steps() -> None:
    random = np.random.default_rng(SEED)
    values = random.normal(0, 0.003, 30)
    values[11] += 1.0
    assert find_steps(values, MARGIN) == ()
    assert find_steps(random.normal(0, 0.01, 30) + np.linspace(0, 0.01, 30), MARGIN) == ()


def test_what_is_within_the_margin_is_no_step() -> None:
    values = np.zeros(20)
    values[10:] = 0.9 * MARGIN
    assert find_steps(values, MARGIN) == ()
    values[10:] = 1.1 * MARGIN
    assert find_steps(values, MARGIN) == (10,)


def test_fewer_than_ten_values_say_nothing() -> None:
    values = np.array([0.0] * 5 + [1.0] * 4)
    assert values.size < MIN_HISTORY
    assert find_steps(values, MARGIN) == ()
    assert usual_range(values, MARGIN) is None
    assert find_steps(np.array([0.0] * 5 + [1.0] * 5), MARGIN) == (5,)


def test_values_that_never_scatter_have_the_margin_as_their_range() -> None:
    found = usual_range(np.full(12, -0.3), margin_of("accuracy_delta_pp"))
    assert found == pytest.approx((-0.4, -0.3, -0.2))


@pytest.mark.parametrize("n", [MIN_HISTORY, 20, 50])
def test_two_results_in_a_row_beyond_the_usual_range_are_rare_without_a_change(n: int) -> None:
    """A regression needs both: the run that shows it, and the one that confirms it."""
    random = np.random.default_rng(SEED)
    trials, confirmed = 3000, 0
    for _ in range(trials):
        values = unchanged(random, n + 2, noise=0.03)
        found = usual_range(values[:n], MARGIN)
        assert found is not None
        confirmed += bool((values[n:] > found[2]).all())
    assert confirmed / trials <= 0.01
