"""When two answers count as the same."""

from __future__ import annotations

import numpy as np
import pytest
from bitgauge.coordinator.models.formats.onnx.order.agreement import ROUNDING, difference
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

FLOATS = arrays.arrays(np.float32, (4, 3), elements=st.floats(-1e6, 1e6, width=32))


@given(values=FLOATS, share=st.floats(-0.5, 0.5))
def test_rounding_is_no_difference_and_more_than_that_is(values: object, share: float) -> None:
    old = np.asarray(values, np.float64)
    largest = float(np.max(np.abs(old)))
    assert difference([old], [old + share * ROUNDING * largest]) == ""
    if largest > 0:
        assert difference([old], [old + 3 * ROUNDING * largest]) != ""


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (np.zeros(2), np.zeros(3), "output 0 is float64[3], not float64[2]"),
        (np.zeros(2, np.float32), np.zeros(2), "output 0 is float64[2], not float32[2]"),
        (np.array([1, 2]), np.array([1, 3]), "output 0 differs in 1 of 2 values"),
        (np.array([np.nan, 1]), np.array([1, 1]), "output 0 is not finite at other places"),
        (np.array([np.inf, 1]), np.array([-np.inf, 1]), "output 0 is not finite at other places"),
        (np.array([np.nan, np.inf]), np.array([np.nan, np.inf]), ""),
        (np.array([]), np.array([]), ""),
        (np.array([0.0]), np.array([1e-30]), "output 0 is off by 1e-30 of 0"),
        (np.array(["a"]), np.array(["a"]), ""),
        (np.array([2.0]), np.array([2.5]), "output 0 is off by 0.5 of 2"),
    ],
)
def test_what_differs_is_named(old: object, new: object, words: str) -> None:
    pair = [np.asarray(old)], [np.asarray(new)]
    if words and "float" not in words and pair[0][0].dtype.kind in "fi":
        pair = pair[0], [pair[1][0].astype(pair[0][0].dtype)]
    assert difference(*pair) == words


def test_a_missing_output_is_a_difference() -> None:
    assert difference([np.zeros(1)], []) == "0 outputs instead of 1"
