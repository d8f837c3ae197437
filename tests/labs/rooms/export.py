"""A table that is exported."""

from __future__ import annotations

from pathlib import Path

from bitgauge.benchmarks.table.file import TableFile, to_json
from bitgauge.coordinator.cli.app import run_command_line
from bitgauge.coordinator.client.exported import ExportedTable


def written(database: Path, *words: str) -> bytes:
    assert run_command_line(["export", "--db", str(database), *words]) == 0
    return Path(words[-1]).read_bytes()


def ExportedTableOf(table: TableFile) -> ExportedTable:
    Path("of.json").write_bytes(to_json(table))
    return ExportedTable(Path("of.json"))
