"""Drift of fixed points, and what follows from it."""

from __future__ import annotations

from pathlib import Path
from statistics import median

import numpy as np
import pytest
from bitgauge.benchmarks.analysis.sentinel import sentinel
from bitgauge.benchmarks.raw.container import RawFile, read_raw, write_raw
from bitgauge.benchmarks.raw.sentinel import sentinel_raw
from bitgauge.benchmarks.stats.sentinel import (
    MAX_HISTORY,
    MIN_DRIFT,
    MIN_HISTORY,
    FixedPoint,
    Judgement,
    Outcome,
    bounds,
    consequences,
    judge,
)
from bitgauge.benchmarks.vocabulary.enums import PassName, RawRole
from bitgauge.benchmarks.vocabulary.errors import BadInput
from hypothesis import given
from hypothesis import strategies as st

from tests.labs.values import origin

USUAL_NS = 150_000.0
times = st.floats(1e3, 1e9)
SUSPECT = Judgement(Outcome.SUSPECT, "the sentinel took twice as long")
SOUND = Judgement(Outcome.SOUND, "no drift")


def history(count: int = 20, spread: float = 0.01, seed: int = 1) -> tuple[float, ...]:
    rng = np.random.default_rng(seed)
    return tuple(USUAL_NS * np.exp(spread * rng.standard_normal(count)))


def point(value_ns: float, before: tuple[float, ...] | None = None) -> FixedPoint:
    return FixedPoint(
        "the sentinel before the job", value_ns, history() if before is None else before
    )


# -- drift --------------------------------------------------------------------------------
@given(st.lists(times, max_size=MIN_HISTORY - 1), times)
def test_with_too_short_a_history_nothing_is_said(known: list[float], value_ns: float) -> None:
    judgement = judge([point(value_ns, tuple(known))])
    assert judgement.outcome is Outcome.NO_HISTORY
    assert f"there are {len(known)}" in judgement.reason


@given(st.lists(times, min_size=MIN_HISTORY, max_size=80))
def test_bounds_hold_the_median_and_less_than_the_margin_is_no_drift(known: list[float]) -> None:
    allowed = bounds(known)
    assert allowed is not None
    centre = median(known[:MAX_HISTORY])
    assert allowed[0] <= (1 - MIN_DRIFT) * centre * (1 + 1e-12)
    assert allowed[1] >= (1 + MIN_DRIFT) * centre * (1 - 1e-12)


@given(st.lists(times, min_size=MIN_HISTORY, max_size=40), st.floats(0.01, 100))
def test_the_unit_of_time_does_not_matter(known: list[float], scale: float) -> None:
    first, second = bounds(known), bounds([scale * value for value in known])
    assert first is not None
    assert second is not None
    assert second == pytest.approx([scale * value for value in first], rel=1e-9)


@pytest.mark.parametrize("factor", [0.5, 0.9, 1.1, 2.0])
def test_a_device_that_is_slower_or_faster_than_it_was_is_suspect(factor: float) -> None:
    judgement = judge([point(USUAL_NS), point(factor * USUAL_NS)])
    assert judgement.outcome is Outcome.SUSPECT
    assert "are usual" in judgement.reason
    assert not judgement.reason.endswith(".")


def test_a_quiet_history_makes_no_drift_of_a_small_change() -> None:
    still = (USUAL_NS,) * 20
    assert judge([point(1.019 * USUAL_NS, still)]).outcome is Outcome.SOUND
    assert judge([point(1.021 * USUAL_NS, still)]).outcome is Outcome.SUSPECT


def test_one_point_that_drifted_outweighs_one_without_history() -> None:
    assert judge([point(2 * USUAL_NS), point(1.0, ())]).outcome is Outcome.SUSPECT
    assert judge([point(USUAL_NS), point(1.0, ())]).outcome is Outcome.NO_HISTORY
    assert judge([]).outcome is Outcome.UNMEASURED


def test_old_values_are_forgotten() -> None:
    aged = (2 * USUAL_NS,) * MAX_HISTORY + (USUAL_NS,) * MAX_HISTORY
    assert judge([point(2 * USUAL_NS, aged)]).outcome is Outcome.SOUND


@pytest.mark.parametrize("count", [10, 15, 20, 30, 50])
def test_sound_devices_are_rarely_called_suspect(count: int) -> None:
    """Normal scatter of 3 %: at most 1 in 100, at any length of the history."""
    rng = np.random.default_rng(count)
    called = 0
    for _ in range(3_000):
        values = np.exp(0.03 * rng.standard_normal(count + 1))
        allowed = bounds(tuple(values[1:]))
        assert allowed is not None
        called += not allowed[0] <= values[0] <= allowed[1]
    assert called <= 0.0125 * 3_000


# -- consequences -------------------------------------------------------------------------
outcomes = st.lists(st.sampled_from(list(Outcome)), max_size=6)


@given(outcomes, st.booleans(), st.sampled_from([SOUND, Judgement(Outcome.NO_HISTORY, "few")]))
def test_without_suspicion_nothing_follows(
    earlier: list[Outcome], is_repeat: bool, judgement: Judgement
) -> None:
    then = consequences(judgement, earlier, is_repeat=is_repeat)
    assert (then.repeat, then.cordon) == (False, None)


@given(outcomes, st.booleans(), st.booleans())
def test_a_suspect_job_is_repeated_once_and_three_in_a_row_cordon(
    earlier: list[Outcome], is_repeat: bool, repeatable: bool
) -> None:
    then = consequences(SUSPECT, earlier, is_repeat=is_repeat, repeatable=repeatable)
    assert then.repeat is (repeatable and not is_repeat)
    told = [one for one in earlier if one is not Outcome.UNMEASURED]
    assert (then.cordon is not None) is (told[:2] == [Outcome.SUSPECT] * 2)


def test_a_cordon_says_why() -> None:
    then = consequences(SUSPECT, [Outcome.SUSPECT, Outcome.SUSPECT], is_repeat=True)
    assert then.cordon == (
        "3 suspect jobs in a row, the last because the sentinel took twice as long"
    )


# -- raw data -----------------------------------------------------------------------------
def raw(launch: int, *latencies: int) -> RawFile:
    place = origin(PassName.SENTINEL, RawRole.FLOOR, launch)
    return sentinel_raw(place, np.array(latencies, dtype=np.int64))


def test_medians_by_launch(tmp_path: Path) -> None:
    write_raw(tmp_path / "raw.npz", raw(1, 3, 5, 400))
    after = read_raw(tmp_path / "raw.npz")
    found = sentinel({(PassName.SENTINEL, RawRole.FLOOR): [after]})
    assert [(one.key, one.value, one.reason) for one in found] == [
        ("sentinel_before_ns", None, "pass_missing"),
        ("sentinel_after_ns", 5.0, None),
    ]


@pytest.mark.parametrize("wrong", [raw(2, 1), raw(0), raw(0, 0), raw(0, -5)])
def test_a_damaged_file_is_refused(wrong: RawFile) -> None:
    with pytest.raises(BadInput):
        sentinel({(PassName.SENTINEL, RawRole.FLOOR): [wrong]})
