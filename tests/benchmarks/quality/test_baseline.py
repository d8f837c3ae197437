"""When a baseline is one that anything can be compared with: how often right, how often wrong."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from bitgauge.benchmarks.quality.accuracy import score
from bitgauge.benchmarks.quality.baseline import (
    AGAIN,
    Fault,
    Soundness,
    agreement_fault,
    observe,
    soundness,
)
from bitgauge.benchmarks.quality.heads import Head
from bitgauge.benchmarks.samples import BaselineSamples, Ints
from bitgauge.benchmarks.vocabulary.reasons import ADVICE, REASONS, UNSOUND
from hypothesis import given
from hypothesis import strategies as st

SETS = 200


def judged(predicted: npt.NDArray[np.int64], labels: Ints | None, classes: int) -> Soundness:
    return soundness(score(3.0 * np.eye(classes)[predicted], None, labels, None), None)


def of_labels(faults: Soundness) -> str:
    """`sound`, `untold`, or the first fault."""
    if faults.faults:
        return faults.faults[0].reason
    return "untold" if faults.untold else "sound"


def simulated(classes: int, n: int, accuracy: float, seed: int) -> str:
    """Labels as they come; right in a share of `accuracy`, else any other class."""
    rng = np.random.default_rng((classes, n, round(1000 * accuracy), seed))
    labels = rng.integers(0, classes, n)
    wrong = (labels + rng.integers(1, classes, n)) % classes
    return of_labels(judged(np.where(rng.random(n) < accuracy, labels, wrong), labels, classes))


def rates(classes: int, n: int, accuracy: float) -> dict[str, float]:
    found = [simulated(classes, n, accuracy, seed) for seed in range(SETS)]
    return {word: found.count(word) / SETS for word in ("sound", "untold", "baseline_at_chance")}


@pytest.mark.parametrize("classes", [2, 3, 10, 100])
@pytest.mark.parametrize("n", [8, 11, 32, 128, 400])
def test_a_baseline_that_is_half_way_to_perfect_is_hardly_ever_blocked(
    classes: int, n: int
) -> None:
    assert rates(classes, n, 0.5 + 0.5 / classes)["baseline_at_chance"] <= 0.02


@pytest.mark.parametrize("classes", [2, 10, 100])
def test_from_some_hundred_samples_on_a_weak_one_passes(classes: int) -> None:
    assert rates(classes, 400, 1 / classes + 0.35 * (1 - 1 / classes))["sound"] >= 0.99


@pytest.mark.parametrize(("classes", "n"), [(2, 400), (3, 128), (10, 64), (100, 16)])
def test_one_that_guesses_is_found(classes: int, n: int) -> None:
    found = rates(classes, n, 1 / classes)
    assert found["baseline_at_chance"] >= 0.95
    assert found["sound"] <= 0.02


def test_a_few_samples_of_two_classes_tell_nothing() -> None:
    found = rates(2, 8, 0.75)
    assert found["untold"] > 0.8
    assert found["baseline_at_chance"] <= 0.02


@given(st.lists(st.integers(0, 9), min_size=1, max_size=300))
def test_one_that_is_always_right_is_never_at_chance(labels: list[int]) -> None:
    word = of_labels(judged(np.array(labels), np.array(labels), 10))
    assert word in ("sound", "untold", "baseline_one_label")
    assert (word == "baseline_one_label") == (len(set(labels)) == 1 and len(labels) > 5)


@given(st.lists(st.integers(0, 10), min_size=24, max_size=300), st.integers(1, 10))
def test_labels_that_count_from_elsewhere_are_found(labels: list[int], shift: int) -> None:
    found = judged(np.array(labels), (np.array(labels) + shift) % 11, 11)
    assert of_labels(found) in ("baseline_at_chance", "baseline_one_label")


@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=120),
    st.permutations(range(5)),
    st.randoms(use_true_random=False),
)
def test_neither_the_order_nor_the_names_of_classes_matter(
    pairs: list[tuple[int, int]], names: list[int], shuffle: object
) -> None:
    predicted, labels = np.array(pairs).T
    order = np.argsort([shuffle.random() for _ in pairs])  # type: ignore[attr-defined]
    other = judged(np.array(names)[predicted][order], np.array(names)[labels][order], 5)
    first = judged(predicted, labels, 5)
    counts = np.bincount(labels, minlength=5)
    if np.count_nonzero(counts == counts.max()) == 1:  # else the guess is one of several
        assert of_labels(first) == of_labels(other)


def test_eleven_samples_of_a_good_one_are_enough() -> None:
    labels = np.arange(11) % 10
    predicted = labels.copy()
    predicted[4] = 0
    assert judged(predicted, labels, 10) == Soundness()


def test_the_figures_say_how_it_does_and_what_a_guess_does() -> None:
    labels = np.repeat(np.arange(4), [40, 30, 30, 28])
    (fault,) = judged((labels + 1) % 4, labels, 4).faults
    said = dict(fault.detail)
    assert (fault.reason, said["right"], said["guessed"], said["samples"]) == (
        *("baseline_at_chance", 0, 40),
        128,
    )
    assert said["gain_high_pp"] < 0


def test_one_that_always_gives_the_most_frequent_class_is_at_chance() -> None:
    labels = (np.arange(1000) % 20 == 0).astype(np.int64)
    assert of_labels(judged(np.zeros(1000, np.int64), labels, 2)) == "baseline_at_chance"
    worse = np.where(np.arange(1000) % 5 == 0, 1, 0)  # 85 %, where one answer has 95 %
    assert of_labels(judged(worse, labels, 2)) == "baseline_at_chance"
    rare = np.where(np.arange(1000) % 40 == 0, 1, 0)  # finds half of them, and no others
    assert of_labels(judged(rare, labels, 2)) == "sound"


def test_without_labels_or_classes_chance_is_no_question() -> None:
    assert judged(np.arange(50) % 5, None, 5) == Soundness()
    assert soundness(score(np.ones((50, 1)), None, np.zeros(50), None), None) == Soundness()


def watched(
    outputs: npt.NDArray[np.generic],
    again: npt.NDArray[np.generic] | None = None,
    *,
    ranked: bool = True,
) -> list[str]:
    """The faults of a baseline without labels."""
    observed = observe(outputs, outputs[:AGAIN] if again is None else again, ranked=ranked)
    return [one.reason for one in faults_of(outputs, observed)]


def faults_of(
    outputs: npt.NDArray[np.generic], observed: BaselineSamples | None
) -> tuple[Fault, ...]:
    return soundness(score(outputs, None, None, None), observed).faults


LOGITS = np.random.default_rng(7).normal(0, 3, (64, 10)).astype(np.float32)


def test_a_sound_one_has_no_fault() -> None:
    assert watched(LOGITS) == []
    assert watched(LOGITS, LOGITS[:AGAIN] * np.float32(1 + 1e-6)) == []  # another order of sums


def test_one_output_that_is_no_number_is_a_fault() -> None:
    bad = LOGITS.copy()
    bad[3, 2] = np.nan
    assert watched(bad) == ["baseline_nonfinite"]
    (fault,) = faults_of(bad, None)
    assert dict(fault.detail) == {"nonfinite": 1, "samples": 64}
    assert "baseline_nonfinite" in watched(np.full((64, 10), np.inf))


def test_noise_is_found_and_said() -> None:
    noisy = LOGITS[:AGAIN] + np.random.default_rng(1).normal(0, 0.01, (AGAIN, 10))
    assert watched(LOGITS, noisy) == ["baseline_noisy"]
    sometimes = LOGITS[:AGAIN].copy()
    sometimes[-1, 0] = np.nan
    assert watched(LOGITS, sometimes) == ["baseline_noisy"]


def test_of_whole_numbers_every_difference_is_noise() -> None:
    classes = np.arange(40_000).reshape(-1, 1)
    again = classes[:AGAIN].copy()
    again[5] += 1
    assert watched(classes, ranked=False) == []
    assert watched(classes, again, ranked=False) == ["baseline_noisy"]


def test_one_output_for_all_samples_says_nothing() -> None:
    assert watched(np.tile(LOGITS[:1], (20, 1))) == ["baseline_constant"]
    assert watched(np.zeros((20, 10))) == ["baseline_constant"]
    assert watched(LOGITS[:1]) == []  # one sample is no series


def test_constant_weights_tie_every_class() -> None:
    sums = np.repeat(LOGITS.sum(axis=1, keepdims=True), 10, axis=1)
    assert watched(sums) == ["baseline_tied"]
    assert watched(sums, ranked=False) == []
    few = LOGITS.copy()
    few[:20] = 0
    assert watched(few) == []


@given(st.integers(0, 10_000))
def test_a_few_near_ties_are_no_other_device(samples: int) -> None:
    assert agreement_fault(samples, samples, 0.99) is None
    assert samples < 2 or agreement_fault(0, samples, 0.99) is not None


def test_the_reference_decides_by_how_many_samples_differ() -> None:
    assert agreement_fault(10, 11, 0.99) is None
    assert agreement_fault(9, 11, 0.99) is not None
    assert agreement_fault(985, 1000, 0.99) is None
    assert agreement_fault(980, 1000, 0.99) is not None
    assert agreement_fault(99_000, 100_000, 0.99) is None
    assert agreement_fault(98_000, 100_000, 0.99) is not None


def test_each_fault_has_words_and_an_advice() -> None:
    assert set(UNSOUND) == set(ADVICE)
    assert set(UNSOUND) <= set(REASONS)


LABELS, FAIR = 20, 0.9


def of_several(told: npt.NDArray[np.int64], labels: npt.NDArray[np.int64]) -> Soundness:
    found = score(4.0 * told - 2.0, None, labels, None, Head.MULTI_LABEL_LOGITS)
    return soundness(found, None, several_labels=True)


@given(st.integers(0, 2**32), st.floats(0.05, 0.3))
def test_a_fair_model_of_many_labels_is_never_called_at_chance(seed: int, share: float) -> None:
    """Right at nine of ten labels it has one set of twenty in eight right, the empty set more."""
    rng = np.random.default_rng(seed)
    labels = (rng.random((200, LABELS)) < share).astype(np.int64)
    told = np.where(rng.random(labels.shape) < FAIR, labels, 1 - labels)
    assert of_labels(of_several(told, labels)) in ("sound", "untold")


def test_of_several_labels_what_beats_the_most_frequent_set_is_sound() -> None:
    rng = np.random.default_rng(5)
    labels = rng.integers(0, 2, (200, 3))
    assert of_labels(of_several(labels, labels)) == "sound"
    assert of_labels(of_several(np.zeros_like(labels), labels)) == "untold"
    same = np.ones_like(labels)
    assert of_labels(of_several(same, same)) == "baseline_one_label"
