"""Outputs of production's kernels beside those of the runtime's reference kernels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt


class TwinTally:
    """How many outputs differ, and by how many output steps, over all calls.

    Args:
        outputs: their names.
        steps: what one code is worth in those that are made of codes.
    """

    def __init__(self, outputs: Sequence[str], steps: Mapping[str, float]) -> None:
        self._outputs, self._steps = tuple(outputs), steps
        self.elements = 0
        self.differing = 0
        self._worst = 0.0

    @property
    def steps(self) -> float | None:
        """The largest difference in steps; None where nothing that is of codes was compared."""
        return self._worst if self.elements and self._steps else None

    def add(
        self, observed: Mapping[str, npt.NDArray[Any]], twin: Mapping[str, npt.NDArray[Any]]
    ) -> None:
        """One call of both."""
        for name in self._outputs:
            one, other = observed.get(name), twin.get(name)
            if one is None or other is None or one.shape != other.shape or one.dtype.kind in "OUS":
                continue
            a, b = one.astype(np.float64), other.astype(np.float64)
            differs = (a != b) & ~(np.isnan(a) & np.isnan(b))
            self.elements += one.size
            self.differing += int(differs.sum())
            if step := self._steps.get(name):
                apart = np.abs(a - b)[np.isfinite(a) & np.isfinite(b)]
                self._worst = max(self._worst, float(apart.max(initial=0.0)) / step)
