"""Whose places a call takes, and that they come back."""

from __future__ import annotations

import asyncio

import pytest
from bitgauge.benchmarks.vocabulary.errors import Code, Unavailable
from bitgauge.coordinator.access.access import NOBODY, Caller, Transport
from bitgauge.coordinator.access.tokens import Party
from bitgauge.coordinator.decisions.calls import (
    MAX_CALLS,
    MAX_LOCAL_SHARES,
    MAX_OPEN_CALLS,
    MAX_OPEN_CALLS_OF_ADDRESS,
    MAX_RECEIVING,
    MAX_STREAMS,
    MAX_TRANSFERS,
    MAX_TRANSFERS_OF_ALL,
    MAX_UNREAD_BYTES,
    CallKind,
    CallTerms,
)
from bitgauge.coordinator.services.places import CallHolder, CallPlace, Lane, Places, holder_of

TLS, PLAIN = Transport(secure=True), Transport()


def token(name: str, party: Party = Party.READ) -> CallHolder:
    return holder_of(Caller(party, name), TLS, "ipv4:192.0.2.1:1")


def as_many(places: Places, holder: CallHolder, kind: CallKind) -> list[CallPlace]:
    """Takes places until there is none left."""
    taken: list[CallPlace] = []

    def take() -> None:
        while True:
            taken.append(places.take(holder, kind))

    with pytest.raises(Unavailable) as caught:
        take()
    assert caught.value.code is Code.TOO_MANY_CALLS
    return taken


@pytest.mark.parametrize(
    ("kind", "most"),
    [
        (CallKind.CALL, MAX_CALLS),
        (CallKind.STREAM, MAX_STREAMS),
        (CallKind.TRANSFER, MAX_TRANSFERS),
    ],
)
def test_one_token_fills_its_own_places_and_nobody_else_s(kind: CallKind, most: int) -> None:
    places = Places()
    taken = as_many(places, token("a"), kind)
    assert len(taken) == most
    assert len(as_many(places, token("b"), kind)) == most
    for place in taken:
        place.leave()
    assert len(as_many(places, token("a"), kind)) == most


def test_who_holds_nothing_is_forgotten() -> None:
    places = Places()
    taken = [places.take(token(str(number)), CallKind.CALL) for number in range(10)]
    assert len(places) == 10
    for place in taken:
        place.leave()
    assert len(places) == 0
    as_many(places, holder_of(NOBODY, TLS, "ipv4:192.0.2.1:1"), CallKind.TRANSFER)
    assert len(places) == 0  # one that was refused holds nothing


def test_a_token_file_of_this_machine_counts_as_several() -> None:
    owner = holder_of(Caller(Party.ADMIN, "local", local=True), PLAIN, "ipv4:127.0.0.1:1")
    named_so = token("local", Party.ADMIN)
    assert len(as_many(Places(), owner, CallKind.CALL)) == MAX_LOCAL_SHARES * MAX_CALLS
    assert len(as_many(Places(), named_so, CallKind.CALL)) == MAX_CALLS


def test_an_option_gives_more() -> None:
    assert (
        len(as_many(Places(CallTerms(3 * MAX_CALLS)), token("a"), CallKind.CALL)) == 3 * MAX_CALLS
    )


def test_people_together_leave_machines_their_places() -> None:
    places = Places()
    many = [as_many(places, token(str(number)), CallKind.TRANSFER) for number in range(10)]
    assert sum(map(len, many)) == MAX_TRANSFERS_OF_ALL
    agent = holder_of(Caller(Party.AGENT, "board", "id"), TLS, "ipv4:192.0.2.1:1")
    assert len(as_many(places, agent, CallKind.TRANSFER)) == MAX_TRANSFERS


def test_without_a_token_an_address_counts_and_this_machine_is_apart() -> None:
    places = Places()
    here = [holder_of(NOBODY, PLAIN, f"ipv4:127.0.0.{one}:{one}") for one in range(9)]
    same = holder_of(NOBODY, TLS, "ipv6:%5B2001:db8::1%5D:5000")
    assert same.key == holder_of(NOBODY, TLS, "ipv6:%5B2001:db8::1%5D:5001").key
    assert len(as_many(places, same, CallKind.CALL)) == MAX_OPEN_CALLS_OF_ADDRESS
    elsewhere = [holder_of(NOBODY, TLS, f"ipv4:192.0.2.{one}:1") for one in range(9)]
    taken = sum(len(as_many(places, one, CallKind.CALL)) for one in elsewhere)
    assert taken == MAX_OPEN_CALLS - MAX_OPEN_CALLS_OF_ADDRESS
    assert sum(len(as_many(places, one, CallKind.CALL)) for one in here) == MAX_OPEN_CALLS
    assert same.lane is Lane.OPEN_ELSEWHERE


def test_answers_that_were_not_read_are_bounded() -> None:
    places = Places()
    first, second = (places.take(token("a"), CallKind.STREAM) for _ in range(2))
    first.answered(2 * MAX_UNREAD_BYTES)
    with pytest.raises(Unavailable) as caught:
        second.answered(1)
    assert caught.value.code is Code.TOO_MANY_CALLS
    places.take(token("b"), CallKind.CALL).answered(1)
    first.was_read()
    second.answered(1)
    first.leave()
    second.leave()
    assert len(places) == 1


async def test_requests_wait_for_one_another_only_beyond_what_may_arrive() -> None:
    places = Places()
    inside = 0
    over = asyncio.Event()

    async def receive() -> None:
        nonlocal inside
        async with places.take(token("a"), CallKind.CALL).own.receiving:
            inside += 1
            await over.wait()

    tasks = [asyncio.create_task(receive()) for _ in range(MAX_RECEIVING + 5)]
    await asyncio.sleep(0)
    assert inside == MAX_RECEIVING
    async with places.take(token("b"), CallKind.CALL).own.receiving:
        pass
    over.set()
    await asyncio.gather(*tasks)
    assert inside == MAX_RECEIVING + 5
