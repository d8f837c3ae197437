"""Answers from an exported table: rows, cells, machines and choices, and nothing else."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from bitgauge.benchmarks.common.files import bounded_bytes
from bitgauge.benchmarks.table.file import (
    MAX_TABLE_FILE_BYTES,
    TABLE_NAME,
    TableFile,
    from_json,
)
from bitgauge.benchmarks.table.priors import with_priors
from bitgauge.benchmarks.table.rows import matches
from bitgauge.benchmarks.vocabulary.errors import Code, Refused
from bitgauge.benchmarks.vocabulary.values.cells import Cell
from bitgauge.benchmarks.vocabulary.values.choices import Choice, SelectQuery
from bitgauge.benchmarks.vocabulary.values.devices import DeviceView
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.rows import TableQuery, TableRow

from ..store import questions

_STATE = "exported"


def _refuse(path: Path, what: str) -> NoReturn:
    raise Refused(
        Code.NOT_IN_TABLE_FILE, f"{path} is an exported table: rows and cells, and no {what}."
    )


def _refused(what: str) -> Callable[..., NoReturn]:
    """A question that an exported table refuses."""

    def refuse(table: ExportedTable, *_: object, **__: object) -> NoReturn:
        _refuse(table._path, what)

    return refuse


def read_table(path: Path) -> TableFile:
    """The table in a file that `bitgauge export` wrote, or in a snapshot folder that has it.

    Raises:
        BadInput: `FILE_UNREADABLE`, or `BAD_TABLE_FILE` when it is none or was changed.
        Refused: `TABLE_FILE_NEWER`.
    """
    inside = path / TABLE_NAME
    if inside.is_file():
        path = inside
    return from_json(bounded_bytes(path, MAX_TABLE_FILE_BYTES, Code.BAD_TABLE_FILE), str(path))


class ExportedTable:
    """An exported table as something that answers; a context manager.

    Whatever else may be asked of a coordinator is refused here with one sentence.
    """

    def __init__(self, path: Path) -> None:
        """Read all of `path`; raises as `read_table`."""
        self.table_file = read_table(path)
        self._path = path

    def __enter__(self) -> ExportedTable:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is open."""

    def devices(self) -> tuple[DeviceView, ...]:
        """The machines that rows speak of; when they were last seen is not known."""
        return tuple(DeviceView(device, _STATE, 0, "") for device in self.table_file.devices)

    def table(self, query: TableQuery) -> tuple[TableRow, ...]:
        """The rows that match."""
        if query.job_id is not None:
            _refuse(self._path, "jobs")
        return tuple(row for row in self.table_file.rows if matches(query, row))

    def cells(self, query: TableQuery | None = None) -> tuple[Cell, ...]:
        """The cells, and the priors that were known when it was exported."""
        del query  # nobody counts what is asked of a file
        return with_priors(self.table_file.cells, self.table_file.priors)

    def select(self, query: SelectQuery) -> Choice:
        """Which format to ship."""
        return questions.select(query, time.time_ns(), self.table, self.cells)

    def blob(self, digest: Digest) -> bytes:
        """Refused: the table names evidence and does not hold it."""
        _refuse(self._path, f"blob {digest}")

    job = jobs = _refused("jobs")
    run = runs = _refused("runs")
    judge = verdicts = _refused("verdicts")
    artifacts = lineage = aliases = _refused("registry")
    compare = histories = regressions = _refused("past")
    campaign = campaigns = schedules = _refused("campaigns")
