"""What the commands share: options, output, and the way to whoever answers."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Protocol

import typer

if TYPE_CHECKING:
    from bitgauge.benchmarks.answers import Choice, SelectQuery, TableQuery, TableRow
    from bitgauge.benchmarks.cell_values import Cell
    from bitgauge.benchmarks.history_values import (
        CompareQuery,
        Comparison,
        History,
        HistoryQuery,
        Regression,
    )
    from bitgauge.benchmarks.model import DeviceView, Digest, JobView, RunView

    from .client import Client
    from .endpoint import Endpoint

Coordinator = Annotated[
    str | None,
    typer.Option("--coordinator", metavar="HOST:PORT", help="Ask this coordinator."),
]
Database = Annotated[
    str | None,
    typer.Option("--db", metavar="PATH", help="Read this database file, without a coordinator."),
]
TokenFile = Annotated[
    str | None,
    typer.Option("--token-file", metavar="PATH", help="File with the token to show."),
]
FromFile = Annotated[
    Path | None,
    typer.Option("--from", metavar="FILE", help="Read this exported table (JSON), nothing else."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on stdout and nothing else.")]


INTERRUPTED = 130


class Interrupted(Exception):
    """Ctrl-C, with the sentence that says what goes on and what does not."""


class Answers(Protocol):
    """What can be asked of a coordinator and of a database file alike."""

    def devices(self) -> tuple[DeviceView, ...]:
        """Every device, by name."""

    def job(self, job_id: str) -> JobView:
        """One job."""

    def jobs(self, limit: int = 50, active_only: bool = False) -> tuple[JobView, ...]:
        """Jobs, newest first."""

    def table(self, query: TableQuery) -> tuple[TableRow, ...]:
        """The rows that match."""

    def cells(self, query: TableQuery | None = None) -> tuple[Cell, ...]:
        """The cells, priors among them; `query` says which are looked for."""

    def select(self, query: SelectQuery) -> Choice:
        """Which format to ship."""

    def compare(self, query: CompareQuery) -> Comparison:
        """Two sets of results held against each other."""

    def histories(self, query: HistoryQuery) -> tuple[History, ...]:
        """The series that match, with their steps."""

    def regressions(self, *, ended: bool = False) -> tuple[Regression, ...]:
        """What became worse, newest first; with `ended` also what is over."""

    def run(self, run_id: str) -> RunView:
        """One run."""

    def runs(self, job_id: str) -> tuple[RunView, ...]:
        """Every attempt of a job."""

    def blob(self, digest: Digest) -> bytes:
        """The bytes of a blob, verified."""


@contextlib.contextmanager
def answers(
    coordinator: str | None,
    db: str | None,
    token_file: str | None,
    from_file: Path | None = None,
) -> Iterator[Answers]:
    """Whoever answers queries: the file that is named, else the database, else the coordinator."""
    from .endpoint import resolve

    if from_file is not None:
        with _exported(from_file, coordinator or db) as table:
            yield table
        return
    endpoint = resolve(coordinator, db, token_file)
    if endpoint.db is not None:
        with _database(endpoint.db) as database:
            yield database
        return
    with _connected(endpoint) as client:
        yield client


@contextlib.contextmanager
def connected(coordinator: str | None, token_file: str | None, command: str) -> Iterator[Client]:
    """A client, for commands that a database file cannot answer."""
    with _connected(coordinator_endpoint(coordinator, token_file, command)) as client:
        yield client


def coordinator_endpoint(coordinator: str | None, token_file: str | None, command: str) -> Endpoint:
    """Where the coordinator is, for commands that a database file cannot answer.

    Raises:
        BadInput: environment or configuration name a database instead of a coordinator.
    """
    from bitgauge.benchmarks.errors import BadInput, Code

    from .endpoint import resolve

    endpoint = resolve(coordinator, None, token_file)
    if endpoint.db is not None:
        raise BadInput(
            Code.BAD_ARGUMENT,
            f"`bitgauge {command}` needs a coordinator, and BITGAUGE_DB or the user configuration"
            " names a database; give --coordinator HOST:PORT.",
        )
    return endpoint


@contextlib.contextmanager
def _connected(endpoint: Endpoint) -> Iterator[Client]:
    from .client import Client

    with Client(endpoint) as client:
        yield client


@contextlib.contextmanager
def _database(path: Path) -> Iterator[Answers]:
    from .offline import Offline

    with Offline(path) as database:
        yield database


@contextlib.contextmanager
def _exported(path: Path, other: str | None) -> Iterator[Answers]:
    from bitgauge.benchmarks.errors import BadInput, Code

    from .table_answers import ExportedTable

    if other is not None:
        raise BadInput(
            Code.BAD_ARGUMENT,
            f"--from {path} and {other} both say where to read; give one of them.",
        )
    with ExportedTable(path) as table:
        yield table


def print_json(value: object) -> None:
    """Write a value of `model` (or several) to stdout as JSON, and nothing else."""
    import msgspec

    typer.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def print_text(text: str) -> None:
    """Write text to stdout, verdicts in colour on a terminal."""
    from .render import coloured

    typer.echo(coloured(text) if sys.stdout.isatty() else text)


def say(text: str) -> None:
    """Write one line to stderr, where progress and notes go."""
    typer.echo(text, err=True)
