import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import JobSpec
from bitgauge.coordinator.store.reader import open_readonly
from bitgauge.coordinator.store.sql.schema import MIGRATIONS, migrate, version_of
from bitgauge.coordinator.store.sql.values import encode
from bitgauge.coordinator.store.store import SqliteStore


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
    ours = [row for row in tables if row[2] == "table" and not row[1].startswith("sqlite_")]
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


def test_jobs_of_before_session_options_keep_their_history(connection: sqlite3.Connection) -> None:
    """Overrides are compared as the text that they are stored as."""
    migrate(connection, "x", MIGRATIONS[:6])
    today = encode(JobSpec("m", Digest("a" * 64, 1), (), Digest("b" * 64, 1)))
    stored = today.replace(',"session_options":[]', "")
    assert stored != today
    connection.execute(
        "INSERT INTO jobs (job_id, state, model_name, model_class, baseline_sha256,"
        " baseline_size_bytes, runtime, scenario, batch, threads, profile, priority,"
        " submitted_unix_ns, spec) VALUES ('j', 'finished', 'm', 'cnn', 'a', 1, 'onnxruntime',"
        " 'single_stream', 1, 1, 'quick', 0, 1, ?)",
        (stored,),
    )
    migrate(connection, "x")
    assert connection.execute("SELECT spec FROM jobs").fetchone() == (today,)
