"""`bitgauge demo --chaos` reaches the cells of an undisturbed demo, whatever is killed."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from bitgauge.benchmarks.vocabulary.values.rows import TableQuery
from bitgauge.coordinator.cli.demo.chaos import PARTS
from bitgauge.coordinator.store.reader import Reader
from bitgauge.coordinator.store.sql.connection import connect_readonly

from .bench import require_none_left
from .conftest import BITGAUGE, environment

pytestmark = [pytest.mark.kill, pytest.mark.timeout(300)]

RECIPES = "fp16,int8-dynamic"
Cell = tuple[str, str, int, str]


def started(home: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [BITGAUGE, "demo", "--port", "0", "--models", "digits-mlp", "--batches", "1"]
    return subprocess.Popen(
        [*command, "--recipes", RECIPES, *arguments],
        env=environment(home),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def cells(home: Path) -> tuple[set[Cell], set[tuple[str, int]]]:
    """What was measured: entries with their states, and the rows of the table."""
    path = home / "store.db"
    reader = Reader(connect_readonly(path), str(path))
    try:
        entries = {
            (job.model_name, entry.recipe, job.workload.batch, entry.state.value)
            for job in reader.jobs()
            for entry in job.entries
        }
        rows = {(row.recipe, row.workload.batch) for row in reader.rows(TableQuery())}
        return entries, rows
    finally:
        reader.close()


def test_the_same_cells_are_reached(tmp_path: Path) -> None:
    # Side by side: what is compared does not depend on the clock.
    demos = {
        "calm": started(tmp_path / "calm"),
        "chaos": started(tmp_path / "chaos", "--chaos"),
    }
    said = {
        name: " ".join(demo.communicate(timeout=280)[0].split()) for name, demo in demos.items()
    }
    for name, demo in demos.items():
        assert demo.returncode == 0, said[name]
        require_none_left(tmp_path / name)
    for part in PARTS:
        assert re.search(rf"chaos: SIGKILL to the {part} \(process \d+\) while", said["chaos"])
    assert "each measured entry has exactly one result: 3 results of" in said["chaos"]
    assert "chaos" not in said["calm"].replace(str(tmp_path), "")
    assert cells(tmp_path / "chaos") == cells(tmp_path / "calm")
    entries, rows = cells(tmp_path / "calm")
    assert {(recipe, state) for _, recipe, _, state in entries} == {
        (recipe, "accepted") for recipe in ("fp32", *RECIPES.split(","))
    }
    assert len(rows) == 3
