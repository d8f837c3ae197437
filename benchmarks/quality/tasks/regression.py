"""Numbers: how much of their variance is explained (R2), with the mean absolute error."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...samples import Floats
from .base import Rows, Truth, lacks, misfit, one_output

NAME = "regression"
MEASURE = "R2"
K = 0
VERSION = 1
outputs = one_output


def problem(truth: Truth, samples: int) -> str:
    """It needs `truth/target`, finite numbers that are not all the same."""
    if why := lacks(truth, ("target",)):
        return why
    target = truth["target"]
    if target.dtype.kind not in "fiu" or not np.isfinite(target).all():
        return "truth/target is not all finite numbers"
    return "every truth/target is the same number" if np.ptp(target) == 0 else ""


def figures(rows: Sequence[Rows], truth: Truth, k: int) -> Floats:
    """Absolute and squared error, squared distance from the mean target, and values: (samples, 4).

    An answer that is no number is as wrong as the mean target, and its error is that of it.
    """
    target = truth["target"].astype(np.float64).reshape(len(truth["target"]), -1)
    told = np.asarray(rows[0]).astype(np.float64).reshape(len(rows[0]), -1)
    if told.shape != target.shape:
        raise misfit(
            f"The output has {told.shape[1]} numbers a sample, truth/target {target.shape[1]}."
        )
    middle = target.mean(axis=0)
    away = target - middle
    error = np.where(np.isfinite(told), told - target, away)
    columns = (np.abs(error), error**2, away**2, np.ones_like(error))
    return np.stack([one.sum(axis=1) for one in columns], axis=1)


def score(figures: Floats, weights: Floats) -> float:
    """The share of the variance of the targets that is explained; 0 where none is, or less."""
    squared, around = float(weights @ figures[:, 1]), float(weights @ figures[:, 2])
    return max(1.0 - squared / around, 0.0) if around > 0 else float("nan")


def details(figures: Floats, weights: Floats) -> dict[str, float]:
    """Mean absolute error and root of the mean squared error, in units of the target."""
    count = float(weights @ figures[:, 3])
    mean_square = float(weights @ figures[:, 1]) / count
    return {"mae": float(weights @ figures[:, 0]) / count, "rmse": mean_square**0.5}
