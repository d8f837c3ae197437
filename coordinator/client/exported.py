"""Answers from an exported table: rows, cells, machines and choices, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NoReturn, cast

from bitgauge.benchmarks.table.file import TABLE_NAME, TableFile, from_json
from bitgauge.benchmarks.table.priors import with_priors
from bitgauge.benchmarks.table.rows import matches
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code, Refused
from bitgauge.benchmarks.vocabulary.values.cells import Cell
from bitgauge.benchmarks.vocabulary.values.devices import DeviceView
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.rows import TableQuery, TableRow

from ..store.reader import Reader
from ..store.values import LeaseTerms
from .offline import Offline

_STATE = "exported"


def read_table(path: Path) -> TableFile:
    """The table in a file that `bitgauge export` wrote, or in a snapshot folder that has it.

    Raises:
        BadInput: `FILE_UNREADABLE`, or `BAD_TABLE_FILE` when it is none or was changed.
        Refused: `TABLE_FILE_NEWER`.
    """
    inside = path / TABLE_NAME
    if inside.is_file():
        path = inside
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadInput(
            Code.FILE_UNREADABLE, f"{path} cannot be read: {error.strerror or error}."
        ) from error
    return from_json(data, str(path))


class ExportedTable(Offline):
    """An exported table as something that answers; a context manager.

    Whatever else may be asked of a database is refused here with one sentence.
    """

    def __init__(self, path: Path) -> None:
        """Read all of `path`; raises as `read_table`."""
        self.table_file = read_table(path)
        self._path = path
        # The questions are those of a database; `_Stored` refuses those that it cannot answer.
        self._store = cast(Reader, _Stored(self.table_file, path))

    def cells(self, query: TableQuery | None = None) -> tuple[Cell, ...]:
        """The cells, and the priors that were known when it was exported."""
        del query  # nobody counts what is asked of a file
        return with_priors(self.table_file.cells, self.table_file.priors)

    def blob(self, digest: Digest) -> bytes:
        """Refused: the table names evidence and does not hold it."""
        _refuse(self._path, f"blob {digest}")


class _Stored:
    """The part of a store that is in the file."""

    def __init__(self, table: TableFile, path: Path) -> None:
        self._table = table
        self._path = path

    def close(self) -> None:
        """Nothing is open."""

    def devices(self, now_ns: int, terms: LeaseTerms) -> tuple[DeviceView, ...]:
        """The machines that rows speak of; when they were last seen is not known."""
        return tuple(DeviceView(device, _STATE, 0, "") for device in self._table.devices)

    def rows(self, query: TableQuery) -> tuple[TableRow, ...]:
        """The rows that match."""
        if query.job_id is not None:
            _refuse(self._path, "jobs")
        return tuple(row for row in self._table.rows if matches(query, row))

    def deciding_rows(self, query: TableQuery) -> tuple[TableRow, ...]:
        """The rows that match; they are read already."""
        return self.rows(query)

    def cells(self) -> tuple[Cell, ...]:
        """Every cell that something was measured or tried for."""
        return self._table.cells

    def __getattr__(self, name: str) -> Callable[..., object]:
        if name.startswith("__"):
            raise AttributeError(name)

        def refused(*_: object, **__: object) -> NoReturn:
            _refuse(self._path, name.replace("_", " "))

        return refused


def _refuse(path: Path, what: str) -> NoReturn:
    raise Refused(
        Code.NOT_IN_TABLE_FILE, f"{path} is an exported table: rows and cells, and no {what}."
    )
