"""Backup, restore and check on a real store and real blobs."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import filelock
import msgspec
import pytest
from bitgauge.benchmarks.vocabulary.errors import Code
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.coordinator.store import last_backup
from bitgauge.coordinator.store.store import Store
from bitgauge.coordinator.store.upkeep import backup, restore
from bitgauge.coordinator.store.upkeep.backup import make, read_manifest, verify
from bitgauge.coordinator.store.upkeep.check import check_state
from bitgauge.coordinator.store.upkeep.invariants import examine

from tests.labs.refused import refused
from tests.labs.rooms.home import Home, everything, flip, tear
from tests.labs.rooms.typed import Bitgauge


# -- backup and restore -------------------------------------------------------------------
@pytest.mark.parametrize("link", [False, True])
def test_a_round_trip_gives_every_row_and_byte_back(home: Home, tmp_path: Path, link: bool) -> None:
    folder = tmp_path / "backups" / "one"
    manifest = make(home.folder, folder, link=link)
    assert verify(folder) == manifest
    assert manifest.counts["jobs"] == 1
    assert manifest.counts["blobs"] == len(manifest.blobs) == 5
    other = Home(tmp_path / "other")
    done = restore.restore(folder, other.folder)
    assert (done.blobs, done.copied, done.missing, done.kept) == (5, 5, (), None)
    assert everything(other) == everything(home)
    assert check_state(other.folder).sound
    Store.open(other.database).close()


def test_a_backup_is_private_and_holds_no_secret(home: Home, tmp_path: Path) -> None:
    (home.folder / "tokens").mkdir()
    (home.folder / "tokens" / "agent").write_text("secret")
    folder = tmp_path / "one"
    make(home.folder, folder)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.name for path in folder.iterdir()} == {"store.db", "blobs", "manifest.json"}


def test_a_backup_while_a_writer_writes_is_one_moment(home: Home, tmp_path: Path) -> None:
    stop = threading.Event()
    written: list[str] = []

    def write() -> None:
        store = Store.open(home.database)
        try:
            while not stop.is_set():
                written.append(home.measure(store, f"job {len(written)}"))
        finally:
            store.close()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(4):
            before = len(written)
            while len(written) == before:
                time.sleep(0.01)
            folder = tmp_path / f"backup-{number}"
            acknowledged = len(written)
            make(home.folder, folder)
            manifest = verify(folder)
            assert manifest.counts["jobs"] >= 1 + acknowledged
            contents = examine(folder / "store.db")
            assert contents.findings == ()
            assert set(contents.blobs) == set(manifest.blobs)
            assert len(written) >= acknowledged
    finally:
        stop.set()
        writer.join()
    assert len(written) > 4
    assert check_state(home.folder).sound


def test_an_existing_folder_is_not_touched(home: Home, tmp_path: Path) -> None:
    folder = tmp_path / "taken"
    folder.mkdir()
    make(home.folder, folder)  # empty, so it may be used
    before = sorted(folder.rglob("*"))
    with refused(Code.BAD_ARGUMENT, str(folder)):
        make(home.folder, folder)
    assert sorted(folder.rglob("*")) == before


def test_there_must_be_something_to_back_up(tmp_path: Path) -> None:
    with refused(Code.STORE_MISSING):
        make(tmp_path / "nowhere", tmp_path / "one")
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_database_is_not_backed_up(home: Home, tmp_path: Path) -> None:
    make(home.folder, tmp_path / "good")
    tear(home.database)
    with refused(Code.STORE_DAMAGED, f"The last good backup is {tmp_path / 'good'}, of 20"):
        make(home.folder, tmp_path / "bad")
    assert not (tmp_path / "bad").exists()
    assert not (tmp_path / ".bad.partial").exists()


@pytest.mark.parametrize("harm", [flip, Path.unlink])
@pytest.mark.parametrize("link", [False, True])
def test_a_lost_blob_is_no_silent_gap(
    home: Home, tmp_path: Path, harm: Callable[[Path], None], link: bool
) -> None:
    harmed = home.any_blob()
    harm(harmed)
    with refused(Code.BACKUP_INCOMPLETE, harmed.name[:12]):
        make(home.folder, tmp_path / "one", link=link)
    assert not (tmp_path / "one").exists()
    assert last_backup.last_good(home.folder) is None
    manifest = make(home.folder, tmp_path / "two", link=link, allow_damaged=True)
    assert [blob.sha256 for blob in manifest.left_out] == [harmed.name.split(".")[0]]
    verify(tmp_path / "two")
    # It is not a good one.
    assert last_backup.last_good(home.folder) is None
    done = restore.restore(tmp_path / "two", tmp_path / "other")
    assert done.missing == manifest.left_out
    assert check_state(tmp_path / "other").missing == manifest.left_out


def test_every_flipped_byte_of_a_backup_is_found(home: Home, tmp_path: Path) -> None:
    good = tmp_path / "good"
    make(home.folder, good)
    files = [path for path in sorted(good.rglob("*")) if path.is_file()]
    assert len(files) == 7
    for number, path in enumerate(files):
        bad = tmp_path / f"bad-{number}"
        shutil.copytree(good, bad)
        harmed = bad / path.relative_to(good)
        flip(harmed, harmed.stat().st_size // 2)
        with refused(Code.BACKUP_DAMAGED, str(bad)):
            restore.restore(bad, tmp_path / "other")
        assert not (tmp_path / "other").exists()
        harmed.unlink()
        with refused(Code.BACKUP_DAMAGED, str(bad)):
            verify(bad)


def test_what_is_no_backup_is_not_restored(home: Home, tmp_path: Path) -> None:
    with refused(Code.BACKUP_DAMAGED, "no backup"):
        restore.restore(tmp_path, home.folder, replace=True)
    with refused(Code.BACKUP_DAMAGED, "no backup"):
        restore.restore(tmp_path / "nowhere", home.folder, replace=True)
    make(home.folder, tmp_path / "one")
    manifest = tmp_path / "one" / "manifest.json"
    found = json.loads(manifest.read_text())
    manifest.write_text(json.dumps({**found, "schema": "bitgauge.backup/2"}))
    with refused(Code.BACKUP_DAMAGED, "bitgauge.backup/2"):
        verify(tmp_path / "one")
    manifest.write_text(json.dumps({**found, "blobs": found["blobs"][1:]}))
    with refused(Code.BACKUP_DAMAGED, "not as it was written"):
        verify(tmp_path / "one")
    found["seal"] = ""
    manifest.write_bytes(msgspec.json.format(json.dumps(found).encode()))
    with refused(Code.BACKUP_DAMAGED, "not as it was written"):
        verify(tmp_path / "one")


def test_a_manifest_and_a_database_that_name_different_blobs_are_no_backup(
    home: Home, tmp_path: Path
) -> None:
    made = make(home.folder, tmp_path / "one")
    shorter = replace(made, blobs=made.blobs[1:])
    shorter = replace(shorter, seal=backup._seal(shorter))
    (tmp_path / "one" / "manifest.json").write_bytes(backup._text(shorter))
    with refused(Code.BACKUP_DAMAGED, "different blobs"):
        verify(tmp_path / "one")


def test_no_byte_of_a_manifest_can_change(home: Home, tmp_path: Path) -> None:
    make(home.folder, tmp_path / "one")
    manifest = tmp_path / "one" / "manifest.json"
    good = manifest.read_bytes()
    for offset in range(0, len(good), 7):
        flip(manifest, offset)
        with refused(Code.BACKUP_DAMAGED):
            read_manifest(tmp_path / "one")
        manifest.write_bytes(good)
    assert read_manifest(tmp_path / "one").seal


def test_a_full_home_is_replaced_only_when_asked(home: Home, tmp_path: Path) -> None:
    make(home.folder, tmp_path / "one")
    old = everything(home)
    store = Store.open(home.database)
    home.measure(store, "later")
    store.close()
    later = everything(home)
    with refused(Code.HOME_NOT_EMPTY, str(home.folder)):
        restore.restore(tmp_path / "one", home.folder)
    assert everything(home) == later
    done = restore.restore(tmp_path / "one", home.folder, replace=True)
    assert everything(home) == old
    assert done.copied == 0
    assert done.kept is not None
    kept = Path(done.kept)
    # What was replaced is whole, and can be put back the same way.
    restore.restore(kept, home.folder, replace=True)
    assert everything(home) == later
    found = check_state(home.folder)
    assert found.sound
    assert found.unreferenced == ()


@pytest.mark.kill
def test_commits_in_the_log_of_a_killed_coordinator_are_neither_lost_nor_mixed(
    home: Home, tmp_path: Path
) -> None:
    make(home.folder, tmp_path / "one")
    old = everything(home)
    code = f"""
