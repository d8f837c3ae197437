"""A new database is made by one script; one of the oldest schema that is opened becomes the same.

`constructed/schema-12.sql` is a database of that schema with rows in every table;
`schema-12.json` is what the store that made it answered about it.
"""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from bitgauge.agents.runtimes import fake, ort
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code
from bitgauge.benchmarks.vocabulary.values.rows import TableQuery
from bitgauge.coordinator.store.sql.steps import NEWEST, OLDEST, STEPS, migrate, version_of
from bitgauge.coordinator.store.store import Store
from bitgauge.coordinator.store.upkeep.invariants import examine
from bitgauge.coordinator.store.values import LeaseTerms

CONSTRUCTED = Path(__file__).parent / "constructed"
SAID: dict[str, Any] = json.loads((CONSTRUCTED / "schema-12.json").read_text())


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    yield connection
    connection.close()


@pytest.fixture
def last(tmp_path: Path) -> Path:
    """The database of the oldest schema that is opened."""
    path = tmp_path / "last.db"
    connection = sqlite3.connect(path)
    connection.executescript((CONSTRUCTED / "schema-12.sql").read_text())
    connection.close()
    return path


def objects(connection: sqlite3.Connection) -> dict[str, object]:
    """What the schema says, however the words of its statements are laid out."""
    found: dict[str, object] = {}
    for kind, name, sql in connection.execute(
        "SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'"
    ).fetchall():
        if kind == "table":
            options = connection.execute(
                "SELECT wr, strict FROM pragma_table_list WHERE name = ?", (name,)
            ).fetchall()
            columns = connection.execute(f"PRAGMA table_xinfo({name})").fetchall()
            parents = connection.execute(f"PRAGMA foreign_key_list({name})").fetchall()
            indexes = connection.execute(f"PRAGMA index_list({name})").fetchall()
            found[name] = (
                options,
                sorted(column[1:] for column in columns),
                sorted(parent[2:] for parent in parents),
                sorted(index[2:4] for index in indexes),
            )
        else:
            found[name] = " ".join(sql.split())
    return found


def answers(store: Store) -> dict[str, Any]:
    """The questions that `schema-12.json` answers."""
    return {
        "rows": json.loads(msgspec.json.encode(store.rows(TableQuery()))),
        "cells": json.loads(msgspec.json.encode(store.cells())),
        "jobs": {
            job.job_id: [job.state.value, [entry.state.value for entry in job.entries]]
            for job in store.jobs(limit=100)
        },
        "regressions": {one.regression_id: one.state for one in store.regressions(ended=True)},
        "devices": {
            one.description.name: one.state for one in store.devices(SAID["now_ns"], LeaseTerms())
        },
        "campaigns": {one.campaign_id: one.state.value for one in store.campaigns()},
        "now_ns": SAID["now_ns"],
    }


NEWER = {"manifest_files", "audit", "device_aliases", "calibration_sets", "verdicts", "aliases"}
"""Tables that came later."""


def differences(then: object, now: object, where: str = "") -> list[str]:
    """What was answered then and is answered otherwise now; fields that came later are none."""
    if isinstance(then, dict) and isinstance(now, dict):
        gone = [f"{where}.{key} is gone" for key in then.keys() - now.keys()]
        return gone + [
            found
            for key in then.keys() & now.keys()
            for found in differences(then[key], now[key], f"{where}.{key}")
        ]
    if isinstance(then, list) and isinstance(now, list) and len(then) == len(now):
        return [
            found
            for at, (one, other) in enumerate(zip(then, now, strict=True))
            for found in differences(one, other, f"{where}[{at}]")
        ]
    return [] if then == now else [f"{where}: {then!r} is {now!r}"]


def test_an_empty_database_is_made_by_the_script_once(connection: sqlite3.Connection) -> None:
    assert migrate(connection, "x") == 0
    assert version_of(connection, "x") == NEWEST == OLDEST + len(STEPS)
    before = objects(connection)
    assert migrate(connection, "x") == 0
    assert objects(connection) == before


def test_every_table_is_strict(connection: sqlite3.Connection) -> None:
    migrate(connection, "x")
    tables = connection.execute("PRAGMA table_list").fetchall()
    ours = [row for row in tables if row[2] == "table" and not row[1].startswith("sqlite_")]
    assert {row[1] for row in ours} >= {"devices", "jobs", "entries", "leases", "runs", "metrics"}
    assert all(row[5] for row in ours)


