"""Numbers and codes of a tensor that has one scale."""

from __future__ import annotations

import numpy as np
from bitgauge.benchmarks.numerics.quantizing import codes_of, numbers_of


def test_codes_are_rounded_to_even_clipped_and_read_back() -> None:
    values = np.array([0.25, 0.75, -0.25, 99.0, -99.0], np.float32)
    codes = codes_of(values, np.int8, 0.5, 3)
    assert codes.dtype == np.int8
    assert codes.tolist() == [3, 5, 3, 127, -128]
    assert numbers_of(codes, 0.5, 3).tolist() == [0.0, 1.0, 0.0, 62.0, -65.5]
