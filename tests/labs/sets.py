"""Evaluation sets as users bring them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from bitgauge.benchmarks.common.npz import Arrays, write_npz
from bitgauge.benchmarks.quality.sets import PREFIX, SCHEMA, EvaluationSet


def write_evaluation_set(path: Path, evaluation: EvaluationSet) -> None:
    """Write a set to `path`."""
    arrays: Arrays = {"schema": np.array(SCHEMA), "ids": evaluation.ids}
    arrays |= {PREFIX + name: array for name, array in evaluation.inputs.items()}
    for name in ("labels", "strata", "cluster"):
        array = getattr(evaluation, name)
        if array is not None:
            arrays[name] = array
    write_npz(path, arrays)
