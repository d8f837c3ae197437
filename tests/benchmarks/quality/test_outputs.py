"""Which output is judged: heads of every kind, in any order, beside any others, at any batch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from bitgauge.benchmarks.quality.heads import Head
from bitgauge.benchmarks.quality.observed import Observed, judged_output, predicted
from bitgauge.benchmarks.quality.outputs import (
    SEQUENCE,
    Judged,
    LabelFacts,
    Output,
    axis_problem,
    choose,
    facts_of_labels,
    matched,
)
from bitgauge.benchmarks.samples import Ints
from hypothesis import assume, given
from hypothesis import strategies as st

CLASSES = st.integers(2, 12)
BATCHES = st.integers(20, 40)


@dataclass(frozen=True, slots=True)
class Made:
    """A model's outputs for a whole set, and the one that the labels are about."""

    outputs: dict[str, Any]
    labels: Ints
    name: str
    heads: tuple[Head, ...]


def seen(outputs: dict[str, Any], batch: int, *, other: int = 0, wish: str = "") -> Observed:
    """The outputs gathered as a pass does it: `batch` samples per call, the last one filled up."""
    samples = max(len(one) for one in outputs.values())

    def call(start: int, size: int) -> list[Any]:
        rows = np.arange(start, start + size) % samples
        return [one[rows] if isinstance(one, np.ndarray) else one for one in outputs.values()]

    found = Observed(list(outputs), samples)
    found.look(call(0, batch), batch)
    if other:
        found.look(call(0, other), other)
    found.keep(outputs)
    for start in range(0, samples, batch):
        found.add(call(start, batch), batch, min(batch, samples - start))
    return found


def one_hot(labels: Ints, classes: int, rng: np.random.Generator) -> np.ndarray:
    """Logits of a classifier that is right about every label."""
    noise = rng.standard_normal((len(labels), classes))
    return (noise + 9.0 * np.eye(classes)[labels]).astype(np.float32)


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    shares: np.ndarray = (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)
    return shares


