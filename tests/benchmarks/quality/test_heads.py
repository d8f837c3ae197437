"""Heads: what rows of an output mean, and that a matrix of classes means what it always did."""

from __future__ import annotations

import numpy as np
import pytest
from bitgauge.benchmarks.quality.accuracy import flips, paired_counts, score
from bitgauge.benchmarks.quality.heads import (
    Head,
    as_numbers,
    head_of_values,
    log_probabilities,
    matrix_of,
    predictions,
)
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

values = st.floats(-50, 50, width=32)


def matrices(columns: st.SearchStrategy[int] | int) -> st.SearchStrategy[np.ndarray]:
    sizes = st.just(columns) if isinstance(columns, int) else columns
    return sizes.flatmap(
        lambda count: st.integers(1, 12).flatmap(
            lambda rows: arrays.arrays(np.float32, (rows, count), elements=values)
        )
    )


@given(matrices(st.integers(2, 6)), st.data())
def test_a_matrix_of_classes_scores_alike_whatever_its_further_axes(
    rows: np.ndarray, data: st.DataObject
) -> None:
    other = data.draw(arrays.arrays(np.float32, rows.shape, elements=values))
    labels = data.draw(arrays.arrays(np.int64, len(rows), elements=st.integers(0, 5)))
    plain = score(rows, other, labels, None)
    head = head_of_values(Head.LOGITS, matrix_of(Head.LOGITS, rows), "")
    for shape in (rows.shape, (*rows.shape, 1, 1), (len(rows), 1, 1, -1)):
        found = score(rows.reshape(shape), other.reshape(shape), labels, None, head)
        for name in ("ref_top1", "cand_top1", "ref_loss", "cand_loss", "kl", "max_abs_diff"):
            np.testing.assert_array_equal(getattr(found, name), getattr(plain, name), name)
        assert found.classes == plain.classes == rows.shape[1]


@given(matrices(1))
def test_one_column_is_two_classes(rows: np.ndarray) -> None:
    """A logit z says what the two logits 0 and z say."""
    both = np.concatenate([np.zeros_like(rows), rows], axis=1)
    labels = (np.arange(len(rows)) % 2).astype(np.int64)
    one = score(rows, rows / 2, labels, None, Head.BINARY_LOGIT)
    two = score(both, both / 2, labels, None, Head.LOGITS)
    assert one.ref_top1.tolist() == two.ref_top1.tolist()
    for name in ("ref_loss", "cand_loss", "kl"):
        np.testing.assert_allclose(getattr(one, name), getattr(two, name), atol=1e-9)
    chance = 1 / (1 + np.exp(-rows.astype(np.float64)))
    assert score(chance, None, labels, None, Head.BINARY_PROBABILITY).ref_top1.tolist() == [
        int(value > 0.5) for value in chance[:, 0]
    ]


@given(matrices(3))
def test_several_labels_are_independent_questions(rows: np.ndarray) -> None:
    labels = (rows > 0.25).astype(np.int64)
    found = score(rows, rows + np.float32(0.5), labels, None, Head.MULTI_LABEL_LOGITS)
    columns = [rows[:, at] for at in range(3)]
    single = [
        score(one, one + np.float32(0.5), labels[:, at], None, Head.BINARY_LOGIT)
        for at, one in enumerate(columns)
    ]
    parts = [one.kl for one in single if one.kl is not None]
    assert found.kl is not None
    np.testing.assert_allclose(found.kl, np.sum(parts, axis=0), atol=1e-9)
    every = np.all([one.ref_top1 == one.labels for one in single], axis=0)
    assert ((found.ref_top1 == found.labels) == every).all()
    changed = np.any([one.ref_top1 != one.cand_top1 for one in single], axis=0)
    assert flips(found) == np.count_nonzero(changed)
    assert found.classes == 3


def test_a_number_that_is_none_belongs_to_no_class() -> None:
    rows = np.array([[1.0, np.nan], [2.0, 1.0]])
    for head in Head:
        if head in (Head.VALUES, Head.CLASS_NUMBERS, Head.BINARY_LOGIT, Head.BINARY_PROBABILITY):
            continue
        told = predictions(head, matrix_of(head, rows))
        (numbers,) = as_numbers(told)
        assert numbers is not None
        assert numbers[0] == -1 != numbers[1]
        logs = log_probabilities(head, matrix_of(head, rows))
        assert logs is not None
        assert np.isnan(logs[0]).any()
        assert np.isfinite(logs[1]).all()
    assert predictions(Head.CLASS_NUMBERS, np.array([3.0, np.nan])).tolist() == [3, -1]


@pytest.mark.parametrize(
    ("column", "name", "head"),
    [
        ([0.1, 0.9], "y", Head.BINARY_PROBABILITY),
        ([0.1, 0.9], "logits", Head.BINARY_LOGIT),
        ([0.1, 1.9], "y", Head.BINARY_LOGIT),
        ([-0.1, 0.9], "probability", Head.BINARY_LOGIT),
        ([np.nan, np.nan], "y", Head.BINARY_LOGIT),
    ],
)
def test_a_column_between_0_and_1_is_a_probability_unless_its_name_says_otherwise(
    column: list[float], name: str, head: Head
) -> None:
    assert head_of_values(Head.BINARY_LOGIT, np.array(column), name) is head


def test_class_numbers_compare_as_classes() -> None:
    labels = np.array([1, 2, 3, 3])
    samples = score(labels, np.array([1, 2, 3, 1]), labels, None, Head.CLASS_NUMBERS)
    counts = paired_counts(samples)
    assert counts is not None
    assert (counts.n, counts.b, counts.c, samples.classes) == (4, 1, 0, 4)
