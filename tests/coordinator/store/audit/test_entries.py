"""The audit: one entry beside each act, in one transaction, never changed, verified by anybody."""

import re
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from bitgauge.benchmarks.common.audit import BEGINNING, ChainHead, digest_of, follow
from bitgauge.benchmarks.vocabulary.enums import Role
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError
from bitgauge.benchmarks.vocabulary.values.audit import AuditEntry
from bitgauge.coordinator.store.audit import entries
from bitgauge.coordinator.store.store import Store
from bitgauge.coordinator.store.values import TokenRecord


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


def kept(store: Store) -> list[AuditEntry]:
    return [*reversed(store.audit())]


def filled(path: Path, count: int = 5) -> Store:
    store = Store.open(path)
    for number in range(count):
        token = TokenRecord(f"t{number}", Role.SUBMIT, bytes([number]) * 32)
        store.create_token(token, 100 + number, "ann")
    return store


def test_an_act_and_its_entry_are_one_transaction(path: Path) -> None:
    store = filled(path, 1)
    with pytest.raises(BitgaugeError, match="a live token 't0'"):
        store.create_token(TokenRecord("t0", Role.READ, b"x" * 32), 200, "ann")
    with pytest.raises(BitgaugeError, match="no live token"):
        store.revoke_token("none", 200, "ann")
    store.revoke_token("t0", 300, "bob")
    made, revoked = kept(store)
    assert (made.position, made.who, made.what, made.object) == (1, "ann", "token.create", "t0")
    assert (made.at_unix_ns, made.detail) == (100, "role submit, ends never")
    assert (revoked.who, revoked.what, revoked.previous) == ("bob", "token.revoke", made.digest)
    assert store.audit_head() == ChainHead(2, revoked.digest)
    store.close()


def test_no_secret_and_no_hash_of_one_is_in_it(path: Path) -> None:
    store = Store.open(path)
    store.create_token(TokenRecord("t", Role.SUBMIT, b"\xab" * 32), 1, "ann")
    store.create_join_token(b"\xcd" * 32, 2, 1, "ann")
    said = repr(store.audit())
    assert "ab" * 8 not in said
    assert "cd" * 7 not in said
    store.close()


def test_entries_are_asked_for_by_who_since_when_and_in_pages(path: Path) -> None:
    store = filled(path, 5)
    store.create_token(TokenRecord("b", Role.READ, b"b" * 32), 900, "bob")
    assert [one.position for one in store.audit(limit=2)] == [6, 5]
    assert [one.position for one in store.audit(limit=2, before=5)] == [4, 3]
    assert [one.object for one in store.audit(who="bob")] == ["b"]
    assert [one.position for one in store.audit(since_unix_ns=104)] == [6, 5]
    assert len(store.audit(limit=-1)) == len(store.audit(limit=1)) == 1
    store.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET who = 'bob' WHERE position = 2",
        "DELETE FROM audit WHERE position = 5",
        "INSERT OR REPLACE INTO audit SELECT position, 1, who, what, object, detail, previous,"
        " digest FROM audit WHERE position = 2",
        "INSERT INTO audit VALUES (9, 1, 'a', 'b', 'c', '', '', '')",
    ],
)
def test_the_database_keeps_what_is_written(path: Path, statement: str) -> None:
    store = filled(path)
    before = kept(store)
    connection = sqlite3.connect(path, isolation_level=None)
    with pytest.raises(sqlite3.IntegrityError, match="audit"):
        connection.execute(statement)
    connection.close()
    assert kept(store) == before
    store.close()


@pytest.mark.parametrize(
    ("statement", "wrong"),
    [
        ("UPDATE audit SET who = 'bob' WHERE position = 2", "entry 2 .* not as it was written"),
        ("UPDATE audit SET digest = 'x' WHERE position = 2", "entry 2 .* not as it was written"),
        ("DELETE FROM audit WHERE position = 3", "entry 3 .* missing"),
        ("DELETE FROM audit WHERE position = 1", "entry 1 .* missing"),
    ],
)
def test_what_goes_round_the_triggers_shows(path: Path, statement: str, wrong: str) -> None:
    filled(path).close()
    connection = sqlite3.connect(path, isolation_level=None)
    for trigger in ("audit_takes_the_next", "audit_is_not_changed", "audit_is_not_deleted"):
        connection.execute(f"DROP TRIGGER {trigger}")
    connection.execute(statement)
    connection.close()
    store = Store.open_readonly(path)
    _, found = follow(kept(store))
    assert found is not None
    assert re.search(wrong, found)
    store.close()


def test_an_entry_that_was_made_up_anew_breaks_the_chain_after_it(path: Path) -> None:
    store = filled(path)
    chain = kept(store)
    assert follow(chain) == (store.audit_head(), None)
    forged = replace(chain[1], who="bob")
    chain[1] = replace(forged, digest=digest_of(forged))
    assert follow(chain)[1] == "entry 3 of the audit does not follow the one before it"
    assert follow(chain[:3][2:], ChainHead(2, chain[1].digest))[1] is not None
    assert follow(()) == (BEGINNING, None)
    store.close()


def test_what_is_kept_of_a_text_is_one_short_line(path: Path) -> None:
    store = Store.open(path)
    with store.writing("a test") as db:
        entries.record(db, "a" * 1000, "x", "\x1b[2J\u202e\n\ud800", "d" * 5000, now_ns=1)
    (entry,) = store.audit()
    assert len(entry.who) == entries.MAX_NAME
    assert entry.who.endswith("…")
    assert entry.object == "\\u001b[2J\\u202e\\u000a\\ud800"
    assert len(entry.detail) == entries.MAX_DETAIL
    assert follow([entry])[1] is None
    store.close()
