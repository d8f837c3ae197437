"""Kernel modes: what each arithmetic is classified as, on injected kernels."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from bitgauge.benchmarks.numerics.kernel_cases import (
    Answer,
    Ints,
    cases,
    classify,
    pair16,
    wrap16,
)
from bitgauge.benchmarks.numerics.saturation import pair_sums
from bitgauge.benchmarks.vocabulary.kernel_modes import (
    EXACT,
    FP16_ACCUMULATOR,
    INEXACT,
    MEANING,
    SAT16,
    UNKNOWN,
    WRAP16,
    kernel_mode,
    probe_map_of,
    worst,
)
from bitgauge.benchmarks.vocabulary.values.devices import StackItem
from hypothesis import given
from hypothesis import strategies as st

Kernel = Callable[[Ints, Ints], Ints]

TYPES = {
    "u8s8": (np.uint8, np.int8),
    "s8s8": (np.int8, np.int8),
    "u8u8": (np.uint8, np.uint8),
    "s8u8": (np.int8, np.uint8),
}


def exact(a: Ints, b: Ints) -> Ints:
    sums: Ints = a @ b
    return sums


def shifted(a: Ints, b: Ints) -> Ints:
    """A kernel for unsigned activations that is given signed ones."""
    sums: Ints = pair16(a + 128, b) - 128 * b.sum(axis=0)
    return sums


def wraps(a: Ints, b: Ints) -> Ints:
    """A kernel for signed numbers that is given whatever there is, as ARM's are."""
    x = a - 128 if a.max() > 127 else a
    w = b - 128 if b.max() > 127 else b
    return exact(a, b) - exact(x, w) + wrap16(x, w)


def single_precision(a: Ints, b: Ints) -> Ints:
    sums: Ints = (a.astype(np.float32) @ b.astype(np.float32)).astype(np.int64)
    return sums


def drops_the_last(a: Ints, b: Ints) -> Ints:
    sums: Ints = a[:, :-1] @ b[:-1]
    return sums


def found(kernel: Kernel, types: str, scale: float | None = None) -> str:
    """The class of a kernel; with `scale` of one whose output is quantized."""

    def seen(sums: Ints) -> np.ndarray:
        return sums.astype(np.float64) if scale is None else np.rint(sums / scale)

    answers = []
    for case in cases(*TYPES[types]):
        saturated = tuple(seen(one) for one in case.hypotheses())
        tolerance = 0.0 if scale is None else 1.0
        got, wrapped = seen(kernel(case.a, case.b)), seen(case.wrapped())
        answers.append(Answer(got, seen(case.exact), saturated, tolerance, wrapped))
    return classify(answers)


@pytest.mark.parametrize(
    ("kernel", "types", "expected"),
    [
        (exact, "u8s8", EXACT),
        (exact, "s8s8", EXACT),
        (exact, "u8u8", EXACT),
        (single_precision, "u8s8", EXACT),  # every sum fits into single precision
        (pair16, "u8s8", SAT16),
        (pair16, "u8u8", SAT16),
        (pair16, "s8s8", SAT16),  # -128 times -128, twice, is one too many
        (shifted, "s8s8", SAT16),
        *((wraps, types, WRAP16) for types in TYPES),
        (drops_the_last, "u8s8", INEXACT),
    ],
)
def test_a_kernel_is_told_by_its_answers(kernel: Kernel, types: str, expected: str) -> None:
    assert found(kernel, types) == expected


@pytest.mark.parametrize(("kernel", "expected"), [(exact, EXACT), (pair16, SAT16)])
def test_a_quantized_output_tells_enough(kernel: Kernel, expected: str) -> None:
    assert found(kernel, "u8s8", scale=64 * 255 * 128 / 100) == expected


def test_what_nobody_answered_is_unknown() -> None:
    assert classify([]) == UNKNOWN


def test_an_answer_that_could_not_have_told_is_unknown() -> None:
    """A clipped output, or weights of 7 bits: exact and saturated arithmetic agree."""
    same = np.array([[255.0]])
    assert classify([Answer(same, same, (same,), 0.0)]) == UNKNOWN
    near = Answer(same, same, (same - 2,), 1.0)  # rounding alone bridges both
    assert classify([near]) == UNKNOWN
    assert classify([near, Answer(same, same, (same - 3,), 1.0)]) == EXACT


