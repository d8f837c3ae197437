"""Slots are shared fairly: nobody starves, a user's own order is kept, no slot stays empty."""

from __future__ import annotations

from collections import Counter

from bitgauge.coordinator.decisions.slots import (
    MAX_BESIDE,
    Queue,
    Ticket,
    admitted,
    before,
    joined,
    left,
    next_one,
    taken,
    waiting_of,
)
from hypothesis import given
from hypothesis import strategies as st

USERS = ("ada", "ben", "cleo")
tickets = st.builds(lambda user, quick: (user, quick), st.sampled_from(USERS), st.booleans())


def filled(queue: Queue) -> tuple[Queue, list[Ticket]]:
    """The queue after everybody has a slot who can have one, and who got one."""
    got: list[Ticket] = []
    while True:
        queue, one = admitted(queue)
        if one is None:
            return queue, got
        got.append(one)


def queue_of(slots: int, *asked: tuple[str, bool]) -> Queue:
    queue = Queue(slots)
    for number, (user, quick) in enumerate(asked):
        queue = joined(queue, Ticket(number, user, quick))
    return queue


# What happens, one after the other: somebody asks, or the n-th that runs ends.
courses = st.lists(st.one_of(tickets, st.integers(0, 9)), max_size=60)


@given(slots=st.integers(1, 4), course=courses)
def test_slots_are_never_idle_nor_too_many_and_a_user_keeps_his_order(
    slots: int, course: list[tuple[str, bool] | int]
) -> None:
    queue, served = Queue(slots), list[Ticket]()
    for number, event in enumerate(course):
        if isinstance(event, tuple):
            queue = joined(queue, Ticket(number, *event))
        elif queue.running:
            queue = left(queue, queue.running[event % len(queue.running)])
        queue, got = filled(queue)
        served += got
        assert taken(queue.running) <= slots
        assert len(queue.running) <= slots + MAX_BESIDE
        served_quickly = {one.user for one in queue.running if one.quick}
        for one in queue.waiting:
            assert taken(queue.running) == slots
            assert not one.quick or one.user in served_quickly or len(served_quickly) >= MAX_BESIDE
    for user in USERS:
        for kind in (True, False):
            own = [one.number for one in served if (one.user, one.quick) == (user, kind)]
            assert own == sorted(own)


@given(
    slots=st.integers(1, 3),
    flood=st.lists(st.booleans(), min_size=200, max_size=200),
    wanted=st.booleans(),
    chosen=st.randoms(use_true_random=False),
)
def test_nobody_starves_beside_a_user_who_never_stops(
    slots: int, flood: list[bool], wanted: bool, chosen: object
) -> None:
    """Whatever ends when, if only each does, another's step has its slot after few of its kind."""
    queue = queue_of(slots, *(("ada", quick) for quick in flood[:20]))
    queue, _ = filled(queue)
    own = Ticket(1000, "ben", wanted)
    queue, got = filled(joined(queue, own))
    passed, number = [one for one in got if one != own], 2000
    for quick in flood[20:]:
        if own not in queue.waiting:
            break
        end = 0 if number % 2 else chosen.randrange(len(queue.running))  # type: ignore[attr-defined]
        queue = left(queue, queue.running[end])
        queue, got = filled(joined(queue, Ticket(number, "ada", quick)))
        passed += [one for one in got if one != own]
        number += 1
    assert own not in queue.waiting
    assert sum(one.quick is wanted for one in passed) <= slots + 1


def test_one_users_builds_leave_the_next_slot_to_another() -> None:
    queue, got = filled(queue_of(1, *[("ada", False)] * 5, ("ben", False), ("ben", True)))
    assert [(one.user, one.quick) for one in got] == [("ada", False), ("ben", True)]
    queue, got = filled(left(queue, queue.running[0]))
    assert [one.user for one in got] == ["ben"]  # the quick one takes no slot


def test_what_one_user_submits_keeps_nobody_else_from_submitting() -> None:
    """Builds without end in every slot, and one look without end: others are looked at at once."""
    queue, _ = filled(queue_of(1, ("ada", False), *[("ada", True)] * 3))
    assert [one.quick for one in queue.running] == [False, True]
    for number, user in enumerate(("ben", "cleo", "dora"), 10):
        queue, got = filled(joined(queue, Ticket(number, user, quick=True)))
        assert [one.user for one in got] == [user]
    queue, got = filled(joined(queue, Ticket(20, "eve", quick=True)))
    assert got == [], f"{MAX_BESIDE} users have one"
    queue, got = filled(left(queue, queue.running[1]))
    assert [one.user for one in got] == ["eve"], "ada's next one comes after hers"


def test_users_take_turns() -> None:
    asked = [*[("ada", False)] * 3, *[("ben", False)] * 3, *[("cleo", False)] * 3]
    queue, got = filled(queue_of(1, *asked))
    order = [one.user for one in got]
    while queue.running:
        queue, got = filled(left(queue, queue.running[0]))
        order += [one.user for one in got]
    assert order == ["ada", "ben", "cleo"] * 3


@given(slots=st.integers(1, 3), asked=st.lists(tickets, min_size=1, max_size=12))
def test_how_many_are_before_me_is_what_happens(slots: int, asked: list[tuple[str, bool]]) -> None:
    queue = queue_of(slots, *asked)
    told = {one: before(queue, one) for one in queue.waiting}
    order: list[Ticket] = []
    while True:
        queue, got = filled(queue)
        order += got
        if not queue.running:
            break
        queue = left(queue, queue.running[0])
    assert Counter(told.values()) == Counter(range(len(asked)))
    assert all(order[place] == one for one, place in told.items())


def test_without_anybody_nobody_is_next() -> None:
    assert next_one(Queue(1)) is None


def test_one_user_has_only_as_many_slots_as_each_may() -> None:
    queue = Queue(3, each=2)
    for number, user in enumerate(("ann", "ann", "ann", "bob", "bob")):
        queue = joined(queue, Ticket(number, user, quick=False))
    served = []
    while True:
        queue, one = admitted(queue)
        if one is None:
            break
        served.append((one.user, one.number))
    assert served == [("ann", 0), ("bob", 3), ("ann", 1)]
    assert (waiting_of(queue, "ann"), waiting_of(queue, "bob")) == (1, 1)
    queue = left(queue, queue.running[1])  # bob's
    queue, one = admitted(queue)
    assert one is not None
    assert one.user == "bob", "ann has two already"
