"""Which batch sizes are tried where nothing is timed."""

from __future__ import annotations

from bitgauge.benchmarks.quality.batches import batch_sizes, fixed_batches
from bitgauge.benchmarks.quality.sets import InputSpec
from hypothesis import given
from hypothesis import strategies as st

SIZES = st.integers(1, 64)


def specs(*firsts: int | None) -> list[InputSpec]:
    return [InputSpec(f"x{at}", "float32", (first, 3)) for at, first in enumerate(firsts)]


@given(wanted=st.lists(SIZES, max_size=4), inputs=st.integers(1, 3))
def test_what_is_wanted_comes_first_and_1_is_always_there(wanted: list[int], inputs: int) -> None:
    sizes = batch_sizes(specs(*[None] * inputs), *wanted)
    assert sizes[: len(set(wanted))] == tuple(dict.fromkeys(wanted))
    assert 1 in sizes
    assert len(sizes) == len(set(sizes))


@given(fixed=SIZES, wanted=st.lists(SIZES, max_size=4))
def test_where_a_model_fixes_one_there_is_no_other(fixed: int, wanted: list[int]) -> None:
    assert batch_sizes(specs(None, fixed, fixed), *wanted) == (fixed,)
    assert batch_sizes(specs(fixed, fixed + 1), *wanted) == ()


def test_a_scalar_input_fixes_nothing() -> None:
    assert fixed_batches([InputSpec("s", "float32", ()), *specs(4)]) == {"x0": 4}
    assert batch_sizes([InputSpec("s", "float32", ())], 0, 8) == (8, 1)
