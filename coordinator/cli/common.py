"""What the commands share: options, output, and the way to whoever answers."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..client.answers import Answers

if TYPE_CHECKING:
    from ..client.client import Client
    from ..client.endpoint import Endpoint


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
HomeFolder = Annotated[
    Path | None,
    typer.Option("--home", metavar="DIR", help="State folder; else $BITGAUGE_HOME."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on stdout and nothing else.")]


INTERRUPTED = 130


class Interrupted(Exception):
    """Ctrl-C, with the sentence that says what goes on and what does not."""


@contextlib.contextmanager
def answers(
    coordinator: str | None,
    db: str | None,
    token_file: str | None,
    from_file: Path | None = None,
) -> Iterator[Answers]:
    """Whoever answers queries: the file that is named, else the database, else the coordinator."""
    from ..client.endpoint import resolve

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
    from ..client.endpoint import coordinator_endpoint

    with _connected(
        coordinator_endpoint(coordinator, token_file, f"`bitgauge {command}`")
    ) as client:
        yield client


@contextlib.contextmanager
def _connected(endpoint: Endpoint) -> Iterator[Client]:
    from ..client.client import Client

    with Client(endpoint) as client:
        yield client


@contextlib.contextmanager
def _database(path: Path) -> Iterator[Answers]:
    from ..client.offline import Offline

    with Offline(path) as database:
        yield database


@contextlib.contextmanager
def _exported(path: Path, other: str | None) -> Iterator[Answers]:
    from bitgauge.benchmarks.vocabulary.errors import BadInput, Code

    from ..client.exported import ExportedTable

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
    from .text.layout import coloured

    typer.echo(coloured(text) if sys.stdout.isatty() else text)


def say(text: str) -> None:
    """Write one line to stderr, where progress and notes go."""
    typer.echo(text, err=True)