@st.composite
def models(draw: st.DrawFn) -> Made:
    """One head of any kind, hidden states of several shapes around it, all in any order."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    classes, samples = draw(CLASSES), draw(st.integers(150, 170))
    labels = rng.integers(0, classes, samples)
    labels[:classes] = np.arange(classes)
    logits = one_hot(labels, classes, rng)
    kind = draw(st.sampled_from(["flat", "nchw", "nhwc", "softmax", "column", "sigmoid", "number"]))
    heads: tuple[Head, ...] = (Head.LOGITS,)
    if kind == "nchw":
        head = logits[:, :, None, None]
    elif kind == "nhwc":
        head = logits[:, None, None, :]
    elif kind == "softmax":
        head, heads = softmax(logits), (Head.PROBABILITIES,)
    elif kind in ("column", "sigmoid"):
        labels = labels % 2
        column = (rng.random(samples) + 2.0) * (2 * labels - 1)
        heads = (Head.BINARY_LOGIT,)
        if kind == "sigmoid":
            column, heads = 1 / (1 + np.exp(-column)), (Head.BINARY_PROBABILITY,)
        head = column.astype(np.float32).reshape(draw(st.sampled_from([(-1, 1), (-1,)])))
    elif kind == "number":
        shape = draw(st.sampled_from([(-1,), (-1, 1)]))
        head, heads = labels.astype(np.int64).reshape(shape), (Head.CLASS_NUMBERS,)
    else:
        head = logits
    names = draw(st.lists(st.text("abclogits_/:", min_size=1), min_size=3, max_size=3, unique=True))
    # Two columns beside two classes are right half of the time: no output is twice as good.
    narrowest = 3 if kind in ("column", "sigmoid") else 2
    hidden = rng.standard_normal((samples, draw(st.integers(narrowest, 40)))).astype(np.float32)
    sequence = rng.standard_normal((samples, 5, 8)).astype(np.float32)
    outputs = draw(
        st.permutations([(names[0], head), (names[1], hidden), (names[2], sequence)]).map(dict)
    )
    return Made(outputs, labels.astype(np.int64), names[0], heads)


@given(models(), BATCHES)
def test_the_output_that_the_labels_are_about_is_judged(made: Made, batch: int) -> None:
    judged, head = judged_output(seen(made.outputs, batch), made.labels)
    assert (judged.output, judged.reason) == (made.name, "")
    assert head is not None
    if "logit" not in made.name:  # the name of one column says what its values cannot
        assert head in made.heads
    assert judged.head == head.value
    assert len(judged.others) == 2
    assert judged.why


@given(models(), st.randoms(use_true_random=False), BATCHES)
def test_the_order_of_the_outputs_does_not_matter(made: Made, random: Any, batch: int) -> None:
    names = list(made.outputs)
    random.shuffle(names)
    turned = {name: made.outputs[name] for name in names}
    first, head = judged_output(seen(made.outputs, batch), made.labels)
    second, same = judged_output(seen(turned, batch), made.labels)
    assert (first.output, first.why, first.reason, head) == (
        *(second.output, second.why, second.reason),
        same,
    )
    assert set(first.others) == set(second.others)
    assert matched(first.output, names, names[::-1]) == first.output


@given(models(), BATCHES)
def test_a_wish_is_followed_or_refused_with_the_reason(made: Made, batch: int) -> None:
    for name in made.outputs:
        judged, _ = judged_output(seen(made.outputs, batch), made.labels, name)
        assert judged.output == name or judged.reason == "labels_beyond"
    judged, head = judged_output(seen(made.outputs, batch), made.labels, "another output")
    assert (judged.output, judged.reason, head) == ("", "output_missing", None)
    assert all(name in judged.why for name in made.outputs)


@given(st.data(), CLASSES, BATCHES)
def test_two_heads_alike_are_told_apart_by_the_labels_or_not_at_all(
    data: st.DataObject, classes: int, batch: int
) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    labels = rng.integers(0, classes, 80)
    labels[:classes] = np.arange(classes)
    good = one_hot(labels, classes, rng)
    at_chance = rng.standard_normal((80, classes)).astype(np.float32)
    judged, _ = judged_output(seen({"a": at_chance, "b": good}, batch), labels)
    assert judged.output in ("b", "")  # of few classes chance may look like something
    nearly = good.copy()
    nearly[:3] = np.roll(nearly[:3], 1, axis=1)
    unclear, head = judged_output(seen({"main": good, "auxiliary": nearly}, batch), labels)
    assert (unclear, head) == (
        Judged("", "", "main, auxiliary", unclear.others, "ambiguous_output"),
        None,
    )
    # An output that says the same is no other answer.
    same, _ = judged_output(seen({"x": good, "p": softmax(good)}, batch), labels)
    assert (same.output, same.reason) == ("x", "")
    numbers = {"label": good.argmax(axis=1), "probabilities": softmax(good)}
    assert judged_output(seen(numbers, batch), labels)[0].output == "probabilities"


def test_a_hidden_state_is_never_taken_for_classes_of_labels_that_no_head_fits() -> None:
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 5, 200)
    outputs = {
        "hidden": rng.standard_normal((200, 32)).astype(np.float32),
        "logits": rng.standard_normal((200, 4)).astype(np.float32),
    }
    judged, head = judged_output(seen(outputs, 4), labels)
    assert (judged.output, judged.reason, head) == ("", "ambiguous_output", None)
    alone, _ = judged_output(seen({"logits": outputs["logits"]}, 4), labels)
    assert (alone.output, alone.reason) == ("", "labels_beyond")


def test_class_numbers_that_begin_at_one_are_judged_as_numbers() -> None:
    """A label-first export whose classes are 1 to 3: its columns have other numbers."""
    labels = np.tile([1, 2, 3], 20)
    outputs = {"label": labels, "probabilities": np.eye(3, dtype=np.float32)[labels - 1]}
    judged, head = judged_output(seen(outputs, 7), labels)
    assert (judged.output, head) == ("label", Head.CLASS_NUMBERS)


def test_without_labels_one_head_is_compared_and_of_several_none() -> None:
    rng = np.random.default_rng(1)
    logits = rng.standard_normal((20, 4)).astype(np.float32)
    hidden = rng.standard_normal((20, 9)).astype(np.float32)
    judged, _ = judged_output(seen({"logits": logits}, 4), None)
    assert (judged.output, judged.reason) == ("logits", "")
    unclear, _ = judged_output(seen({"hidden": hidden, "logits": logits}, 4), None)
    assert (unclear.why, unclear.reason) == ("hidden, logits", "ambiguous_output")
    chosen, _ = judged_output(seen({"hidden": hidden, "logits": logits}, 4), None, "logits")
    assert (chosen.output, chosen.reason) == ("logits", "")
    column, head = judged_output(seen({"y": logits[:, :1]}, 4), None)
    assert (column.reason, head) == ("no_classes", Head.VALUES)


def test_labels_of_which_several_hold_need_as_many_columns() -> None:
    rng = np.random.default_rng(2)
    labels = rng.integers(0, 2, (40, 6))
    outputs = {
        "hidden": rng.standard_normal((40, 9)).astype(np.float32),
        "tags": (8.0 * labels - 4 + rng.standard_normal((40, 6))).astype(np.float32),
    }
    judged, head = judged_output(seen(outputs, 8), labels)
    assert (judged.output, head) == ("tags", Head.MULTI_LABEL_LOGITS)
    assert np.mean(predicted(seen(outputs, 8), labels)["tags"] == labels) > 0.95
    chances = {"tags": 1 / (1 + np.exp(-outputs["tags"]))}
    assert judged_output(seen(chances, 8), labels)[1] is Head.MULTI_LABEL_PROBABILITIES
    assert judged_output(seen({"a": outputs["hidden"]}, 8), labels)[0].reason == "labels_beyond"


@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 9), st.integers(1, 6))
def test_an_axis_is_the_samples_when_it_is_as_long_as_every_batch(
    length: int, first: int, second: int, per_sample: int
) -> None:
    assume(first != second)
    ours = Output("y", "float32", ((first, (first, 4)), (second, (second, 4))))
    assert axis_problem(ours) == ""
    time = replace(ours, calls=((first, (length, 4)), (second, (length, 4))))
    assert axis_problem(time) == "sample_axis"
    flattened = ((first, (first * per_sample, 4)), (second, (second * per_sample, 4)))
    assert axis_problem(replace(ours, calls=flattened)) == ("sample_axis" if per_sample > 1 else "")
    kept = replace(ours, calls=((first, (first, 4)), (first, (first + 1, 4))))
    assert axis_problem(kept) == "rows_depend_on_data"
    assert axis_problem(replace(ours, follows=False)) == "sample_axis"


@given(st.integers(2, 12), st.integers(1, 6), st.integers(0, 2**32 - 1))
def test_rows_that_do_not_turn_with_the_samples_are_found(
    batch: int, width: int, seed: int
) -> None:
    x = np.random.default_rng(seed).standard_normal((batch, batch, width)).astype(np.float32)
    rows = np.tanh(x).sum(axis=1)
    found = Observed(["y"], batch)
    found.look([rows], batch)
    found.look_reordered([rows], [rows], [rows[::-1] * np.float32(1.000001)])
    assert found.outputs[0].follows
    # The other axis is the samples': reversing ours changes what each of them sees.
    decay = 0.3 ** np.arange(batch, dtype=np.float32)[:, None, None]
    others = [(np.tanh(one) * decay).sum(axis=0) for one in (x, x[::-1])]
    turned, kept = (np.linalg.norm(others[0] - one) for one in (others[1][::-1], others[1]))
    assume(turned > 0.3 * kept)  # few rows may lie by chance as if they had turned
    found.look_reordered([others[0]], [others[0]], [others[1]])
    assert not found.outputs[0].follows


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        (Output("maps", SEQUENCE, ()), "sequence_output"),
        (Output("nothing", "float32", ((2, (2, 0)),)), "empty_output"),
        (Output("names", "object", ((2, (2,)),)), "no_classes"),
        (Output("boxes", "float32", ((2, (2, 100, 4)),)), "no_classes"),
        (Output("scalar", "float32", ((2, ()),)), "sample_axis"),
        (Output("grown", "float32", ((2, (2, 3)), (2, (2, 5)))), "rows_depend_on_data"),
        (Output("few", "float32", ((2, (2, 3)),)), "labels_beyond"),
        (Output("tokens", "int64", ((2, (2, 7)),)), "no_classes"),
    ],
    ids=lambda one: one.name if isinstance(one, Output) else "",
)
def test_what_tells_no_classes_says_why(output: Output, reason: str) -> None:
    labels = LabelFacts(0, 9)
    assert choose([output], labels).reason == reason
    assert choose([output], labels, output.name).reason == reason
    beside = Output("logits", "float32", ((2, (2, 10)),))
    assert [one.name for one in choose([output, beside], labels).candidates] == ["logits"]


def test_facts_of_labels() -> None:
    assert facts_of_labels(None) is None
    assert facts_of_labels(np.array([3, 1])) == LabelFacts(1, 3)
    assert facts_of_labels(np.zeros((4, 6), np.int64)) == LabelFacts(0, 0, 6)


def test_single_outputs_match_whatever_their_names() -> None:
    assert matched("a", ["a", "b"], ["b", "a"]) == "a"
    assert matched("a", ["a", "b"], ["b"]) is None
    assert matched("a", ["a"], ["a_quantized"]) == "a_quantized"
    assert matched("a", ["a"], ["x", "y"]) is None


def test_values_that_are_not_numbers_are_counted_where_they_are() -> None:
    rows = np.zeros((5, 3), np.float32)
    rows[1, 2], rows[4, 0] = np.nan, np.inf
    found = seen({"y": rows, "scalar": np.float32(1)[None].repeat(5)}, 2)
    assert found.nonfinite("y").tolist() == [0, 1, 0, 0, 1]
    assert found.nonfinite().tolist() == [0, 1, 0, 0, 1]
