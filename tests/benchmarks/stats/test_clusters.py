"""Sums over sums in clusters: coverage and errors of decisions, simulated with known truth."""

from __future__ import annotations

import math

import numpy as np
import pytest
from bitgauge.benchmarks.samples import Floats, Ints
from bitgauge.benchmarks.stats.clusters import at_most, ratio_of_sums

TRIALS = 800


def texts(rng: np.random.Generator, documents: int, mean: float) -> tuple[Floats, Ints, Ints]:
    """Losses per window of documents that differ in length and in how hard they are."""
    windows = rng.integers(1, 9, documents)
    document = np.repeat(np.arange(documents), windows)
    tokens = rng.integers(64, 256, document.size)
    own = rng.normal(mean, 0.02, documents)[document]
    return tokens * own + np.sqrt(tokens) * rng.normal(0, 0.1, document.size), tokens, document


@pytest.mark.parametrize("documents", [8, 24, 80])
def test_the_interval_covers_as_often_as_it_says(documents: int) -> None:
    rng = np.random.default_rng(documents)
    inside = 0
    for _ in range(TRIALS):
        interval = ratio_of_sums(*texts(rng, documents, 0.01)).interval(0.95)
        assert interval is not None
        inside += interval.low <= 0.01 <= interval.high
    # Of few documents of very different lengths the linearised variance is a little small.
    assert inside / TRIALS > 0.91


def test_rows_taken_for_independent_would_cover_far_less() -> None:
    """What clusters are for: each window its own cluster is wrong here."""
    rng = np.random.default_rng(1)
    inside = 0
    for _ in range(500):
        y, n, document = texts(rng, 24, 0.01)
        interval = ratio_of_sums(y, n, np.arange(document.size)).interval(0.95)
        assert interval is not None
        inside += interval.low <= 0.01 <= interval.high
    assert inside / 500 < 0.85


@pytest.mark.parametrize(
    ("true", "wrong"), [(0.01, "PASS"), (0.01, "FAIL"), (0.03, "PASS"), (-0.01, "FAIL")]
)
def test_a_decision_errs_at_most_as_often_as_it_may(true: float, wrong: str) -> None:
    rng = np.random.default_rng(7)
    found = [at_most(ratio_of_sums(*texts(rng, 24, true)), 0.01) for _ in range(TRIALS)]
    errors = sum(one is not None and one.verdict == wrong for one in found)
    assert errors / TRIALS < 0.075


def test_undecided_says_how_many_documents_would_do() -> None:
    rng = np.random.default_rng(3)
    found = next(
        one
        for one in (at_most(ratio_of_sums(*texts(rng, 12, 0.004)), 0.01) for _ in range(100))
        if one is not None and one.verdict == "UNDECIDED"
    )
    assert found.clusters_needed is not None
    assert found.clusters_needed >= 1
    same = ratio_of_sums(np.array([0.0, 2.0]), np.array([100, 100]), np.array([0, 1]))
    undecided = at_most(same, 0.01)
    assert undecided is not None
    assert (undecided.verdict, undecided.clusters_needed) == ("UNDECIDED", None)


def test_what_is_the_same_passes_and_one_document_tells_nothing() -> None:
    ones = np.ones(4, np.int64)
    same = at_most(ratio_of_sums(np.zeros(4), ones, np.arange(4)), 0.01)
    assert same is not None
    assert same.verdict == "PASS"
    one = ratio_of_sums(np.ones(4), ones, np.zeros(4, np.int64))
    assert math.isnan(one.deviation)
    assert (one.interval(0.95), at_most(one, 0.01)) == (None, None)


def test_the_deviation_is_the_jackknife_s() -> None:
    """Two ways to the same: linearised, and by leaving out a document each time."""
    y, n, document = texts(np.random.default_rng(5), 60, 0.01)

    def left(d: int) -> float:
        return float(y[document != d].sum() / n[document != d].sum())

    out = np.array([left(d) for d in range(60)])
    jackknife = math.sqrt(59 / 60 * np.sum((out - out.mean()) ** 2))
    assert ratio_of_sums(y, n, document).deviation == pytest.approx(jackknife, rel=0.05)


def test_a_design_effect_is_never_below_one() -> None:
    rng = np.random.default_rng(2)
    units = np.ones(4000, np.int64)
    clusters = np.repeat(np.arange(40), 100)
    alone = rng.integers(0, 2, 4000).astype(np.float64)
    assert 1 <= ratio_of_sums(alone, units, clusters).design_effect(0.25) < 2
    alike = np.repeat(rng.integers(0, 2, 40), 100).astype(np.float64)
    assert ratio_of_sums(alike, units, clusters).design_effect(0.25) > 50
