"""Each kind of task against a slow and obvious way to the same score."""

from __future__ import annotations

import math

import numpy as np
import pytest
from bitgauge.benchmarks.quality.sets import EvaluationSet
from bitgauge.benchmarks.quality.tasks import (
    detection,
    embedding,
    ranking,
    regression,
    segmentation,
)
from bitgauge.benchmarks.quality.tasks.base import TaskKind
from bitgauge.benchmarks.quality.tasks.registry import asked_of, kinds, require_task
from bitgauge.benchmarks.vocabulary.errors import BadInput
from hypothesis import given, settings
from hypothesis import strategies as st

KINDS: tuple[TaskKind, ...] = (detection, embedding, ranking, regression, segmentation)
SEEDS = st.integers(0, 2**32 - 1)
FEW = settings(max_examples=40, deadline=None)


def repeated(weights: np.ndarray, *arrays: np.ndarray) -> list[np.ndarray]:
    """The samples, each as often as it counts: what weights mean."""
    return [np.repeat(one, weights.astype(int), axis=0) for one in arrays]


def drawn(rng: np.random.Generator, n: int) -> np.ndarray:
    return np.bincount(rng.integers(0, n, n), minlength=n).astype(np.float64)


@FEW
@given(SEEDS)
def test_regression_explains_what_the_textbook_says(seed: int) -> None:
    rng = np.random.default_rng(seed)
    target, weights = rng.normal(size=(9, 2)), drawn(rng, 9)
    told = target + rng.normal(scale=0.3, size=(9, 2))
    figures = regression.figures([told], {"target": target}, 0)
    mine, theirs = repeated(weights, told, target)
    around = ((theirs - target.mean(axis=0)) ** 2).sum()
    wanted = max(1 - ((mine - theirs) ** 2).sum() / around, 0)
    assert regression.score(figures, weights) == pytest.approx(wanted)
    assert regression.details(figures, weights)["mae"] == pytest.approx(
        np.abs(mine - theirs).mean()
    )


def slow_ndcg(scores: list[float], relevance: list[float], k: int) -> float:
    items = sorted(zip(scores, relevance, strict=True), key=lambda one: (-one[0], one[1]))

    def gain(found: list[float]) -> float:
        return sum((2 ** max(one, 0) - 1) / math.log2(at + 2) for at, one in enumerate(found[:k]))

    best = gain(sorted(relevance, reverse=True))
    return gain([one for _, one in items]) / best if best else math.nan


