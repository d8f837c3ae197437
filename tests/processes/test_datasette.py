"""The views of the database, and a real Datasette that reads it while a coordinator writes."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from bitgauge.benchmarks.vocabulary.metrics import METRICS
from bitgauge.benchmarks.vocabulary.values.rows import TableQuery
from bitgauge.coordinator.client.offline import Offline
from bitgauge.coordinator.store.store import Store

from tests.labs.exported import store_table
from tests.labs.store import Lab, spec

METADATA = Path(__file__).parents[2] / "deploy" / "datasette" / "metadata.yaml"
DOCUMENTED: dict[str, Any] = yaml.safe_load(METADATA.read_text())["databases"]["store"]
VIEWS = sorted(name for name in DOCUMENTED["tables"] if name.startswith("v_"))
UNITS = ("_utc", "_s", "_us", "_kib", "_mib", "_pct", "_pp", "_mj", "_minutes", "_ratio", "_rel")
START_S = 60.0
NOTHING = {"v_stack", "v_regressions"}
"""What the runs here have none of; the contract of the history looks at regressions."""


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return store_table(tmp_path_factory.mktemp("home"))


@dataclass(frozen=True)
class Site:
    address: str

    def get(self, path: str, **parameters: object) -> Any:
        query = urllib.parse.urlencode(parameters)
        with urllib.request.urlopen(f"{self.address}{path}?{query}", timeout=30) as answer:
            return json.load(answer)

    def rows(self, view: str, **parameters: object) -> list[dict[str, Any]]:
        found = self.get(f"/store/{view}.json", _shape="objects", **parameters)
        return list(found["rows"])


@pytest.fixture(scope="module")
def site(database: Path) -> Iterator[tuple[Site, Store]]:
    """Datasette on the file that a store holds open and writes."""
    pytest.importorskip("datasette", reason="datasette is not installed; it is in the extra dev")
    store = Store.open(database)
    words = ["serve", str(database), "--metadata", str(METADATA), "--port", "0"]
    log = database.with_name("datasette.log")
    with log.open("wb") as file:
        process = subprocess.Popen([sys.executable, "-m", "datasette", *words], stderr=file)
    try:
        yield Site(_address(process, log)), store
    finally:
        process.terminate()
        process.wait(30)
        store.close()


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    """Where it says that it serves."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        if found := re.search(r"http://127\.0\.0\.1:\d+", log.read_text()):
            return found.group()
        time.sleep(0.1)
    raise AssertionError(f"Datasette did not start: {log.read_text()}")


def _columns(connection: sqlite3.Connection, view: str) -> list[str]:
    return [row[1] for row in connection.execute(f"PRAGMA table_info({view})")]


def test_every_column_of_every_view_is_described(database: Path) -> None:
    connection = sqlite3.connect(database)
    found = connection.execute("SELECT name FROM sqlite_master WHERE type = 'view'").fetchall()
    assert sorted(name for (name,) in found) == VIEWS
    for view in VIEWS:
        assert list(DOCUMENTED["tables"][view]["columns"]) == _columns(connection, view)
        assert DOCUMENTED["tables"][view]["description"]
    connection.close()


def test_no_time_or_size_goes_without_its_unit(database: Path) -> None:
    connection = sqlite3.connect(database)
    for view in VIEWS:
        for column in _columns(connection, view):
            assert not column.endswith(("_ns", "_bytes"))
            said = DOCUMENTED["tables"][view]["columns"][column]
            if re.search(r"microseconds|milli|KiB|MiB|percent\b|percentage", said):
                assert column.endswith(UNITS), column
    connection.close()


def test_datasette_answers_every_view_as_the_store_does(
    database: Path, site: tuple[Site, Store]
) -> None:
    connection = sqlite3.connect(database)
    connection.row_factory = sqlite3.Row
    for view in VIEWS:
        wanted = [dict(row) for row in connection.execute(f"SELECT * FROM {view}")]
        assert wanted or view in NOTHING, f"{view} has nothing to show here"
        assert site[0].rows(view, _size="max") == wanted
    connection.close()


def test_rows_and_cells_say_what_the_table_says(database: Path, site: tuple[Site, Store]) -> None:
    with Offline(database) as source:
        rows = {row.run_id: row for row in source.table(TableQuery()) if row.run_id}
        cells = {
            (cell.key.model_class.value, cell.key.family.value, cell.key.workload.batch): cell
            for cell in source.cells()
            if cell.key.workload is not None
        }
    shown = site[0].rows("v_rows", _size="max")
    assert {row["run_id"] for row in shown if row["run_id"]} == rows.keys()
    for row in shown:
        known = rows[row["run_id"]]
        assert (row["state"], row["recipe"]) == (known.state.value, known.recipe)
        assert row["latency_ratio"] == known.metric("latency_ratio").value
        assert row["latency_ratio_low"] == known.metric("latency_ratio").low
        assert row["energy_null_reason"] == known.metric("energy_mj").reason or not known.metrics
    for cell in site[0].rows("v_cells", _size="max"):
        known_cell = cells[cell["model_class"], cell["family"], cell["batch"]]
        assert known_cell.best is not None
        assert cell["latency_ratio"] == known_cell.best.metric("latency_ratio").value
        assert cell["runs"] == len(known_cell.best.run_ids)
        linked = site[0].rows("v_cell_runs", cell_key=cell["cell_key"])
        assert {one["run_id"] for one in linked} == {
            run for part in known_cell.recipes for run in part.run_ids
        }
    assert {row["unit"] for row in site[0].rows("v_metrics", key="energy_mj")} == {
        METRICS["energy_mj"].unit
    }


def test_every_canned_query_runs(site: tuple[Site, Store]) -> None:
    (cell, *_) = site[0].rows("v_cells", family="int8")
    run_a, run_b = [row["run_id"] for row in site[0].rows("v_runs")[:2]]
    given = {
        "evidence": {"cell_key": cell["cell_key"]},
        "history_of_a_metric": {
            "model_name": "digits_cnn",
            "recipe": "int8-dynamic",
            "batch": 1,
            "key": "latency_ratio",
        },
        "differing_inputs": {"run_a": run_a, "run_b": run_b},
    }
    empty = {"stale", "differing_inputs", "open_regressions"}
    for name in DOCUMENTED["queries"]:
        found = site[0].get(f"/store/{name}.json", _shape="objects", **given.get(name, {}))
        assert found["ok"], name
        assert bool(found["rows"]) == (name not in empty), name


def test_it_sees_what_is_written_meanwhile_and_writes_nothing(site: tuple[Site, Store]) -> None:
    before = site[0].get("/store.json", sql="SELECT count(*) AS n FROM v_jobs", _shape="array")
    lab = Lab(site[1], now_ns=5_000_000_000_000)
    lab.numbers = iter(range(1000, 2000))  # type: ignore[assignment]
    lab.submit(spec(model_name="while_open"))
    after = site[0].get("/store.json", sql="SELECT count(*) AS n FROM v_jobs", _shape="array")
    assert after[0]["n"] == before[0]["n"] + 1
    assert site[0].rows("v_jobs", model_name="while_open")[0]["state"] == "queued"
    with pytest.raises(urllib.error.HTTPError, match="400"):
        site[0].get("/store.json", sql="DELETE FROM jobs")


def test_hashes_of_tokens_are_not_shown(site: tuple[Site, Store]) -> None:
    for table in ("tokens", "join_tokens", "certificates"):
        with pytest.raises(urllib.error.HTTPError, match="403"):
            site[0].get(f"/store/{table}.json")
