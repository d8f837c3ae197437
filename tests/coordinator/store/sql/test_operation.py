"""An operation is a function of SQL: alone it is one transaction, inside another a part of that."""

import inspect
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code
from bitgauge.coordinator.store.sql.database import Opened, Operation, reading, writing
from bitgauge.coordinator.store.store import Store
from sqlite_utils import Database


@writing("adding a note")
def add(db: Database, text: str, *, times: int = 1) -> int:
    """Add a note."""
    for _ in range(times):
        db.execute("INSERT INTO notes VALUES (?)", (text,))
    return times


@writing("adding two notes")
def add_both(db: Database, first: str, second: str) -> None:
    """Add two notes or none."""
    add(db, first)
    add(db, second)


@reading("reading notes")
def notes(connection: sqlite3.Connection, limit: int = 10) -> list[str]:
    """The notes."""
    return [text for (text,) in connection.execute("SELECT * FROM notes LIMIT ?", (limit,))]


class Notes(Opened):
    add = add
    add_both = add_both
    notes = notes


@pytest.fixture
def store() -> Iterator[Notes]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute("CREATE TABLE notes (text TEXT NOT NULL CHECK (text <> ''))")
    store = Notes(connection, "the notes", Database(connection))
    yield store
    store.close()


def test_an_operation_takes_what_its_function_takes(store: Notes) -> None:
    assert store.add("one", times=2) == 2
    assert store.notes() == ["one", "one"]
    assert store.notes(limit=1) == ["one"]


def test_alone_it_is_all_or_nothing(store: Notes) -> None:
    with pytest.raises(BitgaugeError, match="While adding two notes: the notes answered"):
        store.add_both("one", "")
    assert store.notes() == []
    with pytest.raises(BitgaugeError):
        store.add("", times=3)
    assert store.notes() == []


def test_a_store_that_was_opened_to_read_writes_nothing(store: Notes) -> None:
    reader = Notes(store._connection, "the notes")
    assert reader.notes() == []
    with pytest.raises(BitgaugeError) as caught:
        reader.add("one")
    assert caught.value.code is Code.INTERNAL
    assert "While adding a note: the notes was opened to read." in caught.value.sentence
    assert store.notes() == []


def test_every_operation_of_the_store_has_the_words_of_its_function() -> None:
    operations = {
        name: one
        for name in dir(Store)
        if isinstance(one := inspect.getattr_static(Store, name), Operation)
    }
    assert len(operations) > 80
    for name, one in operations.items():
        assert inspect.getdoc(one), name
        assert next(iter(inspect.signature(one).parameters)) in ("db", "connection"), name


def test_a_database_that_was_opened_to_read_is_not_written(tmp_path: Path) -> None:
    Store.open(tmp_path / "store.db").close()
    reader = Store.open_readonly(tmp_path / "store.db")
    with pytest.raises(BitgaugeError, match="opened to read"):
        reader.expire(1)
    assert reader.jobs() == ()
    reader.close()
