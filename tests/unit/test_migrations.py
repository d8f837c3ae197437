import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from bitgauge.benchmarks.errors import BitgaugeError, Code
from bitgauge.coordinator.migrations import MIGRATIONS, migrate, version_of
from bitgauge.coordinator.sqlite_store import SqliteStore
from bitgauge.coordinator.store_reader import open_readonly


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    yield connection
    connection.close()


def schema(connection: sqlite3.Connection) -> list[tuple[str, str]]:
    sql = "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name"
    return connection.execute(sql).fetchall()


def test_an_empty_database_gets_every_step_once(connection: sqlite3.Connection) -> None:
    assert migrate(connection, "x") == len(MIGRATIONS)
    before = schema(connection)
    assert migrate(connection, "x") == 0
    assert schema(connection) == before
    assert version_of(connection, "x") == len(MIGRATIONS)


def test_every_table_is_strict(connection: sqlite3.Connection) -> None:
    migrate(connection, "x")
    tables = connection.execute("PRAGMA table_list").fetchall()
    ours = [row for row in tables if not row[1].startswith("sqlite_")]
    assert {row[1] for row in ours} >= {"devices", "jobs", "entries", "leases", "runs", "metrics"}
    assert all(row[5] for row in ours)


def test_a_step_that_breaks_leaves_the_schema_before_it(connection: sqlite3.Connection) -> None:
    broken = (*MIGRATIONS, ("CREATE TABLE half (x)", "CREATE TABLE half (x)"))
    with pytest.raises(sqlite3.OperationalError):
        migrate(connection, "x", broken)
    assert version_of(connection, "x") == len(MIGRATIONS)
    assert "half" not in dict(schema(connection))
    mended = (*MIGRATIONS, ("CREATE TABLE half (x)",))
    assert migrate(connection, "x", mended) == 1


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    SqliteStore.open(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    connection.close()
    for opening in (SqliteStore.open, open_readonly):
        with pytest.raises(BitgaugeError) as caught:
            opening(path)
        assert caught.value.code is Code.STORE_NEWER
        assert str(path) in caught.value.sentence


def test_an_older_schema_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    path.touch()
    with pytest.raises(BitgaugeError) as caught:
        open_readonly(path)
    assert caught.value.code is Code.STORE_OLDER


def test_the_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE notes (x)")
    connection.close()
    before = path.read_bytes()
    for opening in (SqliteStore.open, open_readonly):
        with pytest.raises(BitgaugeError) as caught:
            opening(path)
        assert caught.value.code is Code.STORE_MISSING
    assert path.read_bytes() == before
