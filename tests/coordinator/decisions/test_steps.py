"""What a background step may take, and the one sentence in which it ends."""

from __future__ import annotations

import re
import signal

import pytest
from bitgauge.benchmarks.vocabulary.errors import (
    BadInput,
    BitgaugeError,
    Code,
    Internal,
    Unavailable,
)
from bitgauge.coordinator.decisions.steps import (
    STARVED,
    End,
    Ending,
    StepKind,
    StepLimit,
    StepLimits,
    error_of,
    overdue,
    parse_limits,
    wants_memory,
)
from hypothesis import given
from hypothesis import strategies as st

LIMIT = StepLimit(300.0, 4_000_000_000)
DOING = "Building int8-static-u8s8-pc"


@pytest.mark.parametrize(
    ("ending", "kind", "code", "sentence"),
    [
        (
            Ending(End.TIME, LIMIT),
            BadInput,
            Code.STEP_LIMIT,
            f"{DOING} did not end within 300 s and was stopped.",
        ),
        (
            Ending(End.TIME, LIMIT, waited_s=299.6),
            BadInput,
            Code.STEP_LIMIT,
            f"{DOING} did not end within 300 s, for 300 s of which others had the processor, and"
            " was stopped.",
        ),
        (
            Ending(End.MEMORY, LIMIT),
            BadInput,
            Code.STEP_LIMIT,
            f"{DOING} wanted more than 4.0 GB of memory and was stopped.",
        ),
        (
            Ending(End.MEMORY),
            BadInput,
            Code.STEP_LIMIT,
            f"{DOING} wanted more memory than there is and was stopped.",
        ),
        (
            Ending(End.CRASH, signal=signal.SIGSEGV),
            BadInput,
            Code.STEP_CRASHED,
            f"{DOING} crashed: the model made a library fail, which ended it with SIGSEGV.",
        ),
        (
            Ending(End.DEFECT, trace="Traceback"),
            Internal,
            Code.INTERNAL,
            f"{DOING} failed by a defect of Bitgauge; logs/coordinator.log in the coordinator's"
            " state folder says which.",
        ),
        (
            Ending(End.LOST),
            Unavailable,
            Code.TASK_LOST,
            f"{DOING} was interrupted: its process was ended from outside.",
        ),
    ],
)
def test_the_sentence_names_step_and_limit(
    ending: Ending, kind: type[BitgaugeError], code: Code, sentence: str
) -> None:
    error = error_of(ending, DOING)
    assert (type(error), error.code, error.sentence) == (kind, code, sentence)


@given(
    end=st.sampled_from(End),
    number=st.integers(0, 100),
    trace=st.text(),
    time_s=st.floats(0.1, 1e5),
)
def test_only_what_came_from_outside_is_tried_again(
    end: End, number: int, trace: str, time_s: float
) -> None:
    error = error_of(
        Ending(end, StepLimit(time_s, 1 << 30), number, trace), "Looking into the model"
    )
    assert isinstance(error, Unavailable) is (end is End.LOST)
    assert error.sentence.startswith("Looking into the model ")
    assert error.sentence.count(". ") == 0
    assert error.sentence.endswith(".")
    assert not re.search(
        r"Traceback|unexpected error|no message|/tmp/|[0-9a-f]{64}", error.sentence
    )


@given(time_s=st.floats(1.0, 1e4), lasted=st.floats(0.0, 10.0), waited=st.floats(0.0, 1.0))
def test_a_step_ends_by_its_own_time_and_a_starved_one_by_the_clock(
    time_s: float, lasted: float, waited: float
) -> None:
    lasted_s, waited_s = lasted * time_s, waited * lasted * time_s
    found = overdue(StepLimit(time_s), lasted_s, waited_s)
    assert (found is None) == (lasted_s <= STARVED * time_s and lasted_s - waited_s <= time_s)
    if found is not None:
        assert found.limit is not None
        assert found.limit.time_s <= lasted_s, "it lasted as long as is said"
        assert not isinstance(error_of(found, DOING), Unavailable), "it is not begun again"


def test_limits_are_typed_one_by_one() -> None:
    limits = parse_limits(["build=900,8GiB", "inspect=30"])
    assert limits.of(StepKind.BUILD) == StepLimit(900.0, 8 << 30)
    assert limits.of(StepKind.INSPECT) == StepLimit(30.0)
    assert limits.of(StepKind.ANALYSE) == StepLimits().analyse


@pytest.mark.parametrize(
    "text", ["", "build", "build=", "build=0", "build=-1", "build=inf", "build=nan", "bake=3", "=3"]
)
def test_what_is_no_limit_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(BadInput, match=re.escape(f"{text!r} is no limit") + ".*build=600,8GiB"):
        parse_limits([text])


def test_a_size_needs_its_unit() -> None:
    with pytest.raises(BadInput, match="500KiB"):
        parse_limits(["build=3,8"])


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "wants"),
    [
        (MemoryError(), True),
        (ValueError("std::bad_alloc"), True),
        (caused(BadInput(Code.BUILD_FAILED, "no"), RuntimeError("bad allocation")), True),
        (caused(BadInput(Code.BUILD_FAILED, "no"), ValueError("shape")), False),
        (KeyError("allocation"), False),
    ],
)
def test_want_of_memory_is_seen_behind_other_errors(error: Exception, wants: bool) -> None:
    assert wants_memory(error) is wants
