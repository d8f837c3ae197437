"""Which of two agents with one id serves a device."""

from __future__ import annotations

from dataclasses import replace

import pytest
from bitgauge.benchmarks.vocabulary.errors import Code
from bitgauge.benchmarks.vocabulary.values.devices import Instance
from bitgauge.coordinator.decisions.care import Seat, Seating, may_serve, refusal

FIRST = Seat("i1", "boot", "m", "p")
AGAIN = replace(FIRST, incarnation="i2")
BOOTED = replace(AGAIN, boot_id="later")
COPY = replace(AGAIN, place="other")
ELSEWHERE = Seat("i2", "boot-2", "m-2", "p-2")
YES, TAKEN, AWAY = Seating.YES, Seating.TAKEN, Seating.ELSEWHERE


@pytest.mark.parametrize(
    ("asks", "alive", "gone"),
    [
        (FIRST, YES, YES),
        (AGAIN, YES, YES),
        (BOOTED, TAKEN, YES),
        (COPY, TAKEN, YES),
        (ELSEWHERE, TAKEN, AWAY),
        (replace(ELSEWHERE, machine=""), TAKEN, AWAY),
        (replace(AGAIN, machine=""), YES, YES),
        (replace(BOOTED, machine="m-2"), TAKEN, AWAY),
    ],
)
def test_who_may_serve(asks: Seat, alive: Seating, gone: Seating) -> None:
    assert may_serve(FIRST, asks, alive=True, joined=True) is alive
    assert may_serve(FIRST, asks, alive=False, joined=True) is gone
    assert may_serve(FIRST, asks, alive=True, joined=False) is alive
    assert may_serve(FIRST, asks, alive=False, joined=False) is YES


def test_whoever_comes_first_is_taken_after_what_told_no_place() -> None:
    for known in (Seat("i1", "", "", ""), Seat("i1", "boot", "m", "")):
        assert may_serve(known, ELSEWHERE, alive=True, joined=True) is YES


def test_a_refusal_names_both() -> None:
    first, second = Instance("lab-1", "10.0.0.5", 1), Instance("", "", 2)
    taken = refusal(TAKEN, "rpi5", first, second)
    assert taken is not None
    assert taken.code is Code.AGENT_RUNNING
    for words in ("rpi5", "lab-1 at 10.0.0.5", "since 1970", "a machine without name"):
        assert words in taken.sentence
    away = refusal(AWAY, "rpi5", first, second)
    assert away is not None
    assert "`bitgauge agents revoke rpi5`" in away.sentence
    assert refusal(YES, "rpi5", first, second) is None
