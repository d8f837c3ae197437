"""Backups that were made by somebody else: whatever they hold, the state folder stays as it was."""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from bitgauge.benchmarks.common.digests import digest_of
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.coordinator.store.blobs.files import blob_file, copy
from bitgauge.coordinator.store.sql.steps import NEWEST
from bitgauge.coordinator.store.store import Store
from bitgauge.coordinator.store.upkeep import backup, invariants, restore
from bitgauge.coordinator.store.upkeep.foreign import foreign

from tests.labs.hostile.peak import MAX_GROWTH_BYTES, readings


def refused(call: Callable[[], object], *codes: Code) -> str:
    """The sentence in which it is refused, under one of these codes."""
    with pytest.raises(BitgaugeError) as caught:
        call()
    assert caught.value.code in codes, caught.value
    assert "\n" not in caught.value.sentence
    return caught.value.sentence


DATA = b"what was measured"
BLOB = Digest(hashlib.sha256(DATA).hexdigest(), len(DATA))
CONSTRUCTED = Path(__file__).parents[1] / "sql" / "constructed"


@pytest.fixture
def given(tmp_path: Path) -> Path:
    """A backup of one blob, as we make it."""
    home = tmp_path / "theirs"
    home.mkdir()
    store = Store.open(home / "store.db")
    store.record_blob(BLOB, 1)
    store.close()
    path = blob_file(home / "blobs", BLOB)
    path.parent.mkdir(parents=True)
    path.write_bytes(DATA)
    backup.make(home, tmp_path / "given")
    return tmp_path / "given"


@pytest.fixture
def ours(tmp_path: Path) -> Path:
    """The state folder into which it is to be restored."""
    home = tmp_path / "ours"
    home.mkdir()
    Store.open(home / "store.db").close()
    return home


def sealed(folder: Path, **changes: object) -> None:
    """Write the manifest anew, as its maker may: what it says of itself agrees with itself."""
    text = (folder / "manifest.json").read_bytes()
    manifest = msgspec.json.decode(text, type=backup.BackupManifest)
    manifest = replace(manifest, database=digest_of(folder / "store.db"))
    manifest = replace(manifest, **changes)  # type: ignore[arg-type]
    manifest = replace(manifest, seal=backup._seal(manifest))
    (folder / "manifest.json").write_bytes(backup._text(manifest))


def sql(folder: Path, *statements: str) -> None:
    connection = sqlite3.connect(folder / "store.db")
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()
    sealed(folder)


def renamed_digest(folder: Path, sha256: str) -> None:
    sql(folder, f"UPDATE blobs SET sha256 = '{sha256}'")
    sealed(folder, blobs=(Digest(sha256, BLOB.size_bytes),))


def replaced_by(make: Callable[[Path], object]) -> Callable[[Path], None]:
    """Put something else in the place of the blob."""

    def change(folder: Path) -> None:
        path = blob_file(folder / "blobs", BLOB)
        path.unlink()
        make(path)

    return change


def linked_manifest(folder: Path) -> None:
    (folder / "manifest.json").rename(folder.parent / "elsewhere")
    (folder / "manifest.json").symlink_to(folder.parent / "elsewhere")


def linked_database(folder: Path) -> None:
    (folder / "store.db").rename(folder.parent / "elsewhere.db")
    (folder / "store.db").symlink_to(folder.parent / "elsewhere.db")


def piped_manifest(folder: Path) -> None:
    (folder / "manifest.json").unlink()
    os.mkfifo(folder / "manifest.json")


def endless_manifest(folder: Path) -> None:
    with (folder / "manifest.json").open("r+b") as file:
        file.truncate(backup.MAX_BACKUP_MANIFEST_BYTES + 1)


def nested_manifest(folder: Path) -> None:
    (folder / "manifest.json").write_bytes(b"[" * 1_000_000)


def manifest_of_bytes(folder: Path) -> None:
    (folder / "manifest.json").write_bytes(b'{"source":"\x80"}')


def no_database(folder: Path) -> None:
    (folder / "store.db").write_bytes(b"no database at all" * 500)
    sealed(folder)


TRIGGER = """CREATE TRIGGER quiet AFTER INSERT ON tokens BEGIN
    UPDATE tokens SET role = 'admin'; END"""
