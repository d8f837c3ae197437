"""`bitgauge backup`, `restore` and `check`: what a lab owner does with the state folder.

They work on the folder itself, with or without a coordinator on it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from bitgauge.benchmarks.vocabulary.shown import counted, size

from .common import HomeFolder, Json, answer, say

if TYPE_CHECKING:
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


PLACE = 160
"""Where the commands of this file stand in the help."""
COMMANDS = (backup, restore, check)
