"""A calibration set beside what it shall stand for: what is found, what is left alone."""

from __future__ import annotations

import numpy as np
import pytest
from bitgauge.benchmarks import zoo
from bitgauge.benchmarks.quality.sets import EvaluationSet, read_evaluation_set
from bitgauge.benchmarks.vocabulary.errors import BadInput
from bitgauge.coordinator.sets.calibration.check import Likeness, check
from bitgauge.coordinator.sets.calibration.draw import draw
from bitgauge.coordinator.sets.calibration.effects import Alike, effects
from scipy.stats import ks_2samp


def a_set(values: np.ndarray, *, strata: list[str] | None = None, name: str = "x") -> EvaluationSet:
    ids = np.array([str(at) for at in range(len(values))])
    told = None if strata is None else np.array(strata)
    return EvaluationSet({name: values}, labels=None, ids=ids, strata=told)


def images(seed: int, count: int, *, shift: float = 0.0, scale: float = 1.0) -> np.ndarray:
    """Pixels that depend on each other, as those of a picture do: each has a brightness."""
    rng = np.random.default_rng(seed)
    brightness = rng.normal(shift, scale, (count, 1, 1, 1))
    return (brightness + 0.3 * rng.normal(size=(count, 3, 8, 8))).astype(np.float32)


def test_the_zoos_calibration_set_stands_for_its_evaluation_set() -> None:
    sets = [read_evaluation_set(one) for one in (zoo.calibration_path(), zoo.evaluation_path())]
    found = check(*sets, evaluation=sets[1])
    assert found.verdict is not Likeness.FAILED, found.reasons


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("shift", "scale", "verdict"),
    [(0.0, 1.0, Likeness.PASSED), (0.5, 1.0, Likeness.FAILED), (0.0, 2.0, Likeness.FAILED)],
)
def test_a_good_set_passes_and_a_shifted_one_fails(
    seed: int, shift: float, scale: float, verdict: Likeness
) -> None:
    reference = a_set(images(seed, 1_500))
    found = check(a_set(images(100 + seed, 400, shift=shift, scale=scale)), reference)
    assert (found.verdict is Likeness.FAILED) == (verdict is Likeness.FAILED), found.reasons


def test_a_test_on_pooled_pixels_misleads_both_ways() -> None:
    """It rejects brightness drawn anew from the same world, and misses what one feature shows."""
    mine, theirs = images(1, 200), images(2, 400)
    assert ks_2samp(mine.ravel(), theirs.ravel()).pvalue < 1e-6
    assert all(one.found is not Alike.SHIFTED for one in check(a_set(mine), a_set(theirs)).effects)
    rng = np.random.default_rng(3)
    wide, shifted = rng.normal(size=(400, 60)), rng.normal(size=(200, 60))
    shifted[:, 7] += 0.7
    pooled = ks_2samp(shifted.ravel(), wide.ravel()).pvalue
    each = [{str(at): one[:, at] for at in range(60)} for one in (shifted, wide)]
    first, *others = effects(*each)
    assert pooled > 0.05
    assert (first.feature, first.found) == ("7", Alike.SHIFTED)
    assert sum(one.found is Alike.SHIFTED for one in others) <= 2


def test_more_samples_do_not_make_a_harmless_shift_a_fault() -> None:
    rng = np.random.default_rng(5)
    mine, theirs = rng.normal(0.04, 1, 200_000), rng.normal(0, 1, 200_000)
    (one,) = effects({"x": mine}, {"x": theirs})
    assert ks_2samp(mine, theirs).pvalue < 1e-6
    assert one.found is Alike.ALIKE


def test_few_samples_are_no_evidence_of_sameness() -> None:
    rng = np.random.default_rng(7)
    (one,) = effects({"x": rng.normal(size=12)}, {"x": rng.normal(size=500)})
    assert one.found is Alike.UNCLEAR
    assert one.p_value > 0.05


def test_what_else_is_found() -> None:
    reference = a_set(images(1, 300), strata=["day", "night", "dusk"] * 100)
    half = images(2, 120)
    half = np.minimum(half, half.mean() + 1.0)
    half[60:] = half[:60]
    found = check(a_set(half, strata=["day", "night"] * 60), reference, evaluation=reference)
    said = " ".join(found.reasons)
    assert "No sample of dusk" in said
    assert found.repeated >= 60
    assert {one.feature for one in found.ranges} >= {"x most"}
    same = check(reference, reference, evaluation=reference)
    assert "300 of its samples are also in the evaluation set." in same.reasons
    few = check(a_set(images(3, 20)), reference)
    assert "It holds 20 samples; 100 to 500 are advised." in few.reasons
    flat = check(a_set(np.ones((100, 1), np.float32)), a_set(images(4, 100)[:, 0, 0, :1]))
    assert flat.constant == ("x",)


def test_tokens_are_compared_by_length_and_variety() -> None:
    rng = np.random.default_rng(9)
    long, short = rng.integers(1, 900, (300, 64)), rng.integers(1, 900, (200, 64))
    short[:, 20:] = 0
    found = check(a_set(short), a_set(long))
    assert {one.feature for one in found.effects if one.found is Alike.SHIFTED} >= {"x not 0"}


@pytest.mark.parametrize(
    ("calibration", "words"),
    [
        (a_set(np.zeros((5, 2), np.float32), name="y"), "has inputs y, the reference x"),
        (a_set(np.zeros((1, 2), np.float32)), "holds 1 sample"),
    ],
)
def test_what_cannot_be_compared_is_one_sentence(calibration: EvaluationSet, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        check(calibration, a_set(np.zeros((5, 2), np.float32)))


def test_a_choice_is_stratified_weighted_and_repeatable() -> None:
    pool = a_set(images(1, 300), strata=["day"] * 240 + ["night"] * 60)
    plain, again = draw(pool, 50, seed=3), draw(pool, 50, seed=3)
    assert np.array_equal(plain.places, again.places)
    assert (plain.places < 240).sum() == 40
    assert plain.notes == ()
    hard = draw(pool, 200, {"night": 8.0})
    assert "night has 60 samples" in hard.notes[0]
    assert "night is 30% of the choice and 20%" not in " ".join(hard.notes)
    outweighs = draw(pool, 50, {"night": 8.0})
    assert "ranges will fit it rather than what is common" in outweighs.notes[0]


@pytest.mark.parametrize(
    ("count", "weights", "words"),
    [
        (9, {}, "9 samples are asked for, the set holds 4"),
        (2, {"fog": 2.0}, "no stratum 'fog'; there are a, b"),
        (2, {"a": float("nan")}, "not a number from 0 up"),
        (2, {"a": 0.0, "b": 0.0}, "Every stratum has weight 0"),
    ],
)
def test_a_choice_that_cannot_be_made(count: int, weights: dict[str, float], words: str) -> None:
    with pytest.raises(BadInput, match=words):
        draw(a_set(images(1, 4), strata=["a", "b"] * 2), count, weights)
