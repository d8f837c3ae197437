"""Whose a name is, and that every word is understood in one way."""

from __future__ import annotations

import uuid

import pytest
from bitgauge.benchmarks.vocabulary.enums import Role
from bitgauge.benchmarks.vocabulary.errors import Code
from bitgauge.benchmarks.vocabulary.values.devices import DeviceDescription
from bitgauge.benchmarks.vocabulary.values.history import HistoryQuery
from bitgauge.benchmarks.vocabulary.values.rows import TableQuery
from bitgauge.coordinator.store.values import CertificateRecord, Registration, TokenRecord

from tests.labs.refused import refused
from tests.labs.store import Lab
from tests.labs.values import device

YEAR_NS = 365 * 86_400 * 10**9
A, B = str(uuid.UUID(int=0xA)), str(uuid.UUID(int=0xB))


def joined(lab: Lab, device_id: str, name: str) -> None:
    """A device joins with a right of its own."""
    right, key = uuid.uuid4().bytes, uuid.uuid4().bytes
    lab.store.create_join_token(right, lab.now_ns + YEAR_NS, lab.now_ns)
    certificate = CertificateRecord(uuid.uuid4().hex, device_id, name, key, lab.now_ns + YEAR_NS)
    token = TokenRecord(name, Role.AGENT, uuid.uuid4().bytes, 0, device_id)
    lab.store.join(right, certificate, token, lab.now_ns)


def register(lab: Lab, device_id: str, name: str, agent_id: str | None = None) -> None:
    what = device(name, device_id=device_id)
    lab.store.register(Registration(what, "1", "boot", "i1", True, (), agent_id), lab.now_ns)


def legacy_name(lab: Lab, device_id: str, name: str) -> None:
    """As an older store may hold it."""
    with lab.store.writing("for a test") as db:
        db.execute("UPDATE devices SET name = ? WHERE device_id = ?", (name, device_id))


def test_a_name_has_one_bearer(lab: Lab) -> None:
    joined(lab, A, "board")
    register(lab, A, "board", A)
    for name in ("board", "BOARD"):
        with refused(Code.NAME_TAKEN, A, "--name"):
            register(lab, B, name)
        with refused(Code.NAME_TAKEN, A):
            joined(lab, B, name)
    register(lab, A, "board", A)


def test_a_certificate_holds_its_name_before_its_device_registers(lab: Lab) -> None:
    joined(lab, A, "board")
    with refused(Code.NAME_TAKEN, A):
        register(lab, B, "board")
    register(lab, A, "other", A)
    with refused(Code.NAME_TAKEN, A):
        register(lab, B, "board")
    register(lab, B, "third")
    with refused(Code.NAME_TAKEN, B):
        register(lab, A, "third", A)


def test_two_devices_of_one_agent_have_two_names(lab: Lab) -> None:
    joined(lab, A, "board")
    register(lab, A, "board", A)
    with refused(Code.NAME_TAKEN):
        register(lab, B, "board", A)
    register(lab, B, "board-phone", A)


@pytest.mark.parametrize("end", ["retire", "revoke"])
def test_the_name_of_a_device_that_is_gone_is_free(lab: Lab, end: str) -> None:
    joined(lab, A, "board")
    register(lab, A, "board", A)
    if end == "retire":
        lab.store.retire(A, "smoke", lab.now_ns)
        lab.store.revoke_agent(A, lab.now_ns)
    else:
        lab.store.revoke_agent("board", lab.now_ns)
    register(lab, B, "board")
    assert lab.store.device_named("board") == B


def test_who_was_gone_comes_back_without_what_others_are_called_since(lab: Lab) -> None:
    joined(lab, A, "board")
    register(lab, A, "board", A)
    lab.store.rename(A, "kitchen", now_ns=lab.now_ns)
    lab.store.revoke_agent("kitchen", lab.now_ns)
    others = {"board": B, "kitchen": str(uuid.UUID(int=0xC))}
    for name, other in others.items():
        register(lab, other, name)
        with refused(Code.NAME_TAKEN, other):
            joined(lab, A, name)
    joined(lab, A, "shelf")
    for name, other in (others | {"shelf": A}).items():
        assert lab.store.device_named(name) == other


@pytest.mark.parametrize("name", [B, "tv box", "", "x" * 65])
def test_what_is_no_name_is_refused(lab: Lab, name: str) -> None:
    with refused(Code.BAD_ARGUMENT, "--name NAME"):
        register(lab, A, name)
    with refused(Code.BAD_ARGUMENT, "--name NAME"):
        joined(lab, A, name)


def test_an_id_that_is_another_s_name_is_refused(lab: Lab) -> None:
    register(lab, A, "board")
    with refused(Code.BAD_ARGUMENT, "not the id"):
        register(lab, "board", "other")


def test_two_with_each_other_s_id_as_name_are_told_apart(lab: Lab) -> None:
    for one in (A, B):
        joined(lab, one, f"board-{one[-1]}")
        register(lab, one, f"board-{one[-1]}", one)
    legacy_name(lab, A, B)
    legacy_name(lab, B, A)
    assert [lab.store.device_named(one) for one in (A, B)] == [A, B]
    with refused(Code.BAD_ARGUMENT, "--name NAME"):
        register(lab, A, B, A)
    assert lab.store.revoke_agent(B, lab.now_ns) == B
    assert lab.store.revoke_agent(A, lab.now_ns) == A


def test_of_an_older_store_with_one_name_twice_the_first_bearer_keeps_it(lab: Lab) -> None:
    for one in (A, B):
        joined(lab, one, f"board-{one[-1]}")
        lab.wait(1)
        register(lab, one, f"board-{one[-1]}", one)
        legacy_name(lab, one, "board")
    with refused(Code.BAD_ARGUMENT, "give one of the ids", A, B):
        lab.store.device_named("board")
    register(lab, A, "board", A)
    with refused(Code.NAME_TAKEN, A):
        register(lab, B, "board", B)
    register(lab, B, "board-2", B)
    assert lab.store.device_named("board") == A


def test_questions_understand_a_word_as_commands_do(lab: Lab) -> None:
    lab.register()
    lab.measured()
    first: DeviceDescription = device()
    lab.store.retire(first.device_id, "smoke", lab.now_ns)
    register(lab, A, first.name)
    for word, count in ((first.device_id, 3), (first.name, 0), (A, 0)):
        assert len(lab.store.rows(TableQuery(device=word))) == count
        assert len(lab.store.series(HistoryQuery(device=word))) in (0, count and 3)
    lab.store.retire(A, "smoke", lab.now_ns)


def test_a_device_is_revoked_with_the_agent_that_serves_it(lab: Lab) -> None:
    joined(lab, A, "board")
    with refused(Code.UNKNOWN_DEVICE):
        lab.store.revoke_agent("nobody", lab.now_ns)
    register(lab, B, "local")
    with refused(Code.UNKNOWN_DEVICE, "has not joined"):
        lab.store.revoke_agent("local", lab.now_ns)
    phone = str(uuid.uuid4())
    register(lab, phone, "phone", A)
    with refused(Code.BAD_ARGUMENT, A):
        lab.store.revoke_agent("phone", lab.now_ns)
    assert lab.store.revoke_agent("board", lab.now_ns) == A  # it never registered
