"""Exact products and the 16-bit pair emulator, against the definition written out in loops."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from bitgauge.benchmarks.numerics.saturation import (
    exact_product,
    int32_safe,
    pair_sums,
    unsafe_pairs,
    wrap32,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

EXTREMES = (0, 1, 64, 127, 128, 254, 255)


@st.composite
def factors(draw: st.DrawFn) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int8]]:
    """Small matrices whose values crowd the corners where sums leave int16."""
    rows, depth, columns = (draw(st.integers(1, top)) for top in (5, 9, 5))
    large = st.one_of(st.sampled_from(EXTREMES), st.integers(0, 255))
    weights = st.one_of(st.sampled_from((-128, -127, -64, 0, 64, 65, 127)), st.integers(-128, 127))
    a = draw(hnp.arrays(np.uint8, (rows, depth), elements=large))
    b = draw(hnp.arrays(np.int8, (depth, columns), elements=weights))
    return a, b


def by_definition(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> tuple[npt.NDArray[np.int64], int]:
    """VPMADDUBSW and VPADDD, one pair at a time."""
    out, saturated = np.zeros((a.shape[0], b.shape[1]), np.int64), 0
    for m in range(a.shape[0]):
        for n in range(b.shape[1]):
            for k in range(0, a.shape[1], 2):
                pair = sum(int(a[m, i]) * int(b[i, n]) for i in range(k, min(k + 2, a.shape[1])))
                kept = max(-32768, min(32767, pair))
                out[m, n] += kept
                saturated += kept != pair
    return out, saturated


@given(factors())
@settings(max_examples=200)
def test_the_emulator_is_the_definition(
    both: tuple[npt.NDArray[np.uint8], npt.NDArray[np.int8]],
) -> None:
    a, b = both
    expected, saturated = by_definition(a, b)
    found = pair_sums(a, b)
    assert np.array_equal(exact_product(a, b) + found.excess, expected)
    assert found.saturated == saturated
    assert found.pairs == a.shape[0] * b.shape[1] * ((a.shape[1] + 1) // 2)


@given(factors())
@settings(max_examples=200)
def test_what_the_bound_calls_safe_never_saturates(
    both: tuple[npt.NDArray[np.uint8], npt.NDArray[np.int8]],
) -> None:
    a, b = both
    if not unsafe_pairs(b).any():
        assert pair_sums(a, b).rate == 0


@given(hnp.arrays(np.int8, (2, 1)))
def test_the_bound_is_exact(b: npt.NDArray[np.int8]) -> None:
    corners = np.array([[0, 0], [0, 255], [255, 0], [255, 255]], np.uint8)
    assert bool(unsafe_pairs(b)[0, 0]) == bool(pair_sums(corners, b).saturated)


@given(hnp.arrays(np.int8, (3, 7)), st.sampled_from([np.uint8, np.int8]), st.integers(0, 2**32 - 1))
def test_exact_products_are_exact(b: npt.NDArray[np.int8], kind: Any, seed: int) -> None:
    a = np.random.default_rng(seed).integers(-128, 128, (4, 3)).astype(kind)
    assert np.array_equal(exact_product(a, b), a.astype(np.int64) @ b.astype(np.int64))


@pytest.mark.parametrize("depth", [100, 600, 70_000])
def test_long_sums_are_exact_too(depth: int) -> None:
    """Each length takes another way: float32, float64, and sums that leave int32."""
    a = np.full((1, depth), 255, np.uint8)
    b = np.full((depth, 1), -128, np.int8)
    a[0, -1] = 254
    assert exact_product(a, b)[0, 0] == -128 * (255 * depth - 1)


def test_x6_by_hand() -> None:
    a, b = np.array([[255, 255]], np.uint8), np.array([[127], [127]], np.int8)
    assert exact_product(a, b)[0, 0] == 64_770
    assert (exact_product(a, b) + pair_sums(a, b).excess)[0, 0] == 32_767


@pytest.mark.parametrize(("first", "saturated"), [(128, 0), (129, 1)])
def test_the_smallest_activations_that_saturate(first: int, saturated: int) -> None:
    a, b = np.array([[first, 128]], np.uint8), np.full((2, 1), -128, np.int8)
    assert pair_sums(a, b).saturated == saturated


def test_seven_bit_weights_are_safe() -> None:
    worst = np.array([[64, -64], [64, -64]], np.int8)
    assert not unsafe_pairs(worst).any()
    assert unsafe_pairs(worst + np.array([[1, -1], [0, 0]], np.int8)).all()


@pytest.mark.parametrize(
    ("kinds", "longest"),
    [((np.uint8, np.int8), 65_793), ((np.uint8, np.uint8), 33_025), ((np.int8, np.int8), 131_071)],
)
def test_int32_bound(kinds: tuple[Any, Any], longest: int) -> None:
    a, b = (np.dtype(kind) for kind in kinds)
    assert int32_safe(longest, a, b)
    assert not int32_safe(longest + 1, a, b)
    assert not int32_safe(longest, a, b, bias=1 << 20)


def test_sums_wrap_as_int32_does() -> None:
    sums = np.array([2**31, -(2**31) - 1, 5])
    assert wrap32(sums).tolist() == [-(2**31), 2**31 - 1, 5]
