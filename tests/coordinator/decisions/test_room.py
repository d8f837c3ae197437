"""Which upload may begin: what is promised counts, and nobody shuts the others out."""

from __future__ import annotations

from bitgauge.benchmarks.vocabulary.errors import Code, Refused, Unavailable
from bitgauge.coordinator.decisions.room import (
    MAX_PEOPLES_SHARE,
    MAX_SHARE,
    Account,
    RoomTerms,
    Space,
    excess_bytes,
    limit_of,
    refusal,
    share_bytes,
)
from hypothesis import given
from hypothesis import strategies as st

ADMIN = Account("admin local")
PERSON = Account("submit ann", person=True)
DEVICE = Account("agent one", device=True)
TASK = Account("task local", free=True)
EMPTY = Space(free_bytes=10_000, promised_bytes=0, stored_bytes=0, held_bytes=0)
LIMIT = RoomTerms(limit_bytes=1000, device_bytes=300)


def code_of(account: Account, terms: RoomTerms, wanted: int, space: Space) -> Code | None:
    found = refusal(account, terms, wanted, space)
    return found.code if found else None


def test_what_is_promised_is_as_good_as_stored() -> None:
    promised = Space(10_000, promised_bytes=700, stored_bytes=100, held_bytes=0)
    assert code_of(ADMIN, LIMIT, 100, promised) is None
    assert code_of(ADMIN, LIMIT, 101, promised) is Code.BLOB_LIMIT
    full = Space(free_bytes=1000, promised_bytes=900, stored_bytes=0, held_bytes=0)
    for account in (ADMIN, PERSON, DEVICE, TASK):
        assert code_of(account, RoomTerms(), 101, full) is Code.DISK_FULL


def test_a_tenth_is_for_what_devices_report() -> None:
    space = Space(10_000, 0, stored_bytes=900, held_bytes=0)
    assert code_of(ADMIN, LIMIT, 1, space) is Code.BLOB_LIMIT
    assert code_of(DEVICE, LIMIT, 100, space) is None
    assert code_of(DEVICE, LIMIT, 101, space) is Code.BLOB_LIMIT
    assert code_of(TASK, LIMIT, 500, space) is None


def test_nobody_but_an_admin_holds_more_than_a_share() -> None:
    space = Space(10_000, 0, stored_bytes=450, held_bytes=450)
    assert code_of(PERSON, LIMIT, 50, space) is None
    assert code_of(PERSON, LIMIT, 51, space) is Code.BLOB_SHARE
    assert code_of(ADMIN, LIMIT, 450, space) is None
    assert code_of(DEVICE, LIMIT, 1, space) is Code.BLOB_SHARE
    without = RoomTerms(device_bytes=300)
    half = Space(free_bytes=1000, promised_bytes=0, stored_bytes=0, held_bytes=1000)
    assert share_bytes(PERSON, without, half) == 1000  # of what would be free without him
    assert share_bytes(DEVICE, without, half) == 300
    assert share_bytes(ADMIN, without, half) is None


def test_a_device_comes_again_and_a_person_is_told() -> None:
    space = Space(10_000, 0, stored_bytes=1000, held_bytes=1000)
    assert isinstance(refusal(DEVICE, LIMIT, 1, space), Unavailable)
    assert isinstance(refusal(PERSON, LIMIT, 1, space), Refused)


@given(
    limit=st.none() | st.integers(0, 10_000),
    device=st.integers(0, 10_000),
    free=st.integers(-100, 10_000),
    promised=st.integers(0, 5000),
    stored=st.integers(0, 10_000),
    held=st.integers(0, 5000),
    wanted=st.integers(0, 10_000),
)
def test_who_is_let_in_stays_below_every_bound(
    limit: int | None, device: int, free: int, promised: int, stored: int, held: int, wanted: int
) -> None:
    space, terms = Space(free, promised, stored, held), RoomTerms(limit, device)
    for account in (ADMIN, PERSON, DEVICE, TASK):
        if refusal(account, terms, wanted, space) is not None:
            continue
        assert wanted + promised <= free
        assert excess_bytes(account, terms, wanted, space) <= 0
        share = share_bytes(account, terms, space)
        assert share is None or held + wanted <= share
        if limit is not None and account is not TASK:
            own = limit_of(account, terms)
            assert own is not None
            assert stored + promised + wanted <= own <= limit
            assert own >= int(limit * MAX_PEOPLES_SHARE)
            assert share is None or share <= limit * MAX_SHARE
