"""`bitgauge environments` and `bitgauge doctor`: where builders work whose packages fit no other.

They are a folder of this machine, so it does not matter whether a coordinator runs on it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .common import HomeFolder, Json, answer, say

if TYPE_CHECKING:
    from ..environments.definition import Definition
    from ..environments.overview import EnvironmentView
    from ..environments.shelf import Shelf

Limit = Annotated[
    str | None,
    typer.Option(metavar="SIZE", help="Size that all environments keep to, as for `bitgauge up`."),
]

environments = typer.Typer(
    name="environments",
    help="Environments of packages that builders work in: list, make and remove them.",
    invoke_without_command=True,
)


@environments.callback()
def list_environments(
    context: typer.Context, *, home: HomeFolder = None, json: Json = False
) -> None:
    """List the environments that builders work in, made or not.

    Example: bitgauge environments

    Example: bitgauge environments make litert
    """
    if context.invoked_subcommand is not None:
        return
    from .text.environments import environments_text

    shelf = _shelf(home)
    answer(_seen(shelf), lambda seen: environments_text(seen, str(shelf.folder), _now()), json=json)


@environments.command("make")
def make_environment(
    name: Annotated[str, typer.Argument(metavar="NAME", help="As the list has it.")],
    *,
    home: HomeFolder = None,
    limit: Limit = None,
    json: Json = False,
) -> None:
    """Fetch the packages of an environment and install them; done at once when it is there.

    Example: bitgauge environments make litert
    """
    from ..environments.definition import definition

    shelf = _shelf(home)
    _make([definition(name)], shelf, limit)
    _show([one for one in _seen(shelf) if one.name == name], json=json)


@environments.command("remove")
def remove_environments(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="As the list has it.")] = None,
    *,
    home: HomeFolder = None,
    everything: Annotated[bool, typer.Option("--all", help="All that are there.")] = False,
    json: Json = False,
) -> None:
    """Remove an environment; it is made again when something is to be built in it.

    Example: bitgauge environments remove litert
    """
    from bitgauge.benchmarks.vocabulary.errors import BadInput, Code, NotFound

    from .text.environments import removed_text

    if (name is None) == (not everything):
        raise BadInput(Code.BAD_ARGUMENT, "It takes the NAME of one environment, or --all.")
    shelf = _shelf(home)
    there = [one for one in shelf.all() if everything or one.note.name == name]
    if name is not None and not there:
        raise NotFound(
            Code.UNKNOWN_ENVIRONMENT, f"No environment called {name!r} is in {shelf.folder}."
        )
    gone = {one.path.name: (shelf.remove(one), one.note.size_bytes) for one in there}
    shelf.sweep()
    answer(gone, removed_text, json=json)
    raise typer.Exit(0 if all(done for done, _ in gone.values()) else 1)


def doctor(
    *,
    builders: Annotated[
        bool, typer.Option("--builders", help="Environments that builders work in.")
    ] = False,
    make: Annotated[bool, typer.Option("--make", help="Make those that are absent.")] = False,
    home: HomeFolder = None,
    limit: Limit = None,
    json: Json = False,
) -> None:
    """Say which builders are ready on this machine, what the others take, and make them.

    Example: bitgauge doctor --builders

    Example: bitgauge doctor --builders --make
    """
    from ..environments.definition import definitions
    from ..environments.overview import ABSENT

    if not builders:
        say("Looking at the builders, which is all that `doctor` looks at so far.")
    shelf = _shelf(home)
    absent = {one.name for one in _seen(shelf) if one.state == ABSENT and one.python}
    if make:
        _make([one for name, one in definitions().items() if name in absent], shelf, limit)
    _show(_seen(shelf), json=json)


def _show(seen: Sequence[EnvironmentView], *, json: bool) -> None:
    from .text.environments import doctor_text

    answer(tuple(seen), doctor_text, json=json)


def _make(wanted: Sequence[Definition], shelf: Shelf, limit: str | None) -> None:
    from bitgauge.benchmarks.vocabulary.typed import parse_size_bytes

    from ..environments.making import MakingTerms, made
    from ..environments.overview import ABSENT
    from .text.environments import expected_text

    terms = MakingTerms(most_bytes=parse_size_bytes(limit)) if limit else MakingTerms()
    absent = {one.name for one in _seen(shelf) if one.state == ABSENT}
    for one in wanted:
        if one.name in absent:
            say(expected_text(one.name, one.packages, one.cost))
        made(one, shelf, terms, lambda words: say(f"{words[:1].upper()}{words[1:]}."))


def _seen(shelf: Shelf) -> tuple[EnvironmentView, ...]:
    from ..builders.registry import recipes_by_environment
    from ..environments.definition import definitions
    from ..environments.overview import overview

    return overview(tuple(definitions().values()), shelf, recipes_by_environment())


def _shelf(home: Path | None) -> Shelf:
    from ..environments.shelf import Shelf, shelf_folder

    return Shelf(shelf_folder(home.expanduser().absolute() if home else None))


def _now() -> int:
    return time.time_ns()


PLACE = 155
"""Where the commands of this file stand in the help."""
COMMANDS = (environments, doctor)
