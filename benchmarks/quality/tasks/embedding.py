"""Embeddings: whether the nearest others of each sample are those that belong to it; recall at k.

Two samples belong together whose `truth/item` is the same.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ...samples import Bools, Floats, Ints
from .base import Rows, Truth, lacks, misfit, no_details, one_output

NAME = "embedding"
MEASURE = "recall@{k}"
K = 10
VERSION = 1
MOST_SAMPLES = 20_000
"""Each is held against all others."""
_AT_ONCE = 256
outputs = one_output
details = no_details


def problem(truth: Truth, samples: int) -> str:
    """It needs `truth/item`, one for each sample, of which some have several."""
    if samples > MOST_SAMPLES:
        return f"it holds {samples} samples; {MOST_SAMPLES} are held against each other at most"
    if why := lacks(truth, ("item",)):
        return why
    item = truth["item"]
    if item.ndim != 1 or item.dtype.kind not in "iuU":
        return "truth/item is no number or name for each sample, (samples,)"
    if np.unique(item).size in (1, item.size):
        return "truth/item names the same item for all samples, or another one for each"
    return ""


def figures(rows: Sequence[Rows], truth: Truth, k: int) -> Floats:
    """Share of what belongs to each sample among its k nearest, at most 1: (samples, 1).

    NaN for a sample that is alone. Nearness is the cosine; ties count against it.
    """
    vectors = np.asarray(rows[0]).astype(np.float64).reshape(len(rows[0]), -1)
    if vectors.shape[1] < 2:
        raise misfit("The output has one number a sample, and an embedding has several.")
    items: Ints = np.unique(truth["item"], return_inverse=True)[1].astype(np.int64)
    directions = _directions(vectors)
    found = np.full((len(vectors), 1), np.nan)
    for start in range(0, len(vectors), _AT_ONCE):
        at = np.arange(start, min(start + _AT_ONCE, len(vectors)))
        near = directions[at] @ directions.T
        near[np.arange(at.size), at] = -np.inf
        mine: Bools = np.equal(items[at][:, None], items[None, :])
        mine[np.arange(at.size), at] = False
        order = np.lexsort((mine, -near), axis=1)[:, :k]
        hits = np.take_along_axis(mine, order, axis=1).sum(axis=1)
        there = np.minimum(mine.sum(axis=1), k)
        np.divide(hits, there, out=found[at[0] : at[-1] + 1, 0], where=there > 0)
    return found


def _directions(vectors: Floats) -> Floats:
    safe = np.where(np.isfinite(vectors).all(axis=1, keepdims=True), vectors, 0.0)
    lengths: npt.NDArray[np.float64] = np.linalg.norm(safe, axis=1, keepdims=True)
    # Rounded, so that what is equally near is a tie on every machine.
    found: Floats = np.round(safe / np.maximum(lengths, 1e-300), 9)
    return found


def score(figures: Floats, weights: Floats) -> float:
    """The mean over samples that are not alone."""
    known = np.isfinite(figures[:, 0])
    total = float(weights[known].sum())
    return float(weights[known] @ figures[known, 0]) / total if total > 0 else float("nan")
