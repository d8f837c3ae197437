"""Single classes, the first guesses and the worst samples, against the slow way and by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from bitgauge.benchmarks.quality.accuracy import score
from bitgauge.benchmarks.quality.classes import first_guesses, per_class
from bitgauge.benchmarks.quality.discrepancies import by_stratum, discrepancies
from bitgauge.benchmarks.quality.heads import Head, ranks
from bitgauge.benchmarks.samples import QualitySamples
from bitgauge.benchmarks.vocabulary.errors import BadInput
from hypothesis import given, settings
from hypothesis import strategies as st


def samples_of(ref: list[int], cand: list[int], labels: list[int], classes: int) -> QualitySamples:
    one_hot = np.eye(classes)
    logits = [3.0 * one_hot[told] + 0.1 * one_hot[labels] for told in (ref, cand)]
    return score(logits[0], logits[1], np.array(labels), None, Head.LOGITS)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(st.integers(-2, 2), min_size=4, max_size=4), min_size=1, max_size=6))
def test_a_rank_is_the_place_in_the_order_of_the_model(rows: list[list[int]]) -> None:
    matrix = np.array(rows, np.float64)
    labels = np.arange(len(rows)) % 4
    found = ranks(Head.LOGITS, matrix, labels)
    assert found is not None
    for row, label, rank in zip(rows, labels.tolist(), found.tolist(), strict=True):
        assert sorted(range(4), key=lambda at: -row[at]).index(label) == rank


def test_the_first_guesses_are_paired_and_decided() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 10, 600)
    logits = rng.normal(size=(600, 10)) + 2 * np.eye(10)[labels]
    bad = logits.copy()
    bad[:120] = -bad[:120]
    same, lost = (score(logits, one, labels, None) for one in (logits, bad))
    found = first_guesses(same, 5, 0.01)
    assert found is not None
    assert found.decision.verdict == "PASS"
    slow = np.mean(
        [label in np.argsort(-row)[:5] for row, label in zip(logits, labels, strict=True)]
    )
    assert found.baseline_pct == pytest.approx(100 * slow)
    found = first_guesses(lost, 5, 0.01)
    assert found is not None
    assert found.decision.verdict == "FAIL"
    assert first_guesses(same, 10, 0.01) is None


def test_a_critical_class_is_judged_by_itself() -> None:
    labels = [0] * 400 + [1] * 400 + [2] * 10
    ref = list(labels)
    cand = [0] * 400 + [0] * 40 + [1] * 360 + [2] * 10
    samples = samples_of(ref, cand, labels, 3)
    worst, *others = per_class(samples, {0: 1.0, 1: 2.0, 2: 1.0})
    assert (worst.label, worst.b, worst.c, worst.delta_pp) == (1, 40, 0, -10.0)
    assert (worst.verdict, worst.is_worse) == ("FAIL", True)
    verdicts = {one.label: one.verdict for one in others}
    assert verdicts == {0: "PASS", 2: "UNDECIDED"}
    assert not any(one.is_worse for one in others)
    assert all(one.verdict == "" for one in per_class(samples))
    with pytest.raises(BadInput, match="No sample of the evaluation set is of class 7"):
        per_class(samples, {7: 1.0})


def test_classes_that_change_by_chance_alone_are_seldom_called_worse() -> None:
    called = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        labels = np.repeat(np.arange(20), 120)
        wrong = [(labels + (rng.uniform(size=labels.size) < 0.1)) % 20 for _ in range(2)]
        found = per_class(samples_of(wrong[0].tolist(), wrong[1].tolist(), labels.tolist(), 20))
        called += any(one.is_worse for one in found)
    assert called <= 4


def test_what_was_lost_comes_first_with_both_answers() -> None:
    labels, ref, cand = [0, 1, 2, 0, 1], [0, 1, 0, 1, 1], [0, 2, 1, 0, 1]
    samples = replace(
        samples_of(ref, cand, labels, 3), strata=np.array(["day", "night", "day", "day", "night"])
    )
    found = discrepancies(samples)
    assert [(one.id, one.change) for one in found] == [("1", "lost"), ("2", "other"), ("3", "won")]
    lost = found[0]
    assert (lost.label, lost.baseline, lost.candidate, lost.stratum) == (1, 1, 2, "night")
    assert lost.candidate_confidence is not None
    assert 0.5 < lost.candidate_confidence < 1
    assert len(discrepancies(samples, most=1)) == 1
    assert by_stratum(samples) == (("night", 2, 1, 0), ("day", 3, 0, 1))
    assert discrepancies(score(np.eye(3), None, np.arange(3), None)) == ()