def test_an_older_database_gets_the_schema_of_a_new_one(
    connection: sqlite3.Connection, last: Path
) -> None:
    migrate(connection, "new")
    Store.open(last).close()
    older = sqlite3.connect(last)
    assert objects(older) == objects(connection)
    assert version_of(older, "older") == NEWEST
    older.close()


def test_an_older_database_gives_the_same_answers(last: Path) -> None:
    assert SAID["rows"]
    store = Store.open(last)
    assert differences(SAID, answers(store)) == []
    store.rebuild_table()
    assert differences(SAID, answers(store)) == []
    store.close()
    assert examine(last).findings == ()
    assert {name for name, count in examine(last).counts.items() if not count} == NEWER


def test_entries_of_an_older_database_say_what_executed_them(last: Path) -> None:
    """As if each had been submitted today; so do builds, and devices of what they know."""
    before = sqlite3.connect(last)
    jobs: dict[str, str] = dict(before.execute("SELECT job_id, runtime FROM jobs").fetchall())
    before.close()
    store = Store.open(last)
    for job_id, runtime in jobs.items():
        job = store.job(job_id)
        assert {(one.runtime, one.artifact_kind) for one in job.entries} == {(runtime, "onnx")}
        spec = store.spec(job_id)
        assert spec.runtime == runtime
        assert [(one.runtime, one.artifact_kind) for one in spec.entries] == [
            (one.runtime, one.artifact_kind) for one in job.entries
        ]
    assert {row.runtime for row in store.rows(TableQuery())} <= set(jobs.values())
    for view in store.devices(SAID["now_ns"], LeaseTerms()):
        for one in view.description.runtimes:
            told = (one.artifact_kinds, one.options, one.exact_options, one.capabilities)
            now = ort.TRAITS if one.name == "onnxruntime" else fake.TRAITS
            assert told == (
                *(now.artifact_kinds, now.options, now.exact_options, now.capabilities),
            )
    store.close()
    after = sqlite3.connect(last)
    built = after.execute("SELECT DISTINCT runtime, artifact_kind FROM builds").fetchall()
    assert set(built) <= {("onnxruntime", "onnx"), ("", "")}
    assert built
    after.close()


def test_a_step_that_breaks_leaves_the_schema_before_it(connection: sqlite3.Connection) -> None:
    migrate(connection, "x")
    broken = (*STEPS, ("CREATE TABLE half (x)", "CREATE TABLE half (x)"))
    with pytest.raises(sqlite3.OperationalError):
        migrate(connection, "x", broken)
    assert version_of(connection, "x") == NEWEST
    assert "half" not in objects(connection)
    mended = (*STEPS, ("CREATE TABLE half (x)",))
    assert migrate(connection, "x", mended) == 1
    assert version_of(connection, "x", mended) == NEWEST + 1


@pytest.mark.parametrize(
    ("version", "code"),
    [
        (NEWEST + 1, Code.STORE_NEWER),
        (OLDEST - 1, Code.STORE_UNRELEASED),
        (1, Code.STORE_UNRELEASED),
    ],
)
def test_a_newer_schema_and_one_that_was_never_released_are_refused(
    tmp_path: Path, version: int, code: Code
) -> None:
    path = tmp_path / "store.db"
    Store.open(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version = {version}")
    connection.close()
    before = path.read_bytes()
    for opening in (Store.open, Store.open_readonly, examine):
        with pytest.raises(BitgaugeError) as caught:
            opening(path)
        assert caught.value.code is code
        assert f"{path} has schema {version}" in caught.value.sentence
    assert path.read_bytes() == before


def test_an_older_schema_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    path.touch()
    with pytest.raises(BitgaugeError) as caught:
        Store.open_readonly(path)
    assert caught.value.code is Code.STORE_OLDER


def test_the_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE notes (x)")
    connection.close()
    before = path.read_bytes()
    for opening in (Store.open, Store.open_readonly):
        with pytest.raises(BitgaugeError) as caught:
            opening(path)
        assert caught.value.code is Code.STORE_MISSING
    assert path.read_bytes() == before
