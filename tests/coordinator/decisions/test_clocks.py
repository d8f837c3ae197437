"""Which time nobody saw: of a clock that was set, a machine that slept, a process that stood."""

from __future__ import annotations

import pytest
from bitgauge.coordinator.decisions.clocks import LONGEST_BLINK_NS, Look, jump_ns, stood_ns
from hypothesis import given
from hypothesis import strategies as st

S = 1_000_000_000
BEFORE = Look(1_000_000 * S, 500 * S)


@pytest.mark.parametrize(
    ("wall_s", "steady_s", "jump_s"),
    [
        (1, 1, 0),
        (1.5, 1, 0),  # set right by a little
        (3601, 1, 3600),  # set forward
        (-3599, 1, -3600),  # set back
        (7201, 1, 7200),  # slept: the steady clock stood
        (600, 600, 0),  # not looked at for long
    ],
)
def test_what_the_wall_clock_gained(wall_s: float, steady_s: float, jump_s: float) -> None:
    now = Look(BEFORE.wall_ns + round(wall_s * S), BEFORE.steady_ns + round(steady_s * S))
    assert jump_ns(BEFORE, now) == round(jump_s * S)


@given(st.integers(0, 10**6), st.integers(-LONGEST_BLINK_NS, LONGEST_BLINK_NS))
def test_clocks_that_agree_are_no_jump(passed_ns: int, off_ns: int) -> None:
    now = Look(BEFORE.wall_ns + passed_ns + off_ns, BEFORE.steady_ns + passed_ns)
    assert jump_ns(BEFORE, now) == 0


def test_who_pauses_for_much_longer_than_he_meant_stood_still() -> None:
    assert stood_ns(61 * S, S) == 60 * S
    assert stood_ns(3 * S, S) == stood_ns(0, S) == 0
