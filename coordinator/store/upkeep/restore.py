"""Puts a backup back. Everything is verified before anything in the state folder changes.

Blobs come first: a blob more does no harm. The database follows with one rename, so a kill at
any moment leaves the old database or the new one. A database that is replaced stays in the
folder `backups` of the state folder.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import filelock
from bitgauge.benchmarks.common.digests import digest_of
from bitgauge.benchmarks.common.files import on_disk, sync
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code, Refused, Unavailable
from bitgauge.benchmarks.vocabulary.values.digests import Digest

from ...store import state_folder
from .. import last_backup
from ..blobs.blob_store import RESERVE_BYTES
from ..blobs.files import blob_file, copy, is_sound
from ..sql.connection import checkpoint
from ..state_folder import StateFolder
from . import backup, carried
from .backup import BLOBS, DATABASE
from .carried import Carried


@dataclass(frozen=True, slots=True)
class Restored:
    """What became of a restore.

    Attributes:
        created_unix_ns: when the backup was made; None for a bare database file.
        blobs: how many blobs the database records.
        copied: how many of them had to be brought here.
        missing: those that neither the backup nor the state folder has, sound.
        kept: where the database that was replaced is; None when there was none.
        carried: what became of credentials that had ended since the backup.
    """

    created_unix_ns: int | None
    blobs: int
    copied: int
    missing: tuple[Digest, ...]
    kept: str | None
    carried: Carried


@dataclass(frozen=True, slots=True)
class _Source:
    """A backup that was read and found whole."""

    database: Path
    digest: Digest
    recorded: tuple[Digest, ...]
    blobs: Path | None
    created_unix_ns: int | None


def restore(source: Path, home: Path, *, replace: bool = False) -> Restored:
    """Make a state folder what it was when `source` was made.

    Args:
        source: the folder of a backup, or the copy of a database that was kept before a
            migration, to which the blobs of the state folder belong.
        home: the state folder, made when missing.
        replace: a database that is there may be replaced; it is kept beside.

    Raises:
        BitgaugeError: `BACKUP_DAMAGED`, `STORE_DAMAGED`, `STORE_NEWER`, `COORDINATOR_RUNNING`,
            `HOME_NOT_EMPTY`, `NOT_OWNER`, `DISK_FULL`, `STORE_IO`; the database is as it was then.
    """
    found = _verified(source)
    config = StateFolder(home=str(home))
    with on_disk(f"While restoring {home}"):
        config.claim()
        with _alone(config):
            if config.store_path.exists() and not replace:
                raise Refused(Code.HOME_NOT_EMPTY, f"{home} holds a database already.")
            return _put(found, config, source)


def _verified(source: Path) -> _Source:
    """Read every byte of what is to be restored."""
    if source.is_file():
        recorded = backup.recorded_blobs(source)
        with on_disk(f"While reading the backup {source}"):
            return _Source(source, digest_of(source), recorded, None, None)
    manifest = backup.verify(source)
    recorded = (*manifest.blobs, *manifest.left_out)
    folder = source / BLOBS
    return _Source(source / DATABASE, manifest.database, recorded, folder, manifest.created_unix_ns)


@contextlib.contextmanager
def _alone(config: StateFolder) -> Iterator[None]:
    """Hold the lock of a coordinator, so that none runs or starts meanwhile."""
    lock = filelock.FileLock(config.lock_path, thread_local=False)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        raise state_folder.running_error(config) from None
    try:
        yield
    finally:
        lock.release()


def _put(found: _Source, config: StateFolder, source: Path) -> Restored:
    wanted = [blob for blob in found.recorded if not is_sound(config.blobs_folder, blob)]
    _require_room(found, wanted, config)
    known = carried.ended(config.store_path)
    aside = config.home_folder / last_backup.RESTORING
    shutil.rmtree(aside, ignore_errors=True)  # of a restore that was killed
    aside.mkdir(mode=0o700)
    try:
        copied = [blob for blob in wanted if _bring(found, blob, config.blobs_folder, aside)]
        if copy(found.database, aside / DATABASE, found.digest.size_bytes) != found.digest:
            raise backup.damaged(source, f"{found.database.name} changed while it was read")
        (aside / DATABASE).chmod(0o600)
        ended = carried.carry(aside / DATABASE, known, source, time.time_ns())
        kept = _set_aside(config)
        (aside / DATABASE).replace(config.store_path)
        sync(config.home_folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    missing = tuple(blob for blob in wanted if blob not in set(copied))
    if found.created_unix_ns is not None and not missing:
        last_backup.remember(config.home_folder, source, found.created_unix_ns)
    return Restored(
        found.created_unix_ns,
        len(found.recorded),
        len(copied),
        missing,
        str(kept) if kept else None,
        ended,
    )


def _require_room(found: _Source, wanted: list[Digest], config: StateFolder) -> None:
    needed_bytes = found.digest.size_bytes + sum(blob.size_bytes for blob in wanted)
    free_bytes = shutil.disk_usage(config.home_folder).free
    if free_bytes < needed_bytes + RESERVE_BYTES:
        raise Unavailable(
            Code.DISK_FULL,
            f"Restoring takes {needed_bytes} bytes, and the disk of {config.home_folder} has"
            f" {free_bytes} free.",
        )


def _bring(found: _Source, blob: Digest, blobs: Path, aside: Path) -> bool:
    """Copy one blob into the state folder under its final name; False when nobody has it."""
    if found.blobs is None or not blob_file(found.blobs, blob).is_file():
        return False
    half = aside / blob.sha256
    if copy(blob_file(found.blobs, blob), half, blob.size_bytes) != blob:
        raise backup.damaged(found.blobs.parent, f"blob {blob} changed while it was read")
    final = blob_file(blobs, blob)
    final.parent.mkdir(parents=True, exist_ok=True)
    half.replace(final)
    sync(final.parent)
    sync(blobs)
    return True


def _set_aside(config: StateFolder) -> Path | None:
    """Keep the database that is there, and its log, under another name.

    The log must be gone before the new database gets its name: SQLite would play it back into
    the wrong file. Of a sound database it is emptied first; a damaged one keeps it beside it.
    """
    database = config.store_path
    if not database.exists():
        for log in _logs(database):
            log.unlink(missing_ok=True)
        return None
    with contextlib.suppress(BitgaugeError):
        checkpoint(database)
    folder = config.home_folder / last_backup.FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    kept = folder / f"replaced-{last_backup.stamp(time.time_ns())}-{os.getpid()}.db"
    for path, name in ((database, kept.name), (_logs(database)[0], f"{kept.name}-wal")):
        if path.exists() and path.stat().st_size:
            _link(path, folder / name)
    sync(folder)
    for log in _logs(database):
        log.unlink(missing_ok=True)
    sync(config.home_folder)
    return kept


def _logs(database: Path) -> tuple[Path, Path]:
    return database.with_name(f"{database.name}-wal"), database.with_name(f"{database.name}-shm")


def _link(path: Path, target: Path) -> None:
    """A second name for a file; a copy where the disk knows no second names."""
    try:
        os.link(path, target)
    except OSError:
        copy(path, target)
