"""Outputs of production beside those of reference kernels: how many differ, and by how much."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from bitgauge.benchmarks.numerics.twin import TwinTally


def test_differences_are_counted_over_calls_and_outputs_in_steps_of_each() -> None:
    tally = TwinTally(("codes", "numbers", "floats"), {"codes": 1.0, "numbers": 0.5})
    same: dict[str, npt.NDArray[Any]] = {
        "codes": np.array([1, 2, 3], np.int8),
        "numbers": np.array([0.5, 1.0], np.float32),
        "floats": np.array([np.nan, 1.0], np.float32),
    }
    tally.add(same, same)
    assert (tally.elements, tally.differing, tally.steps) == (7, 0, 0.0)
    tally.add(same, {**same, "codes": np.array([1, 2, -125], np.int8)})
    assert (tally.elements, tally.differing, tally.steps) == (14, 1, 128.0)
    tally.add(same, {"numbers": np.array([0.5, -99.0], np.float32), "floats": same["floats"] + 1})
    assert (tally.elements, tally.differing, tally.steps) == (18, 3, 200.0)


def test_floats_have_no_steps_and_what_is_none_of_both_is_not_compared() -> None:
    tally = TwinTally(("y", "words", "ragged"), {})
    one: dict[str, npt.NDArray[Any]] = {
        "y": np.ones(2),
        "words": np.array(["a"]),
        "ragged": np.ones(3),
    }
    tally.add(one, {**one, "y": np.array([1.0, 1.5]), "ragged": np.ones(2)})
    assert (tally.elements, tally.differing, tally.steps) == (2, 1, None)
    assert TwinTally(("y",), {"y": 1.0}).steps is None, "nothing was compared"
