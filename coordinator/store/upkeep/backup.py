"""A backup: one folder with the database, every blob that it records, and a manifest.

Blobs are copied first, then the database, then the blobs that came meanwhile: so the folder
holds each blob that its database names, although a coordinator goes on writing. All of it is
made in a hidden folder, synced, read again, and only then given its name; what has that name is
whole. Secrets (tokens, Ray's token) and the agent's folder are not part of it.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path

import msgspec
from bitgauge.benchmarks.common.digests import digest_of
from bitgauge.benchmarks.common.files import (
    on_disk,
    opened_plain,
    remove_tree,
    sync,
    sync_folders,
)
from bitgauge.benchmarks.common.home import private_folder
from bitgauge.benchmarks.vocabulary.errors import (
    BadInput,
    Code,
    Internal,
    NotFound,
    Refused,
)
from bitgauge.benchmarks.vocabulary.values.digests import Digest

from .. import last_backup
from ..blobs.files import blob_file, copy, is_digest, is_sound, listed
from ..last_backup import MANIFEST, SCHEMA
from ..sql.connection import snapshot
from ..state_folder import StateFolder
from . import invariants

DATABASE = "store.db"
BLOBS = "blobs"
NAMED_IN_SENTENCES = 3
MAX_BACKUP_MANIFEST_BYTES = 128 << 20
"""Some 900,000 blobs, which take 130 bytes each."""


@dataclass(frozen=True, slots=True)
class BackupManifest:
    """What a backup says of itself.

    Attributes:
        created_unix_ns: when the database was copied.
        source: state folder that it was made of.
        store_schema: schema version of the database.
        database: content address of the database file.
        blobs: every blob in the folder.
        left_out: blobs that the database records and whose bytes were lost before.
        seal: SHA-256 of all of this but itself.
    """

    bitgauge_version: str
    created_unix_ns: int
    source: str
    store_schema: int
    database: Digest
    counts: dict[str, int]
    blobs: tuple[Digest, ...]
    left_out: tuple[Digest, ...] = ()
    schema: str = field(default=SCHEMA)
    seal: str = ""

    @property
    def size_bytes(self) -> int:
        """What the backup takes on disk."""
        return self.database.size_bytes + sum(blob.size_bytes for blob in self.blobs)


def make(
    home: Path, folder: Path, *, link: bool = False, allow_damaged: bool = False
) -> BackupManifest:
    """Back up a state folder, also while its coordinator runs.

    Args:
        home: the state folder.
        folder: the backup; must not exist, or be empty.
        link: hard links instead of copies of blobs; needs the same disk, and saves from
            deletion but not from that disk.
        allow_damaged: leave out blobs whose bytes are lost instead of refusing.

    Raises:
        BitgaugeError: `BAD_ARGUMENT`, `STORE_MISSING`, `STORE_DAMAGED`, `BACKUP_INCOMPLETE`,
            `DISK_FULL`, `STORE_IO`, `NOT_OWNER`; no backup was made then.
    """
    config = StateFolder(home=str(home))
    if folder.is_symlink() or (folder.exists() and not _is_empty(folder)):
        raise BadInput(Code.BAD_ARGUMENT, f"{folder} exists and is not an empty folder.")
    if not config.store_path.is_file():
        raise NotFound(Code.STORE_MISSING, f"There is no database at {config.store_path}.")
    with on_disk(f"While looking at the state folder {home}"):
        config.claim()
    with on_disk(f"While making the backup {folder}"), _workplace(folder) as aside:
        manifest = _fill(config, aside, link=link, allow_damaged=allow_damaged)
        aside.replace(folder)
        sync(folder.parent)
    with on_disk(f"While noting the backup in {home}"):
        if not manifest.left_out:
            last_backup.remember(home, folder, manifest.created_unix_ns)
    return manifest


def verify(folder: Path) -> BackupManifest:
    """Read every byte of a backup and compare it with its manifest; nothing is changed.

    Raises:
        Internal: `BACKUP_DAMAGED` with what is wrong first.
        BitgaugeError: `STORE_NEWER`, `STORE_IO`.
    """
    manifest = read_manifest(folder)
    with on_disk(f"While reading the backup {folder}"):
        found = _database_digest(folder / DATABASE)
        if found != manifest.database:
            raise damaged(folder, f"{DATABASE} is not the file that its manifest names")
        lost = [blob for blob in manifest.blobs if not is_sound(folder / BLOBS, blob)]
    if lost:
        raise damaged(folder, f"{_some(lost)} missing or changed")
    recorded = set(recorded_blobs(folder / DATABASE))
    if recorded != {*manifest.blobs, *manifest.left_out}:
        raise damaged(folder, "its manifest and its database name different blobs")
    return manifest


def read_manifest(folder: Path) -> BackupManifest:
    """What a backup says of itself.

    Raises:
        Internal: `BACKUP_DAMAGED`, also when the folder is no backup.
    """
    try:
        text = _manifest_text(folder)
        manifest = msgspec.json.decode(text, type=BackupManifest)
    except FileNotFoundError:
        raise damaged(folder, f"it has no {MANIFEST}, so it is no backup") from None
    except (OSError, msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise damaged(folder, f"{MANIFEST} cannot be read ({error})") from error
    if manifest.schema != SCHEMA:
        raise damaged(folder, f"its format {manifest.schema!r} is not {SCHEMA!r}")
    if text != _text(manifest) or manifest.seal != _seal(manifest):
        raise damaged(folder, f"{MANIFEST} is not as it was written")
    _require_names((*manifest.blobs, *manifest.left_out, manifest.database), folder)
    return manifest


def _manifest_text(folder: Path) -> bytes:
    with opened_plain(folder / MANIFEST, follow=False) as file:
        text = file.read(MAX_BACKUP_MANIFEST_BYTES + 1)
    if len(text) > MAX_BACKUP_MANIFEST_BYTES:
        raise damaged(folder, f"{MANIFEST} is larger than {MAX_BACKUP_MANIFEST_BYTES} bytes")
    return text


def _database_digest(path: Path) -> Digest | None:
    """The content address of the database of a backup; None when it is no plain file."""
    if path.is_symlink() or not path.is_file():
        return None
    return digest_of(path)


def _text(manifest: BackupManifest) -> bytes:
    """A manifest as it is written."""
    return msgspec.json.format(msgspec.json.encode(manifest))


def _seal(manifest: BackupManifest) -> str:
    unsealed = msgspec.to_builtins(manifest)
    del unsealed["seal"]
    return hashlib.sha256(msgspec.json.format(msgspec.json.encode(unsealed))).hexdigest()


def recorded_blobs(database: Path) -> tuple[Digest, ...]:
    """The blobs that a copied database records; its pages and its schema are verified too.

    Raises:
        BitgaugeError: `STORE_DAMAGED`, `STORE_NEWER`, `STORE_MISSING`, `STORE_IO`.
    """
    blobs = invariants.examine(database, complete=False, handed=True).blobs
    _require_names(blobs, database)
    return blobs


def _require_names(blobs: tuple[Digest, ...], what: Path) -> None:
    """Refuse what is no digest: it names a file, and would name one outside of its folder."""
    strange = next((blob for blob in blobs if not is_digest(blob)), None)
    if strange is not None:
        raise damaged(what, f"it names a blob {strange.sha256[:20]!r}, which is no digest")


def damaged(folder: Path, why: str) -> Internal:
    """The error that a backup cannot be used."""
    return Internal(Code.BACKUP_DAMAGED, f"The backup {folder} is damaged: {why}.")


def _fill(config: StateFolder, aside: Path, *, link: bool, allow_damaged: bool) -> BackupManifest:
    """Put everything into the hidden folder; the manifest comes last."""
    source, target = config.blobs_folder, aside / BLOBS
    target.mkdir(mode=0o700)
    copied = {blob for blob in listed(source) if _place(source, target, blob, link=link)}
    created_unix_ns = time.time_ns()
    snapshot(config.store_path, aside / DATABASE)
    contents = invariants.examine(aside / DATABASE, complete=False)
    named = set(contents.blobs)
    copied |= {blob for blob in named - copied if _place(source, target, blob, link=link)}
    for blob in copied - named:
        blob_file(target, blob).unlink()
    # Read again: a link was not read at all, and a copy only before it was written.
    kept = {blob for blob in named & copied if is_sound(target, blob)}
    left_out = _ordered(named - kept)
    if left_out and not allow_damaged:
        raise Refused(
            Code.BACKUP_INCOMPLETE,
            f"No backup of {config.home_folder} was made: {_some(left_out)} missing or damaged.",
        )
    for blob in left_out:
        blob_file(target, blob).unlink(missing_ok=True)
    manifest = BackupManifest(
        bitgauge_version=version("bitgauge"),
        created_unix_ns=created_unix_ns,
        source=config.home,
        store_schema=contents.schema,
        database=digest_of(aside / DATABASE),
        counts=contents.counts,
        blobs=_ordered(kept),
        left_out=left_out,
    )
    manifest = replace(manifest, seal=_seal(manifest))
    (aside / MANIFEST).write_bytes(_text(manifest))
    sync(aside / MANIFEST)
    sync_folders(aside)
    return manifest


def _place(source: Path, target: Path, blob: Digest, *, link: bool) -> bool:
    """Bring one blob into the backup; False when it is not there or not what its name says."""
    final = blob_file(target, blob)
    try:
        if link:
            final.parent.mkdir(mode=0o700, exist_ok=True)
            os.link(blob_file(source, blob), final)
            return True
        if copy(blob_file(source, blob), final) == blob:
            return True
    except FileNotFoundError:
        return False
    except OSError as error:
        if error.errno != errno.EIO:
            raise
    final.unlink(missing_ok=True)
    return False


@contextlib.contextmanager
def _workplace(folder: Path) -> Iterator[Path]:
    """A hidden folder beside `folder`, empty, held by us alone, and removed unless renamed."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    aside = folder.with_name(f".{folder.name}.partial")
    private_folder(aside)
    descriptor = os.open(aside, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise BadInput(
            Code.BAD_ARGUMENT, f"Another process makes the backup {folder} at this moment."
        ) from None
    try:
        for left in aside.iterdir():  # of a backup that was killed
            remove_tree(left) if left.is_dir() else left.unlink()
        yield aside
    finally:
        shutil.rmtree(aside, ignore_errors=True)
        os.close(descriptor)


def _is_empty(folder: Path) -> bool:
    return folder.is_dir() and next(folder.iterdir(), None) is None


def _ordered(blobs: set[Digest]) -> tuple[Digest, ...]:
    return tuple(sorted(blobs))


def _some(blobs: tuple[Digest, ...] | list[Digest]) -> str:
    """A few blobs by name, with the verb that follows."""
    shown = ", ".join(str(blob) for blob in blobs[:NAMED_IN_SENTENCES])
    more = len(blobs) - NAMED_IN_SENTENCES
    rest = f" and {more} more" if more > 0 else ""
    return f"blob {shown} is" if len(blobs) == 1 else f"blobs {shown}{rest} are"