import os, signal
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.coordinator.store.store import Store
store = Store.open({str(home.database)!r})
store.record_blob(Digest("0" * 64, 1), 1)
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -signal.SIGKILL
    assert home.database.with_name("store.db-wal").stat().st_size > 0
    done = restore.restore(tmp_path / "one", home.folder, replace=True)
    assert everything(home) == old
    assert check_state(home.folder).sound
    assert done.kept is not None
    assert Digest("0" * 64, 1) in examine(Path(done.kept)).blobs


def test_a_damaged_home_is_mended(home: Home, tmp_path: Path) -> None:
    make(home.folder, tmp_path / "one")
    old = everything(home)
    tear(home.database)
    flip(home.any_blob())
    with refused(Code.STORE_DAMAGED, f"The last good backup is {tmp_path / 'one'}"):
        Store.open(home.database)
    done = restore.restore(tmp_path / "one", home.folder, replace=True)
    assert done.copied == 1
    assert everything(home) == old
    assert check_state(home.folder).sound


def test_a_running_coordinator_keeps_its_home(home: Home, tmp_path: Path) -> None:
    make(home.folder, tmp_path / "one")
    before = everything(home)
    lock = filelock.FileLock(home.folder / "store.lock")
    with lock, refused(Code.COORDINATOR_RUNNING, str(home.folder)):
        restore.restore(tmp_path / "one", home.folder, replace=True)
    assert everything(home) == before