def test_a_kernel_that_saturates_in_its_main_loop_only_does_saturate() -> None:
    def remainder_is_exact(a: Ints, b: Ints) -> Ints:
        sums = pair16(a, b)
        sums[:, -1] = exact(a, b)[:, -1]
        return sums

    assert found(remainder_is_exact, "u8s8") == SAT16


def test_two_kinds_of_saturation_in_one_kernel_are_believed_of_none() -> None:
    def mixed(a: Ints, b: Ints) -> Ints:
        sums = pair16(a, b)
        sums[-1] = shifted(a, b)[-1]
        return sums

    assert found(shifted, "s8s8") == SAT16
    assert found(mixed, "s8s8") == INEXACT


@given(
    st.integers(1, 40).flatmap(
        lambda k: st.tuples(
            st.lists(st.integers(0, 255), min_size=k, max_size=k),
            st.lists(st.integers(-128, 127), min_size=k, max_size=k),
        )
    )
)
def test_the_probe_and_the_ledger_know_the_same_saturation(
    vectors: tuple[list[int], list[int]],
) -> None:
    a, b = np.array([vectors[0]]), np.array(vectors[1])[:, None]
    excess = pair_sums(a.astype(np.uint8), b.astype(np.int8)).excess
    assert np.array_equal(pair16(a, b), a @ b + excess)


@given(
    st.integers(1, 40).flatmap(
        lambda k: st.tuples(*[st.lists(st.integers(-128, 127), min_size=k, max_size=k)] * 2)
    )
)
def test_what_wraps_around_is_minus_128_twice_and_nothing_else(
    vectors: tuple[list[int], list[int]],
) -> None:
    a, b = vectors
    both = [x == w == -128 for x, w in zip(a, b, strict=True)]
    twice = sum(both[k] and both[k + 8] for k in range(len(both) - 8) if k % 16 < 8)
    sums = wrap16(np.array([a]), np.array(b)[:, None])
    assert sums.item() == int(np.dot(a, b)) - 65_536 * twice


def test_the_cited_case_is_among_them() -> None:
    case = cases(np.uint8, np.int8)[0]
    assert 64_770 in case.exact
    assert 32_767 in case.hypotheses()[0]


@given(
    st.integers(1, 9).flatmap(
        lambda k: st.tuples(
            st.lists(st.integers(0, 255), min_size=k, max_size=k),
            st.lists(st.integers(-64, 64), min_size=k, max_size=k),
        )
    )
)
def test_seven_bit_weights_never_saturate(vectors: tuple[list[int], list[int]]) -> None:
    a, b = np.array([vectors[0]]), np.array(vectors[1])[:, None]
    assert np.array_equal(pair16(a, b), a @ b)


def test_a_run_is_as_bad_as_its_worst_operator() -> None:
    known = {"QGemm.u8s8.const": EXACT, "QLinearConv.u8s8.const": SAT16}
    assert kernel_mode(["QGemm.u8s8.const"], known) == EXACT
    assert kernel_mode(known, known) == SAT16
    assert kernel_mode(["QGemm.u8s8.const", "QAttention.u8s8.const"], known) == UNKNOWN
    assert kernel_mode([], known) is None
    assert kernel_mode(["QGemm.u8s8.const"], {}) is None


@given(st.lists(st.sampled_from([*MEANING, "of_tomorrow"]), min_size=1))
def test_order_does_not_matter(modes: list[str]) -> None:
    assert worst(modes) == worst(reversed(modes))
    assert (worst(modes) == SAT16) == (SAT16 in modes)


def test_the_map_comes_back_from_the_stack() -> None:
    stack = (StackItem("kernel.MatMul.f16.sum", FP16_ACCUMULATOR), StackItem("kernel_release", "6"))
    assert probe_map_of(stack) == {"MatMul.f16.sum": FP16_ACCUMULATOR}