@FEW
@given(SEEDS, st.integers(1, 6))
def test_ranking_is_ndcg_with_ties_in_the_worst_order(seed: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    scores, relevance = rng.integers(0, 4, (7, 5)).astype(float), rng.integers(0, 3, (7, 5))
    found = ranking.figures([scores], {"relevance": relevance}, k)[:, 0]
    wanted = [slow_ndcg(*one, k) for one in zip(scores.tolist(), relevance.tolist(), strict=True)]
    np.testing.assert_allclose(found, wanted)
    weights = drawn(rng, 7)
    mean = np.nanmean(np.repeat(wanted, weights.astype(int))) if np.isfinite(wanted).any() else None
    if mean is not None and np.isfinite(mean):
        assert ranking.score(found[:, None], weights) == pytest.approx(mean)


@FEW
@given(SEEDS)
def test_segmentation_is_the_mean_over_classes_of_counted_pixels(seed: int) -> None:
    rng = np.random.default_rng(seed)
    mask, told = rng.integers(-1, 3, (5, 3, 4)), rng.integers(0, 4, (5, 3, 4))
    if mask.max() < 0:
        return
    weights = drawn(rng, 5)
    figures = segmentation.figures([told], {"mask": mask}, 0)
    mine, theirs = (one.ravel() for one in repeated(weights, told, mask))
    mine, theirs = mine[theirs >= 0], theirs[theirs >= 0]
    ious = []
    for one in range(int(mask.max()) + 1):
        both = sum((mine == one) & (theirs == one))
        either = sum((mine == one) | (theirs == one))
        if either:
            ious.append(both / either)
    found = segmentation.score(figures, weights)
    assert found == pytest.approx(np.mean(ious)) if ious else math.isnan(found)
    logits = np.eye(4)[told]
    np.testing.assert_array_equal(segmentation.figures([logits], {"mask": mask}, 0), figures)
    moved = np.moveaxis(logits, 3, 1)
    np.testing.assert_array_equal(segmentation.figures([moved], {"mask": mask}, 0), figures)


@FEW
@given(SEEDS, st.integers(1, 4))
def test_embedding_finds_what_belongs_together(seed: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    vectors, item = rng.normal(size=(8, 3)), rng.integers(0, 3, 8)
    found = embedding.figures([vectors], {"item": item}, k)[:, 0]
    for at, own in enumerate(vectors):
        others = [one for one in range(8) if one != at]
        mine = [one for one in others if item[one] == item[at]]
        near = sorted(
            others,
            key=lambda one: (
                -own @ vectors[one] / np.linalg.norm(own) / np.linalg.norm(vectors[one])
            ),
        )
        wanted = len(set(near[:k]) & set(mine)) / min(len(mine), k) if mine else math.nan
        assert found[at] == pytest.approx(wanted, nan_ok=True)


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    both = max(width, 0) * max(height, 0)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return float(both / (sum(areas) - both))


def slow_map(images: list[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> float:
    """Of images as detections (boxes, 6), true boxes and their classes; by counting."""
    precisions = []
    for one in sorted({int(c) for _, _, classes in images for c in classes}):
        for threshold in detection.THRESHOLDS:
            ranked: list[tuple[float, int]] = []
            total = sum(int((classes == one).sum()) for _, _, classes in images)
            for told, boxes, classes in images:
                free = [box for box, c in zip(boxes, classes, strict=True) if c == one]
                mine = sorted((row for row in told if row[5] == one), key=lambda row: -row[4])
                for row in mine:
                    best = max(free, key=lambda box: overlap(row[:4], box), default=None)
                    hit = best is not None and overlap(row[:4], best) >= threshold
                    if hit:
                        free = [box for box in free if box is not best]
                    ranked.append((row[4], int(hit)))
            ranked.sort(key=lambda pair: -pair[0])
            curve, right = [], 0
            for at, (_, hit) in enumerate(ranked, 1):
                right += hit
                curve.append((right / total, right / at))
            levels = np.linspace(0, 1, 101)
            precisions.append(
                np.mean([max((p for r, p in curve if r >= x - 1e-12), default=0) for x in levels])
            )
    return float(np.mean(precisions))


def pictures(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Detections (n, 6, 6), true boxes (n, 3, 4) and their classes, some of them absent."""
    corners = rng.uniform(0, 50, (n, 3, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(5, 30, (n, 3, 2))], axis=2)
    classes = rng.integers(-1, 2, (n, 3))
    classes[0, 0] = 1
    told = np.zeros((n, 6, 6))
    told[:, :3, :4] = boxes + rng.normal(scale=2, size=boxes.shape)
    far = rng.uniform(0, 50, (n, 3, 2))
    told[:, 3:, :4] = np.concatenate([far, far + 10], axis=2)
    told[:, :, 4] = rng.permutation(n * 6).reshape(n, 6) / (6 * n) + 0.01  # no two are alike
    told[:, :3, 5], told[:, 3:, 5] = classes, rng.integers(0, 2, (n, 3))
    return told, boxes, classes


@settings(max_examples=15, deadline=None)
@given(SEEDS)
def test_detection_is_the_mean_average_precision_by_counting(seed: int) -> None:
    rng = np.random.default_rng(seed)
    told, boxes, classes = pictures(rng, 5)
    truth = {"boxes": boxes, "classes": classes}
    figures = detection.figures([told], truth, 100)
    images = [
        (one[one[:, 5] >= 0], mine[own >= 0], own[own >= 0])
        for one, mine, own in zip(told, boxes, classes, strict=True)
    ]
    assert detection.score(figures, np.ones(5)) == pytest.approx(slow_map(images))
    apart = [told[:, :, :4], told[:, :, 4], told[:, :, 5]]
    np.testing.assert_array_equal(detection.figures(apart, truth, 100), figures)


def test_a_perfect_answer_scores_one_and_none_scores_nothing() -> None:
    rng = np.random.default_rng(3)
    _, boxes, classes = pictures(rng, 4)
    relevance, item = rng.integers(0, 4, (6, 5)), np.array([0, 0, 1, 1, 2, 2])
    relevance[:, 0] = 4
    mask, target = rng.integers(0, 3, (4, 3, 3)), rng.normal(size=6)
    sure = np.concatenate([boxes, np.ones((4, 3, 1)), classes[:, :, None]], axis=2)
    cases: tuple[tuple[TaskKind, dict[str, np.ndarray], np.ndarray, float], ...] = (
        (detection, {"boxes": boxes, "classes": classes}, sure, 1.0),
        (embedding, {"item": item}, np.eye(3)[item], 1.0),
        (ranking, {"relevance": relevance}, relevance.astype(float), 1.0),
        (regression, {"target": target}, target, 1.0),
        (segmentation, {"mask": mask}, mask, 1.0),
    )
    for kind, truth, answer, wanted in cases:
        assert kind.problem(truth, len(answer)) == "", kind.NAME
        weights = np.ones(len(answer))
        assert kind.score(kind.figures([answer], truth, 1), weights) == pytest.approx(wanted)
        bad = np.full(answer.shape, np.nan)
        worst = kind.score(kind.figures([bad], truth, 1), weights)
        assert worst < 0.7, (kind.NAME, worst)


@pytest.mark.parametrize(
    ("task", "truth", "words"),
    [
        ("regresion", {}, "did you mean regression"),
        ("regression@3", {}, "is no regression with a number"),
        ("ranking@0", {}, "is no ranking with a number"),
        ("regression", {}, "it lacks truth/target"),
        ("regression", {"target": np.ones(4)}, "the same number"),
        ("ranking", {"relevance": np.zeros((4, 3))}, "no item of any query is relevant"),
        ("segmentation", {"mask": np.zeros((4, 3))}, "no class for each pixel"),
        ("embedding", {"item": np.arange(4)}, "another one for each"),
        ("detection", {"boxes": np.ones((4, 1, 4)), "classes": np.zeros((4, 1), int)}, "no area"),
        ("", {"mask": np.zeros((4, 2, 2))}, "no `task` that says what for"),
    ],
)
def test_what_a_set_lacks_is_one_sentence(
    task: str, truth: dict[str, np.ndarray], words: str
) -> None:
    ids = np.array(list("abcd"))
    evaluation = EvaluationSet({"x": np.ones((4, 1))}, None, ids, task=task, truth=truth)
    with pytest.raises(BadInput, match=words):
        require_task(evaluation)


def test_the_kinds_are_found_by_their_files() -> None:
    assert set(kinds().modules) == {one.NAME for one in KINDS}
    assert kinds().problems == ()
    assert (asked_of("ranking").k, asked_of("ranking@5").k, asked_of("regression").k) == (10, 5, 0)
