"""Ranking: each sample is a query, whose items get a score each; NDCG at k.

Gains are 2**relevance - 1, discounts the binary logarithm of the place (Burges and others 2005).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...samples import Floats
from .base import Rows, Truth, lacks, misfit, no_details, one_output

NAME = "ranking"
MEASURE = "NDCG@{k}"
K = 10
VERSION = 1
MOST_RELEVANT = 30
"""The greatest relevance: gains double with each step."""
outputs = one_output
details = no_details


def problem(truth: Truth, samples: int) -> str:
    """It needs `truth/relevance`, (samples, items); below 0 is no item."""
    if why := lacks(truth, ("relevance",)):
        return why
    relevance = truth["relevance"]
    if relevance.ndim != 2 or relevance.dtype.kind not in "fiu" or relevance.shape[1] < 2:
        return "truth/relevance is no number for each of several items, (samples, items)"
    if not np.isfinite(relevance).all() or relevance.max() > MOST_RELEVANT:
        return f"truth/relevance holds more than {MOST_RELEVANT}, or what is no number"
    return "" if (relevance > 0).any() else "no item of any query is relevant"


def figures(rows: Sequence[Rows], truth: Truth, k: int) -> Floats:
    """NDCG of each query, NaN for one without a relevant item: (samples, 1)."""
    relevance = truth["relevance"].astype(np.float64)
    told = np.asarray(rows[0]).astype(np.float64).reshape(len(rows[0]), -1)
    if told.shape != relevance.shape:
        raise misfit(
            f"The output scores {told.shape[1]} items a query, truth/relevance has"
            f" {relevance.shape[1]}."
        )
    told = np.where(np.isfinite(told), told, -np.inf)
    told = np.where(relevance < 0, -np.inf, told)
    gains = np.where(relevance > 0, 2.0 ** np.maximum(relevance, 0.0) - 1.0, 0.0)
    # What is scored alike is taken in the worst order: a tie is no knowledge.
    order = np.lexsort((gains, -told), axis=1)
    gained = np.take_along_axis(gains, order, axis=1)[:, :k]
    best = -np.sort(-gains, axis=1)[:, :k]
    discounts = np.log2(np.arange(best.shape[1]) + 2.0)
    ideal = (best / discounts).sum(axis=1)
    reached = (gained / discounts).sum(axis=1)
    found: Floats = np.full((len(ideal), 1), np.nan)
    np.divide(reached, ideal, out=found[:, 0], where=ideal > 0)
    return found


def score(figures: Floats, weights: Floats) -> float:
    """The mean over queries that have a relevant item."""
    known = np.isfinite(figures[:, 0])
    total = float(weights[known].sum())
    return float(weights[known] @ figures[known, 0]) / total if total > 0 else float("nan")
