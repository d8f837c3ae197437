"""What a test on all values of a set together would say, beside what is true of samples. Pure.

Values of one sample depend on each other, and one feature is drowned by the others: so such a test
rejects sets that are good and takes others that are not (measurement.md, E-6). It is computed to
show where it would mislead, and decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from bitgauge.benchmarks.numerics.integer_operator import spread
from bitgauge.benchmarks.quality.sets import EvaluationSet

from .effects import Alike, Effect

REJECTS = 0.05
"""A p-value below which such a test calls two sets different."""
_VALUES = 200_000
"""Of each side that are looked at, evenly spread."""


@dataclass(frozen=True, slots=True)
class PooledTest:
    """Kolmogorov and Smirnov's test on all values of one input together.

    Attributes:
        input: its name.
        ks: largest distance of the distribution functions, 0 to 1.
        p_value: as if every value were a sample of its own.
        misleads: it rejects where no feature of the samples is shifted, or accepts where one is.
    """

    input: str
    ks: float
    p_value: float
    misleads: bool


def pooled(
    calibration: EvaluationSet, reference: EvaluationSet, found: Iterable[Effect]
) -> tuple[PooledTest, ...]:
    """Each input of real numbers, of more than one value a sample.

    Args:
        calibration: the set.
        reference: what it shall stand for.
        found: what is true of their samples.
    """
    from scipy.stats import ks_2samp

    shifted = [one.feature for one in found if one.found is Alike.SHIFTED]
    answers = []
    for name, values in sorted(calibration.inputs.items()):
        if values.dtype.kind != "f" or values[0].size < 2:
            continue
        mine, theirs = (
            flat[spread(flat.size, _VALUES)]
            for flat in (values.reshape(-1), reference.inputs[name].reshape(-1))
        )
        test = ks_2samp(mine.astype(np.float64), theirs.astype(np.float64), method="asymp")
        rejects, p_value = bool(test.pvalue < REJECTS), float(test.pvalue)
        own = any(one.startswith(f"{name} ") for one in shifted)
        answers.append(PooledTest(name, float(test.statistic), p_value, rejects != own))
    return tuple(answers)
