"""What the commands share: options, output, and the way to whoever answers."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, get_type_hints

import typer

from ..client.answers import Reads

if TYPE_CHECKING:
    from ..client.client import Client
    from ..client.endpoint import Endpoint


T = TypeVar("T")

FromFile = Annotated[
    Path | None,
    typer.Option("--from", metavar="FILE", help="Read this exported table (JSON), nothing else."),
]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write to this file.")
]
Force = Annotated[bool, typer.Option("--force", help="Replace a file that is there.")]
HomeFolder = Annotated[
    Path | None,
    typer.Option("--home", metavar="DIR", help="State folder; else $BITGAUGE_HOME."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on stdout and nothing else.")]


INTERRUPTED = 130


class Interrupted(Exception):
    """Ctrl-C, with the sentence that says what goes on and what does not."""


def unfolded(command: Callable[..., None]) -> Callable[..., None]:
    """A command as Typer shall see it: a parameter that is a dataclass becomes its fields.

    Each field is an argument or option of its own, in the place of that parameter. The command
    itself gets one value made of them.
    """
    hints = get_type_hints(command)
    groups: dict[str, Any] = {name: kind for name, kind in hints.items() if is_dataclass(kind)}
    parameters = [
        one
        for own in _parameters_of(command)
        for one in (_parameters_of(groups[own.name]) if own.name in groups else [own])
    ]

    @functools.wraps(command)
    def called(**given: Any) -> None:
        made = {
            name: kind(**{field.name: given.pop(field.name) for field in fields(kind)})
            for name, kind in groups.items()
        }
        command(**given, **made)

    called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    called.__annotations__ = {one.name: one.annotation for one in parameters}
    return called


def _parameters_of(made: Callable[..., Any]) -> list[inspect.Parameter]:
    """What a function or a dataclass takes, by keyword, with the types that are written there."""
    hints = get_type_hints(made, include_extras=True)
    return [
        one.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=hints[one.name])
        for one in inspect.signature(made).parameters.values()
    ]


_Coordinator = Annotated[
    str | None,
    typer.Option("--coordinator", metavar="HOST:PORT", help="Ask this coordinator."),
]
_Database = Annotated[
    str | None,
    typer.Option("--db", metavar="PATH", help="Read this database file, without a coordinator."),
]
_TokenFile = Annotated[
    str | None,
    typer.Option("--token-file", metavar="PATH", help="File with the token to show."),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a question goes: a database file, or a coordinator."""

    coordinator: _Coordinator = None
    db: _Database = None
    token_file: _TokenFile = None

    def answers(self, from_file: Path | None = None) -> AbstractContextManager[Reads]:
        """Whoever answers: the exported table that is named, else the database or coordinator.

        Every text in the answers can be printed, whatever was stored.
        """
        from bitgauge.benchmarks.common.walks.presented import presenting
        from bitgauge.benchmarks.vocabulary.errors import BadInput, Code

        from ..client.endpoint import resolve

        if from_file is not None:
            from ..client.exported import ExportedTable

            if other := self.coordinator or self.db:
                raise BadInput(
                    Code.BAD_ARGUMENT,
                    f"--from {from_file} and {other} both say where to read; give one of them.",
                )
            return presenting(ExportedTable(from_file))
        endpoint = resolve(self.coordinator, self.db, self.token_file)
        if endpoint.db is None:
            return _connected(endpoint)
        from ..client.offline import Offline

        return presenting(Offline(endpoint.db))

    def client(self) -> AbstractContextManager[Client] | None:
        """A client of the coordinator that is asked; None where a database file answers."""
        from ..client.endpoint import resolve

        endpoint = resolve(self.coordinator, self.db, self.token_file)
        return _connected(endpoint) if endpoint.db is None else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Source(Place):
    """Where a question goes, and whether its answer is printed as JSON."""

    json: Json = False

    def show(self, value: T, words: Callable[[T], str]) -> None:
        """Print what was answered."""
        answer(value, words, json=self.json)


@dataclass(frozen=True, slots=True, kw_only=True)
class Coordinator:
    """The coordinator of a command that a database file cannot answer."""

    context: typer.Context
    coordinator: _Coordinator = None
    token_file: _TokenFile = None
    json: Json = False

    def client(self) -> AbstractContextManager[Client]:
        """A client of it."""
        from ..client.endpoint import coordinator_endpoint

        command = f"`{self.context.command_path}`"
        return _connected(coordinator_endpoint(self.coordinator, self.token_file, command))

    def show(self, value: T, words: Callable[[T], str]) -> None:
        """Print what was answered."""
        answer(value, words, json=self.json)


def _connected(endpoint: Endpoint) -> AbstractContextManager[Client]:
    from bitgauge.benchmarks.common.walks.presented import presenting

    from ..client.client import Client

    return presenting(Client(endpoint))


def answer(value: T, words: Callable[[T], str], *, json: bool) -> None:
    """Print what was asked for: as JSON and nothing else, or in words."""
    if json:
        print_json(value)
    else:
        print_text(words(value))


def print_json(value: object) -> None:
    """Write a value of `model` (or several) to stdout as JSON, and nothing else."""
    import msgspec
    from bitgauge.benchmarks.vocabulary.printable import printable_json

    text = msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
    typer.echo(printable_json(text))


def print_text(text: str) -> None:
    """Write text to stdout, verdicts in colour on a terminal; whatever else it holds is plain."""
    from bitgauge.benchmarks.vocabulary.printable import printable_lines

    from .text.layout import coloured

    text = printable_lines(text)
    typer.echo(coloured(text) if sys.stdout.isatty() else text)


def say(text: str) -> None:
    """Write one line to stderr, where progress and notes go."""
    from bitgauge.benchmarks.vocabulary.printable import printable_lines

    typer.echo(printable_lines(text), err=True)