def test_the_state_folder_of_another_user_is_left_alone(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(home.folder, tmp_path / "one")
    before = sorted(home.folder.rglob("*"))
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with refused(Code.NOT_OWNER, str(home.folder)):
        make(home.folder, tmp_path / "two")
    with refused(Code.NOT_OWNER, str(home.folder)):
        restore.restore(tmp_path / "one", home.folder, replace=True)
    assert sorted(home.folder.rglob("*")) == before
    assert check_state(home.folder).sound


def test_a_full_disk_is_found_before_anything_changes(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(home.folder, tmp_path / "one")
    monkeypatch.setattr(restore, "RESERVE_BYTES", 1 << 60)
    with refused(Code.DISK_FULL, str(tmp_path / "other")):
        restore.restore(tmp_path / "one", tmp_path / "other")
    assert not (tmp_path / "other" / "store.db").exists()


# -- the commands -------------------------------------------------------------------------
def test_the_commands_speak_in_sentences_and_exit_codes(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BITGAUGE_HOME", str(home.folder))
    bitgauge, one = Bitgauge(capsys), str(tmp_path / "one")
    assert "Backed up 1 job, 2 runs and 5 blobs" in bitgauge("backup", one).out
    assert "is sound: 1 job, 2 runs and 5 blobs" in bitgauge("check", "--backup", one).out
    assert "Give --replace" in bitgauge("restore", one, code=1).err
    assert "5 blobs recorded, 0 brought back" in bitgauge("restore", one, "--replace").out
    assert json.loads(bitgauge("check", "--json").out)["last_backup"].startswith(one)
    flip(home.any_blob())
    assert "1 corrupt" in bitgauge("check", code=1).out
    assert "Run `bitgauge check`" in bitgauge("backup", tmp_path / "two", code=1).err
    allowed = bitgauge("backup", tmp_path / "two", "--allow-damaged", "--json").out
    assert len(json.loads(allowed)["left_out"]) == 1
    bitgauge("backup", one, code=2)
