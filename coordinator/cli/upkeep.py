"""`bitgauge backup`, `restore`, `check`, `environments`: what a lab owner does with a state folder.

They work on the folder itself, with or without a coordinator on it; `doctor` says what it lacks.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from bitgauge.benchmarks.vocabulary.shown import counted, size

from .common import HomeFolder, Json, answer, say

if TYPE_CHECKING:
    from ..environments.definition import Definition
    from ..environments.overview import EnvironmentView
    from ..environments.shelf import Shelf
    from ..store.upkeep.backup import BackupManifest
    from ..store.upkeep.check import StateCheck
    from ..store.upkeep.restore import Restored

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="A new folder: the backup.")]
Source = Annotated[
    Path,
    typer.Argument(
        metavar="BACKUP", help="Folder made by `backup`, or a database kept before a migration."
    ),
]


def backup(
    folder: Folder,
    *,
    home: HomeFolder = None,
    link: Annotated[
        bool, typer.Option("--link", help="Hard links, not copies, of blobs; same disk only.")
    ] = False,
    allow_damaged: Annotated[
        bool, typer.Option("--allow-damaged", help="Leave out blobs whose bytes are lost.")
    ] = False,
    json: Json = False,
) -> None:
    """Copy database and blobs into a new folder, verified, also while a coordinator runs.

    Tokens and the folder of an agent on this machine are not part of it.

    Example: bitgauge backup /srv/backups/2026-11-21
    """
    from ..store.upkeep.backup import make

    manifest = make(_home(home), _absolute(folder), link=link, allow_damaged=allow_damaged)
    answer(manifest, lambda manifest: _made_words(manifest, _absolute(folder)), json=json)


def restore(
    backup: Source,
    *,
    home: HomeFolder = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace the database that is there; it is kept.")
    ] = False,
    json: Json = False,
) -> None:
    """Verify a backup, then put it back. No coordinator may run on the state folder.

    Example: bitgauge restore /srv/backups/2026-11-21 --replace
    """
    from ..store.upkeep.restore import restore as put_back

    restored = put_back(_absolute(backup), _home(home), replace=replace)
    answer(restored, lambda restored: _restored_words(restored, _home(home)), json=json)
    raise typer.Exit(1 if restored.missing else 0)


def check(
    *,
    home: HomeFolder = None,
    backup: Annotated[
        Path | None,
        typer.Option("--backup", metavar="DIR", help="Check this backup, not the state folder."),
    ] = None,
    json: Json = False,
) -> None:
    """Verify database, invariants, the audit's chain and every blob; exit code 1 on damage.

    Example: bitgauge check

    Example: bitgauge check --backup /srv/backups/2026-11-21
    """
    if backup is not None:
        from ..store.upkeep.backup import verify
        from ..store.upkeep.heads import broken_audit

        manifest = verify(_absolute(backup))
        answer(manifest, lambda manifest: _verified_words(manifest, _absolute(backup)), json=json)
        if broken := broken_audit(_absolute(backup)):
            say(f"BROKEN: {broken}.")
            raise typer.Exit(1)
        return
    from ..store.upkeep.check import check_state

    found = check_state(_home(home))
    answer(found, _check_words, json=json)
    raise typer.Exit(0 if found.sound else 1)


def _home(home: Path | None) -> Path:
    from bitgauge.benchmarks.common.home import home as default_home

    return _absolute(home or default_home())


def _absolute(path: Path) -> Path:
    return path.expanduser().absolute()


def _made_words(manifest: BackupManifest, folder: Path) -> str:
    lines = [f"Backed up {_contents(manifest)} into {folder}; every byte was read again."]
    if manifest.left_out:
        left_out = counted(len(manifest.left_out), "blob")
        lines.append(f"LEFT OUT {left_out} whose bytes are lost.")
    return "\n".join(lines)


def _verified_words(manifest: BackupManifest, folder: Path) -> str:
    from ..store.last_backup import utc

    lines = [
        f"The backup {folder} of {utc(manifest.created_unix_ns)} is sound:"
        f" {_contents(manifest)}, made by Bitgauge {manifest.bitgauge_version}."
    ]
    if manifest.left_out:
        lines.append(
            f"It lacks {counted(len(manifest.left_out), 'blob')}, lost before it was made."
        )
    return "\n".join(lines)


def _contents(manifest: BackupManifest) -> str:
    counts = manifest.counts
    return (
        f"{counted(counts['jobs'], 'job')}, {counted(counts['runs'], 'run')} and"
        f" {counted(len(manifest.blobs), 'blob')} ({size(manifest.size_bytes)})"
    )


def _restored_words(restored: Restored, home: Path) -> str:
    from ..store.upkeep.carried import words

    recorded = counted(restored.blobs, "blob")
    lines = [f"Restored {home}: {recorded} recorded, {restored.copied} brought back."]
    if restored.kept:
        lines.append(f"The database that was there is {restored.kept}.")
    lines.extend(words(restored.carried))
    if restored.missing:
        lines.append(
            f"MISSING {counted(len(restored.missing), 'blob')}; `bitgauge check` has the names."
        )
    return "\n".join(lines)


def _check_words(found: StateCheck) -> str:
    from .text.access import audit_line

    counts = found.counts
    lines = [
        f"database  {found.database}: schema {found.schema}, {counted(counts['jobs'], 'job')},"
        f" {counted(counts['runs'], 'run')}, {'DAMAGED' if found.findings else 'sound'}",
        *(f"  {finding}" for finding in found.findings),
        f"blobs     {found.blobs} recorded ({size(found.size_bytes)}),"
        f" {len(found.missing)} missing, {len(found.corrupt)} corrupt,"
        f" {len(found.unreferenced)} unreferenced",
        *(f"  missing {blob.sha256} ({blob.size_bytes} bytes)" for blob in found.missing),
        *(f"  corrupt {blob.sha256} ({blob.size_bytes} bytes)" for blob in found.corrupt),
        f"audit     {audit_line(found.audit)}",
        f"backup    {found.last_backup or 'none is known'}",
    ]
    return "\n".join(lines)


# -- environments of builders --------------------------------------------------------------
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
    answer(
        _seen(shelf),
        lambda seen: environments_text(seen, str(shelf.folder), time.time_ns()),
        json=json,
    )


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
    _told([one for one in _seen(shelf) if one.name == name], json=json)


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
    _told(_seen(shelf), json=json)


def _told(seen: Sequence[EnvironmentView], *, json: bool) -> None:
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

    return Shelf(shelf_folder(_absolute(home) if home else None))


PLACE = 160
"""Where the commands of this file stand in the help."""
COMMANDS = (backup, restore, check, environments, doctor)
