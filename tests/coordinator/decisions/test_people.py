"""What one user may change, have, and how often a schedule may come round."""

import pytest
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code
from bitgauge.coordinator.decisions.asker import ITSELF, Asker
from bitgauge.coordinator.decisions.quotas import Quotas, require_room
from bitgauge.coordinator.decisions.schedules import following, next_after, require_cron
from hypothesis import given
from hypothesis import strategies as st

from tests.labs.refused import refused

MINUTE_NS = 60_000_000_000
QUARTER_S = 900


def test_what_belongs_to_somebody_is_changed_by_its_owner_or_an_admin() -> None:
    for asker in (Asker("ann", owns_all=False), Asker("root"), ITSELF):
        asker.require_own("ann", "Schedule 'nightly'")
    for owner in ("ann", "", "Bob"):
        whose = f"Schedule 'nightly' belongs to {owner or 'somebody else'}, not to bob"
        with refused(Code.FORBIDDEN, whose):
            Asker("bob", owns_all=False).require_own(owner, "Schedule 'nightly'")


def test_a_quota_says_what_moves_it() -> None:
    require_room(19, 20, "schedules of 'ann'", "--schedule-quota")
    words = ("There are 20 schedules of 'ann'; the quota is 20", "`bitgauge up --schedule-quota`")
    with refused(Code.QUOTA, *words):
        require_room(20, 20, "schedules of 'ann'", "--schedule-quota")


@pytest.mark.parametrize(
    "cron",
    [
        *("0 3 * * *", "*/15 * * * *", "0,30 * * * *", "0 0 29 2 *", "5 4 * * SUN"),
        *("0 0 1 1 *", "59 23 * * *", "0 0 L * *", "15-45/15 8-17 * * MON-FRI"),
    ],
)
def test_five_fields_a_quarter_of_an_hour_apart_are_taken(cron: str) -> None:
    require_cron(cron, QUARTER_S)


@pytest.mark.parametrize(
    "cron",
    ["* * * * * *", "*/5 0 3 * * *", "0 0 3 * * *", "", "* * * *", "@hourly", "0 3 * * * root"],
)
def test_exactly_five_fields_are_taken(cron: str) -> None:
    with pytest.raises(BadInput, match="five fields"):
        require_cron(cron, QUARTER_S)


@pytest.mark.parametrize(
    ("cron", "minutes"),
    [
        ("* * * * *", "1 minutes"),
        ("*/14 * * * *", "4 minutes"),
        ("0,1 0 1 1 *", "1 minutes"),
        ("0,50 * * * *", "10 minutes"),
        ("0,59 0,23 * * *", "1 minutes"),  # 23:59 and the 0:00 after it
        ("*/1 3 29 2 *", "1 minutes"),
    ],
)
def test_starts_that_are_too_near_are_refused(cron: str, minutes: str) -> None:
    with pytest.raises(BadInput, match=minutes):
        require_cron(cron, QUARTER_S)
    require_cron(cron, 60)


_FIELDS = st.sampled_from(["*", "*/7", "0", "3,4", "1-5", "*/20", "10/3"])


@given(_FIELDS, st.sampled_from(["*", "*/5", "3", "22-23", "0,23"]), st.integers(0, 10**18))
def test_what_is_taken_never_comes_sooner(minute: str, hour: str, after_ns: int) -> None:
    cron = f"{minute} {hour} * * *"
    try:
        require_cron(cron, QUARTER_S)
    except BadInput:
        return
    first = next_after(cron, after_ns)
    assert next_after(cron, first) - first >= QUARTER_S * 10**9


def test_an_earlier_schedule_that_comes_too_often_is_slowed_down() -> None:
    due = 1_700_000_000 * 10**9 // (15 * MINUTE_NS) * (15 * MINUTE_NS)
    later = due + 2 * 10**9
    assert following("*/15 * * * *", due, later, QUARTER_S) == due + 15 * MINUTE_NS
    assert following("* * * * *", due, later, QUARTER_S) == due + 15 * MINUTE_NS
    every_second = following("* * * * * *", due, later, QUARTER_S)
    assert every_second >= due + 15 * MINUTE_NS
    missed = due + 60 * MINUTE_NS
    assert following("*/15 * * * *", due, missed, QUARTER_S) == missed + 15 * MINUTE_NS


def test_a_lab_is_not_the_share_of_one() -> None:
    assert all(getattr(Quotas(), name) > 0 for name in Quotas.__slots__)
