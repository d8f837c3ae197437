"""Two scores on the same samples: the verdict, its error rate, and what is needed to decide."""

from __future__ import annotations

import numpy as np
from bitgauge.benchmarks.quality.scores import beats, compare


def mean(figures: np.ndarray, weights: np.ndarray) -> float:
    return float(weights @ figures[:, 0]) / float(weights.sum())


def test_equal_answers_pass_only_when_there_are_enough_samples() -> None:
    for n, verdict in ((50, "UNDECIDED"), (400, "PASS")):
        figures = np.random.default_rng(n).uniform(size=(n, 1))
        found = compare(mean, figures, figures, 0.01)
        assert (found.decision.verdict, found.delta, found.changed) == (verdict, 0.0, 0)
    assert found.decision.samples_needed is None


def test_a_loss_beyond_the_margin_fails_and_one_near_it_is_open() -> None:
    rng = np.random.default_rng(5)
    ref = rng.uniform(0.5, 1.0, (800, 1))
    lost = ref - 0.05 + rng.normal(scale=0.05, size=ref.shape)
    assert compare(mean, ref, lost, 0.01).decision.verdict == "FAIL"
    near = ref - 0.01 + rng.normal(scale=0.2, size=ref.shape)
    found = compare(mean, ref, near, 0.02)
    assert found.decision.verdict == "UNDECIDED"
    assert found.decision.samples_needed is None or found.decision.samples_needed > 0
    assert found.ends[0] < found.delta < found.ends[1]


def test_a_true_loss_of_twice_the_margin_seldom_passes() -> None:
    """Five of a hundred would be the promise at the margin itself."""
    passed = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        ref = rng.uniform(size=(300, 1))
        cand = ref - np.where(rng.uniform(size=ref.shape) < 0.04, 1.0, 0.0)
        passed += compare(mean, ref, cand, 0.02, seed=seed).decision.verdict == "PASS"
    assert passed <= 3


def test_samples_of_one_source_count_once() -> None:
    rng = np.random.default_rng(1)
    ref = np.repeat(rng.uniform(size=(20, 1)), 30, axis=0)
    cand = ref + np.repeat(rng.normal(scale=0.05, size=(20, 1)), 30, axis=0)
    apart = compare(mean, ref, cand, 0.01)
    together = compare(mean, ref, cand, 0.01, cluster=np.repeat(np.arange(20), 30))
    assert together.ends[1] - together.ends[0] > 3 * (apart.ends[1] - apart.ends[0])


def test_a_model_that_knows_something_beats_its_answers_to_other_samples() -> None:
    rng = np.random.default_rng(2)
    knows, guesses = rng.uniform(0.5, 1, (300, 1)), rng.uniform(0, 0.5, (300, 1))
    assert beats(mean, knows, guesses)[0] > 0.3
    low, high = beats(mean, guesses, np.roll(guesses, 1))
    assert low < 0 < high
