"""Decisions about devices, on plain values and a clock that is only a number."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
from bitgauge.benchmarks.vocabulary.enums import Health, JobState
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code
from bitgauge.benchmarks.vocabulary.reasons import REFERENCE_MISMATCH
from bitgauge.benchmarks.vocabulary.values.devices import DeviceView
from bitgauge.benchmarks.vocabulary.values.jobs import Selector
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue
from bitgauge.coordinator.decisions.care import (
    BRAKE_MIN_AGENTS,
    BRAKE_WINDOW_NS,
    CareTerms,
    CheckOutcome,
    DeviceCare,
    Hearing,
    MassLoss,
    check_due,
    judge_check,
    mass_loss,
    require_quota,
    waiting_words,
)
from hypothesis import given
from hypothesis import strategies as st

from tests.labs import values
from tests.labs.coordinator import DEVICE, SECOND_NS, SPEC

HOUR_NS = 3600 * SECOND_NS
TERMS = CareTerms(check_every_ns=24 * HOUR_NS, check_every_jobs=50, max_queued_per_user=3)
NOW_NS = 1_000 * HOUR_NS
GOOD = DeviceCare(Health.GOOD, checked_unix_ns=NOW_NS)
AFTER_NS = 20 * SECOND_NS


# -- health checks ------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("care", "terms", "due"),
    [
        (GOOD, TERMS, False),
        (DeviceCare(), TERMS, True),
        (replace(GOOD, health=Health.SUSPECT), TERMS, True),
        (replace(GOOD, checked_unix_ns=NOW_NS - 24 * HOUR_NS + 1), TERMS, False),
        (replace(GOOD, checked_unix_ns=NOW_NS - 24 * HOUR_NS), TERMS, True),
        (replace(GOOD, jobs_since_check=49), TERMS, False),
        (replace(GOOD, jobs_since_check=50), TERMS, True),
        (replace(GOOD, jobs_since_check=50), replace(TERMS, check_every_jobs=0), False),
        (replace(GOOD, checked_unix_ns=0), replace(TERMS, check_every_ns=0), False),
        (DeviceCare(), CareTerms(0, 0), False),
        (replace(DeviceCare(), open_check="j"), TERMS, False),
        (replace(DeviceCare(), cordoned="fan"), TERMS, False),
        (replace(DeviceCare(), retired=True), TERMS, False),
    ],
)
def test_when_a_health_check_is_due(care: DeviceCare, terms: CareTerms, due: bool) -> None:
    assert check_due(care, terms, NOW_NS) is due


@given(st.builds(DeviceCare, checked_unix_ns=st.none() | st.integers(0, 2 * NOW_NS)))
def test_a_device_that_is_out_or_being_checked_is_never_due(care: DeviceCare) -> None:
    due = check_due(care, TERMS, NOW_NS)
    assert not (due and (care.out or care.open_check is not None))
    if not care.out and care.open_check is None and care.health is not Health.GOOD:
        assert due


def accuracy(value: float | None, *flags: str) -> tuple[MetricValue, ...]:
    reason = None if value is not None else "no_raw_data"
    return (MetricValue("accuracy_pct", value, reason=reason, flags=flags),)


@pytest.mark.parametrize(
    ("state", "metrics", "outcome", "words"),
    [
        (JobState.FINISHED, accuracy(98.998), CheckOutcome.PASSED, "99.00"),
        (JobState.FINISHED, accuracy(98.6), CheckOutcome.PASSED, "98.60"),
        (JobState.FINISHED, accuracy(97.0), CheckOutcome.FAILED, "97.00 % where it is 99.00 %"),
        (JobState.FINISHED, accuracy(100.0), CheckOutcome.FAILED, "100.00"),
        (JobState.FINISHED, accuracy(None), CheckOutcome.FAILED, "no_raw_data"),
        (JobState.FINISHED, (), CheckOutcome.FAILED, "no accuracy"),
        (
            JobState.FINISHED,
            accuracy(99.0, REFERENCE_MISMATCH),
            CheckOutcome.FAILED,
            "the reference",
        ),
        (JobState.FAILED, (), CheckOutcome.FAILED, "it crashed"),
        (JobState.CANCELLED, (), CheckOutcome.VOID, "cancelled"),
    ],
)
def test_what_a_check_says(
    state: JobState, metrics: tuple[MetricValue, ...], outcome: CheckOutcome, words: str
) -> None:
    reason = "it crashed." if state is JobState.FAILED else None
    found, sentence = judge_check(state, reason, metrics, 99.0)
    assert found is outcome
    assert words in sentence
    assert not sentence.endswith(".")


# -- the mass-loss brake ------------------------------------------------------------------
@dataclass
class Fleet:
    """Agents on a clock of our own; each is heard every second while it lives."""

    count: int
    now_s: float = 1_000.0
    dead_since_s: dict[int, float] = field(default_factory=dict)
    leased: bool = True

    def brake(self) -> MassLoss | None:
        hearings = [
            Hearing(
                str(number),
                round(self.dead_since_s.get(number, self.now_s) * SECOND_NS),
                self.leased,
            )
            for number in range(self.count)
        ]
        return mass_loss(hearings, round(self.now_s * SECOND_NS), AFTER_NS)

    def kill(self, *numbers: int) -> None:
        self.dead_since_s.update(dict.fromkeys(numbers, self.now_s))


def test_the_brake_holds_while_most_are_away_and_ends_when_they_return() -> None:
    fleet = Fleet(5)
    fleet.kill(0, 1, 2)
    fleet.now_s += 20
    assert fleet.brake() is None  # silent, and not yet unreachable
    fleet.now_s += 1
    loss = fleet.brake()
    assert loss is not None
    assert (loss.lost, loss.known) == (frozenset("012"), 5)
    assert "3 of 5 agents" in loss.sentence
    fleet.now_s += 100_000
    assert fleet.brake() == loss  # it does not wear off
    del fleet.dead_since_s[0]
    assert fleet.brake() is None  # two of five are no mass loss


@pytest.mark.parametrize(
    ("fleet", "killed"),
    [
        pytest.param(Fleet(4), 2, id="half is not more than half"),
        pytest.param(Fleet(BRAKE_MIN_AGENTS - 1), BRAKE_MIN_AGENTS - 1, id="a small lab"),
        pytest.param(Fleet(5, leased=False), 4, id="nothing to queue again"),
    ],
)
def test_there_is_nothing_to_hold(fleet: Fleet, killed: int) -> None:
    fleet.kill(*range(killed))
    fleet.now_s += 60
    assert fleet.brake() is None


@pytest.mark.parametrize(("apart_s", "together"), [(61, False), (29, True)])
def test_losses_within_a_minute_count_together(apart_s: int, *, together: bool) -> None:
    fleet = Fleet(5)
    for number in range(3):
        fleet.kill(number)
        fleet.now_s += apart_s
    fleet.now_s += 60
    assert (fleet.brake() is not None) == together


def test_devices_that_were_gone_before_are_not_among_those_known() -> None:
    fleet = Fleet(9)
    fleet.kill(0, 1, 2, 3)
    fleet.now_s += 3600
    assert fleet.brake() is None  # four of nine, long ago
    fleet.kill(4, 5, 6)
    fleet.now_s += 30
    loss = fleet.brake()
    assert loss is not None
    assert (len(loss.lost), loss.known) == (3, 5)


@given(ages_s=st.lists(st.floats(0, 500), max_size=12), earlier=st.randoms(use_true_random=False))
def test_the_brake_is_what_its_definition_says(ages_s: list[float], earlier: object) -> None:
    """Compared with the definition by counting, for every window that ends with a loss."""
    now_ns = 10_000 * SECOND_NS
    hearings = [
        Hearing(str(number), now_ns - round(age_s * SECOND_NS), leased=True)
        for number, age_s in enumerate(ages_s)
    ]
    gone = [
        one.heard_unix_ns + AFTER_NS for one in hearings if one.heard_unix_ns + AFTER_NS < now_ns
    ]
    expected = False
    for end in gone:
        lost = sum(end - BRAKE_WINDOW_NS <= when <= end for when in gone)
        before = sum(when < end - BRAKE_WINDOW_NS for when in gone)
        known = len(hearings) - before
        expected |= known >= BRAKE_MIN_AGENTS and 2 * lost > known
    found = mass_loss(hearings, now_ns, AFTER_NS)
    assert (found is not None) == expected
    shuffled = list(hearings)
    earlier.shuffle(shuffled)  # type: ignore[attr-defined]
    assert mass_loss(shuffled, now_ns, AFTER_NS) == found


# -- quota and waiting --------------------------------------------------------------------
def test_the_quota_is_a_sentence_with_the_name() -> None:
    require_quota("ci", 2, TERMS)
    with pytest.raises(BitgaugeError, match="3 jobs of the token 'ci' wait already") as caught:
        require_quota("ci", 3, TERMS)
    assert caught.value.code is Code.QUEUE_QUOTA
    assert caught.value.status == "RESOURCE_EXHAUSTED"


def view(name: str, **changes: object) -> DeviceView:
    device = replace(DEVICE, name=name, device_id=name)
    return values.view(device, **({"last_seen_unix_ns": 0} | changes))


def test_what_a_queued_job_waits_for() -> None:
    assert waiting_words(SPEC, []) == "a device that it matches; none has registered"
    assert waiting_words(SPEC, [view("a", retired=True)]).endswith("none has registered")
    assert waiting_words(SPEC, [view("a"), view("b", state="busy")]) == "its turn"
    held = [view("a", state="busy"), view("b", cordoned="fan"), view("c", state="unreachable")]
    assert waiting_words(SPEC, held) == "a device: a is busy, b is cordoned (fan), c is unreachable"
    only_b = replace(SPEC, selector=Selector(device="b"))
    assert waiting_words(only_b, held) == "a device: b is cordoned (fan)"
    many = [view(str(number), state="busy") for number in range(7)]
    assert waiting_words(SPEC, many).endswith("4 is busy and 2 more")