HOSTILE: dict[str, tuple[Callable[[Path], object], str]] = {
    "path upwards": (lambda one: renamed_digest(one, "../../../../etc/passwd"), "is no digest"),
    "absolute path": (lambda one: renamed_digest(one, "/etc/passwd"), "is no digest"),
    "negative size": (
        lambda one: sealed(one, blobs=(Digest(BLOB.sha256, -(1 << 60)),)),
        "is no digest",
    ),
    "linked blob": (replaced_by(lambda one: one.symlink_to("/etc/hostname")), "missing or changed"),
    "piped blob": (replaced_by(os.mkfifo), "missing or changed"),
    "device blob": (replaced_by(lambda one: one.symlink_to("/dev/zero")), "missing or changed"),
    "other blob": (replaced_by(lambda one: one.write_bytes(DATA[::-1])), "missing or changed"),
    "longer blob": (replaced_by(lambda one: one.write_bytes(DATA * 2)), "missing or changed"),
    "linked manifest": (linked_manifest, "cannot be read"),
    "piped manifest": (piped_manifest, "no plain file"),
    "endless manifest": (endless_manifest, "is larger than"),
    "nested manifest": (nested_manifest, "cannot be read"),
    "manifest of bytes": (manifest_of_bytes, "cannot be read"),
    "linked database": (linked_database, "is not the file that its manifest names"),
    "no database": (no_database, "is not a Bitgauge database"),
    "trigger": (lambda one: sql(one, TRIGGER), "holds trigger 'quiet'"),
    "trigger of ours, changed": (
        lambda one: sql(
            one,
            "DROP TRIGGER audit_is_not_deleted",
            "CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit BEGIN SELECT 1; END",
        ),
        "holds trigger 'audit_is_not_deleted'",
    ),
    "view": (
        lambda one: sql(one, "CREATE VIEW v_secrets AS SELECT * FROM tokens"),
        "holds view 'v_secrets'",
    ),
    "virtual table": (
        lambda one: sql(one, "CREATE VIRTUAL TABLE words USING fts5(text)"),
        "holds table 'words",
    ),
    "odd name": (
        lambda one: sql(one, """CREATE TABLE "x"" UNION SELECT 1 FROM ""y" (a)"""),
        "holds table 'x",
    ),
    "computed column": (
        lambda one: sql(one, "ALTER TABLE blobs ADD COLUMN more BLOB AS (zeroblob(1000000000))"),
        "'blobs' with other columns",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_hostile_is_one_sentence_and_nothing_changes(
    name: str, given: Path, ours: Path
) -> None:
    spoil, said = HOSTILE[name]
    spoil(given)
    before = {path: path.stat().st_mtime_ns for path in ours.rglob("*")}
    content = (ours / "store.db").read_bytes()
    sentence = refused(
        lambda: restore.restore(given, ours, replace=True), Code.BACKUP_DAMAGED, Code.STORE_DAMAGED
    )
    assert said in sentence
    assert {path: path.stat().st_mtime_ns for path in ours.rglob("*")} == before
    assert (ours / "store.db").read_bytes() == content


def test_a_log_beside_a_database_hides_nothing(given: Path, ours: Path, tmp_path: Path) -> None:
    """The file has a trigger, which a log beside it would drop: read alone, it is there."""
    sql(given, TRIGGER)
    work = tmp_path / "work.db"
    shutil.copy(given / "store.db", work)
    connection = sqlite3.connect(work)
    connection.execute("PRAGMA journal_mode = WAL")
    shutil.copy(work, given / "store.db")
    connection.execute("DROP TRIGGER quiet")
    connection.commit()
    shutil.copy(f"{work}-wal", given / "store.db-wal")
    connection.close()
    sealed(given)
    sentence = refused(lambda: restore.restore(given, ours, replace=True), Code.STORE_DAMAGED)
    assert "holds trigger 'quiet'" in sentence


def test_more_blobs_than_are_restored(
    given: Path, ours: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(invariants, "MAX_BLOBS", 0)
    sentence = refused(lambda: restore.restore(given, ours, replace=True), Code.STORE_DAMAGED)
    assert "names 1 blobs; 0 are restored at most" in sentence


def test_a_source_that_grows_is_not_copied_without_end(tmp_path: Path) -> None:
    (tmp_path / "long").write_bytes(bytes(8 << 20))
    copy(tmp_path / "long", tmp_path / "out", 10)
    assert (tmp_path / "out").stat().st_size <= 1 << 20


def test_a_database_that_came_a_long_way_is_ours(tmp_path: Path) -> None:
    path = tmp_path / "last.db"
    connection = sqlite3.connect(path)
    connection.executescript((CONSTRUCTED / "schema-12.sql").read_text())
    assert foreign(connection, 12) is None
    connection.execute(TRIGGER)
    assert foreign(connection, 12) == "trigger 'quiet'"
    connection.execute("DROP TRIGGER quiet")
    connection.close()
    Store.open(path).close()
    connection = sqlite3.connect(path)
    assert foreign(connection, NEWEST) is None
    connection.close()


def test_memory_is_bounded_by_the_manifest(given: Path) -> None:
    endless_manifest(given)
    (found,) = readings("bitgauge.coordinator.store.upkeep.backup:verify", [given])
    assert "is larger than" in found.sentence
    assert found.grown_bytes < MAX_GROWTH_BYTES
