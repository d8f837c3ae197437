"""Frozen ranges against held-out values: as the slow way has it, and where they do not hold."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from bitgauge.benchmarks.vocabulary.errors import BadInput
from bitgauge.coordinator.sets.calibration.coverage import (
    LEAST_CALLS,
    METHODS,
    MIN_MAX,
    PERCENTILE,
    ActivationCheck,
    Calls,
    TensorCoverage,
    coverage,
)
from hypothesis import given, settings
from hypothesis import strategies as st

RNG = np.random.default_rng(0)


def calls_of(rows: np.ndarray) -> Calls:
    """One call a row, whose one tensor is that row."""

    def calls() -> Iterator[dict[str, np.ndarray]]:
        for row in rows:
            yield {"t": row, "tokens": np.arange(3)}

    return calls


def one_of(calibration: np.ndarray, reference: np.ndarray, method: str = MIN_MAX) -> TensorCoverage:
    [found] = coverage(calls_of(calibration), calls_of(reference), method)
    return found


@settings(max_examples=50, deadline=None)
@given(
    st.integers(LEAST_CALLS, 12).flatmap(
        lambda n: st.lists(
            st.lists(st.floats(-4, 4, width=16), min_size=3, max_size=3), min_size=n, max_size=n
        )
    ),
    st.lists(st.lists(st.floats(-6, 6, width=16), min_size=3, max_size=3), min_size=1, max_size=5),
)
def test_the_whole_range_and_what_leaves_it_are_what_the_slow_way_finds(
    mine: list[list[float]], theirs: list[list[float]]
) -> None:
    found = one_of(np.array(mine), np.array(theirs))
    values = [value for row in mine for value in row]
    others = [value for row in theirs for value in row]
    assert (found.low, found.high) == (min(values), max(values))
    outside = [value for value in others if not min(values) <= value <= max(values)]
    assert found.clipped == pytest.approx(len(outside) / len(others))
    assert 0 <= found.held_out <= 1
    assert found.scale_spread >= 0


@pytest.mark.parametrize("method", METHODS)
def test_samples_of_one_world_are_covered_and_wider_ones_are_not(method: str) -> None:
    mine, theirs = RNG.normal(size=(256, 200)), RNG.normal(size=(400, 200))
    good = one_of(mine, theirs, method)
    assert not good.is_clipped
    assert not good.is_loose
    assert good.held_out > 0  # no half holds all of the other
    wide = one_of(mine, 2 * theirs, method)
    assert wide.is_clipped
    check = ActivationCheck(method, (256, 400), (wide,))
    assert "1 of 1 tensors of the model leave the ranges" in check.failures[0]
    assert ActivationCheck(method, (256, 400), (good,)).failures == ()


def test_a_range_that_one_sample_sets_is_loose() -> None:
    mine = RNG.normal(size=(100, 50))
    mine[7] *= 100
    found = one_of(mine, RNG.normal(size=(100, 50)))
    assert found.is_loose
    assert not found.is_clipped
    assert (
        "ranges that the set does not fix" in ActivationCheck(MIN_MAX, (1, 1), (found,)).warnings[0]
    )


def test_a_percentile_leaves_out_what_is_rare_and_keeps_its_share() -> None:
    mine = RNG.normal(size=(200, 2_000)).astype(np.float32)
    mine[3, 5] = 1_000.0
    whole, narrow = (one_of(mine, mine, method) for method in (MIN_MAX, PERCENTILE))
    assert whole.high == 1_000.0
    assert 3.5 < narrow.high < 10
    assert 0 < narrow.clipped <= 1e-5


def test_values_that_are_no_numbers_count_nowhere() -> None:
    mine = RNG.normal(size=(8, 4))
    mine[0, 0], mine[1, 1] = np.nan, np.inf
    found = one_of(mine, np.full((1, 4), np.nan))
    assert np.isfinite([found.low, found.high, found.scale_spread]).all()
    assert found.clipped == 0


def test_too_few_calls_are_said() -> None:
    with pytest.raises(BadInput, match="run 3 times on the calibration set"):
        one_of(RNG.normal(size=(3, 4)), RNG.normal(size=(3, 4)))
