"""Two agents with one id, and whether a device is what it says, as the store keeps them."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

import pytest
from bitgauge.benchmarks.vocabulary.enums import Realness, Role
from bitgauge.benchmarks.vocabulary.errors import Code
from bitgauge.benchmarks.vocabulary.reasons import UNCONFIRMED
from bitgauge.benchmarks.vocabulary.values.devices import DeviceDescription, DeviceView
from bitgauge.benchmarks.vocabulary.values.rows import TableQuery
from bitgauge.coordinator.decisions.care import LONGEST_RIVAL_SHOWN_NS
from bitgauge.coordinator.store.sql.table import disagreements
from bitgauge.coordinator.store.values import CertificateRecord, Registration, TokenRecord

from tests.labs.store import SECOND_NS, TERMS, Lab
from tests.labs.values import device

YEAR_NS = 365 * 86_400 * 10**9
DEVICE = device()
ID = DEVICE.device_id
KEY = uuid.UUID(int=1).bytes


def joined(lab: Lab, *, confirms: bool = False, key: bytes = KEY) -> None:
    right, serial = uuid.uuid4().bytes, uuid.uuid4().hex
    end_ns = lab.now_ns + YEAR_NS
    lab.store.create_join_token(right, end_ns, lab.now_ns, confirms=confirms)
    lab.wait(1)
    certificate = CertificateRecord(serial, ID, DEVICE.name, key, end_ns)
    token = TokenRecord(DEVICE.name, Role.AGENT, uuid.uuid4().bytes, 0, ID)
    lab.store.join(right, certificate, token, lab.now_ns)


def asks(
    lab: Lab, incarnation: str, what: DeviceDescription = DEVICE, **changes: Any
) -> Code | None:
    """What an agent that registers is told; None when it serves."""
    who = Registration(
        what, "1", "boot", incarnation, True, (), ID, "m", "p", f"host-{incarnation}", "10.0.0.1"
    )
    who = replace(who, **changes)
    refused = lab.store.seat(who, lab.now_ns, TERMS)
    if refused is not None:
        return refused.code
    lab.store.register(who, lab.now_ns)
    return None


def view(lab: Lab) -> DeviceView:
    found = lab.store.devices(lab.now_ns, TERMS)
    return next(one for one in found if one.description.device_id == ID)


@pytest.fixture
def board(lab: Lab) -> Lab:
    with lab.store.writing("for a test") as db:
        db.execute("DELETE FROM devices")
    joined(lab)
    assert asks(lab, "i1") is None
    return lab


# -- two agents ---------------------------------------------------------------------------
def test_a_copy_is_refused_while_the_first_is_alive_and_both_are_shown(board: Lab) -> None:
    since_ns = board.now_ns
    for _ in range(3):
        board.wait(5)
        board.store.seen(ID, "i1", board.now_ns)
        assert asks(board, "i2", machine="m2", place="p2") is Code.AGENT_RUNNING
    shown = view(board)
    assert shown.agent is not None
    assert (shown.agent.host, shown.agent.since_unix_ns) == ("host-i1", since_ns)
    assert shown.rival is not None
    assert (shown.rival.host, shown.rival.since_unix_ns) == ("host-i2", board.now_ns)
    board.store.seen(ID, "i1", board.now_ns)  # it was not displaced
    board.wait(LONGEST_RIVAL_SHOWN_NS / SECOND_NS + 1)
    assert view(board).rival is None


def test_a_copy_on_another_machine_joins_anew_when_the_first_is_gone(board: Lab) -> None:
    board.wait(21)
    assert asks(board, "i2", machine="m2", place="p2") is Code.JOIN_REFUSED
    board.store.revoke_agent(ID, board.now_ns)
    joined(board)
    assert asks(board, "i2", machine="m2", place="p2") is None
    assert view(board).rival is None


def test_a_copy_on_the_same_machine_goes_on_when_the_first_is_gone(board: Lab) -> None:
    assert asks(board, "i2", place="p2") is Code.AGENT_RUNNING
    board.wait(21)
    assert asks(board, "i2", place="p2") is None


def test_a_long_silence_that_was_announced_is_no_absence(board: Lab) -> None:
    lease = board.claimed(board.submit())
    board.store.renew(
        lease.job_id,
        lease.epoch,
        lease.lease_token,
        progress=None,
        hold_ns=100 * SECOND_NS,
        now_ns=board.now_ns,
        terms=TERMS,
    )
    board.wait(90)
    assert asks(board, "i2", machine="m2", place="p2") is Code.AGENT_RUNNING


def test_an_agent_that_was_killed_is_back_at_once(board: Lab) -> None:
    assert asks(board, "i2") is None
    assert asks(board, "i2") is None
    assert view(board).rival is None


def test_another_s_device_is_no_seat(board: Lab) -> None:
    who = Registration(DEVICE, "1", "boot", "x", True, (), str(uuid.uuid4()), "m2", "p2")
    assert board.store.seat(who, board.now_ns, TERMS) is None  # registering refuses it
    assert view(board).rival is None


# -- is it what it says -------------------------------------------------------------------
def flags(lab: Lab) -> set[bool]:
    rows = lab.store.rows(TableQuery())
    assert rows
    return {UNCONFIRMED in row.flags for row in rows}


def test_rows_of_a_device_that_joined_are_unconfirmed_until_an_admin_says_so(board: Lab) -> None:
    board.measured()
    assert not view(board).confirmed
    assert flags(board) == {True}
    board.store.confirm(ID, board.now_ns, "ann")
    assert view(board).confirmed
    assert flags(board) == {False}
    board.store.confirm(ID, board.now_ns, "ann")
    assert [one.what for one in board.store.audit()].count("device.confirm") == 1
    with board.store.reading("for a test") as connection:
        assert disagreements(connection) == ()
    assert asks(board, "i1") is None
    assert view(board).confirmed


def test_a_join_line_may_say_so(board: Lab) -> None:
    joined(board, confirms=True)
    assert asks(board, "i1") is None
    assert view(board).confirmed


def test_the_coordinator_s_own_machine_says_so_itself(lab: Lab) -> None:
    lab.register()
    assert view(lab).confirmed


def test_what_calls_itself_something_else_is_asked_about_again(board: Lab) -> None:
    board.measured()
    board.store.confirm(ID, board.now_ns, "ann")
    other = replace(DEVICE, realness=Realness.VIRTUAL_MACHINE)
    assert asks(board, "i1", other) is None
    assert not view(board).confirmed
    assert flags(board) == {True}


def test_another_key_is_another_device(board: Lab) -> None:
    joined(board, confirms=True)
    assert asks(board, "i1") is None
    board.store.revoke_agent(ID, board.now_ns)
    board.measured()
    joined(board, key=uuid.uuid4().bytes)
    assert not view(board).confirmed
    assert flags(board) == {True}
    assert asks(board, "i2") is None
    assert not view(board).confirmed
