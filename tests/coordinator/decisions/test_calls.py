"""How much one caller may hold: counted by kind, and never less than one of each."""

from __future__ import annotations

import inspect

import pytest
from bitgauge.coordinator.cli.up import up
from bitgauge.coordinator.decisions.calls import (
    MAX_CALLS,
    OF_ADDRESS,
    OF_TOKEN,
    Allowance,
    CallKind,
    CallTerms,
    Held,
)

SMALL = Allowance(calls=3, streams=2, transfers=1, unread_bytes=100)


def test_each_kind_is_counted_and_all_are_calls() -> None:
    held = Held(SMALL)
    assert [held.full(kind) for kind in CallKind] == ["", "", ""]
    held.add(CallKind.TRANSFER)
    assert held.full(CallKind.TRANSFER) == "1 transfers of blobs"
    assert held.full(CallKind.STREAM) == held.full(CallKind.CALL) == ""
    held.add(CallKind.STREAM)
    assert held.full(CallKind.STREAM) == held.full(CallKind.TRANSFER) == "2 streams"
    assert held.full(CallKind.CALL) == ""
    held.add(CallKind.CALL)
    assert {held.full(kind) for kind in CallKind} == {"3 calls"}


@pytest.mark.parametrize(
    ("before", "more", "room"), [(0, 1000, True), (1, 99, True), (1, 100, False), (100, 1, False)]
)
def test_one_answer_may_be_large_and_several_may_not(before: int, more: int, room: bool) -> None:
    held = Held(SMALL, unread_bytes=before)
    assert (held.unread(more) == "") is room


def test_an_option_moves_everything_in_proportion() -> None:
    assert OF_TOKEN.times(CallTerms().factor) == OF_TOKEN
    double = OF_TOKEN.times(CallTerms(2 * MAX_CALLS).factor)
    assert (double.calls, double.streams, double.transfers) == (128, 64, 32)
    least = OF_TOKEN.times(CallTerms(1).factor)
    assert (least.calls, least.streams, least.transfers, least.receiving) == (1, 1, 1, 1)
    assert OF_ADDRESS.transfers == 0


def test_the_command_line_offers_the_same() -> None:
    assert inspect.signature(up).parameters["calls_per_token"].default == MAX_CALLS
