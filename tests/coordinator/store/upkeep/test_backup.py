"""Backup, restore and check on a real store and real blobs."""

import hashlib
import itertools
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import filelock
import msgspec
import pytest
from bitgauge.benchmarks.vocabulary.enums import PassName, RawRole
from bitgauge.benchmarks.vocabulary.errors import Code
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import Entry
from bitgauge.benchmarks.vocabulary.values.runs import RawRef
from bitgauge.coordinator.cli.app import run_command_line
from bitgauge.coordinator.store import last_backup
from bitgauge.coordinator.store.blobs import files as blob_files
from bitgauge.coordinator.store.blobs.blob_store import BlobStore
from bitgauge.coordinator.store.blobs.files import blob_file
from bitgauge.coordinator.store.sql import connection
from bitgauge.coordinator.store.sql.steps import NEWEST, STEPS
from bitgauge.coordinator.store.store import Store
from bitgauge.coordinator.store.upkeep import backup, restore
from bitgauge.coordinator.store.upkeep.backup import make, read_manifest, verify
from bitgauge.coordinator.store.upkeep.check import check_state
from bitgauge.coordinator.store.upkeep.invariants import examine

from tests.labs.refused import refused
from tests.labs.store import Lab, spec

NUMBERS = itertools.count(1)


@dataclass
class Home:
    """A state folder with a job that was measured, and every blob that it names."""

    folder: Path
    job_id: str = ""

    @property
    def database(self) -> Path:
        return self.folder / "store.db"

    @property
    def blobs(self) -> Path:
        return self.folder / "blobs"

    def blob(self, store: Store, text: str) -> Digest:
        data = text.encode() * 100
        digest = Digest(hashlib.sha256(data).hexdigest(), len(data))
        blobs = BlobStore(self.blobs, reserve_bytes=0)
        blobs.append(digest, 0, data)
        blobs.finish(digest)
        store.record_blob(digest, 1)
        return digest

    def measure(self, store: Store, name: str) -> str:
        lab = Lab(store)
        lab.register()
        baseline = self.blob(store, f"{name} fp32")
        small = self.blob(store, f"{name} int8")
        what = spec(
            baseline=baseline,
            entries=(Entry("fp32"), Entry("int8-dynamic", small)),
            evaluation=self.blob(store, "evaluation"),
        )
        lab.numbers = NUMBERS
        job_id = lab.submit(what)
        lease = lab.claimed(job_id)
        for entry in lease.entries:
            raw = self.blob(store, f"{name} raw {entry.index}")
            lab.report(lease, entry.index, raw=(RawRef(PassName.PAIR, 0, RawRole.BOTH, raw),))
        lab.analyse()
        return job_id

    def any_blob(self) -> Path:
        return blob_file(self.blobs, next(blob_files.listed(self.blobs)))


def flip(path: Path, offset: int = 0) -> None:
    data = bytearray(path.read_bytes())
    data[offset] ^= 0x40
    path.write_bytes(data)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "home")
    made.folder.mkdir()
    store = Store.open(made.database)
    made.job_id = made.measure(store, "first")
    store.close()
    return made


def everything(home: Home) -> dict[str, object]:
    """What a user can see of a state folder."""
    reader = Store.open_readonly(home.database)
    try:
        jobs = reader.jobs()
        runs = {job.job_id: reader.runs(job.job_id) for job in jobs}
    finally:
        reader.close()
    return {"jobs": jobs, "runs": runs}


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


def tear(database: Path) -> None:
    """Overwrite every page but the first, as a failing disk may."""
    with database.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(database.stat().st_size - 4096))


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


# -- bad moments --------------------------------------------------------------------------
def test_an_interrupted_backup_looks_like_none(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(backup, "snapshot", interrupted)
    with pytest.raises(KeyboardInterrupt):
        make(home.folder, tmp_path / "one")
    assert {path.name for path in tmp_path.iterdir()} == {"home"}


KILLED = """
import os, signal, sys
from pathlib import Path
from bitgauge.coordinator.store.upkeep import backup, restore
module = {"backup": backup, "restore": restore}[sys.argv[1]]
name, at = sys.argv[2], int(sys.argv[3])
real, calls = getattr(module, name), [0]
def killing(*arguments, **named):
    calls[0] += 1
    if calls[0] == at:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*arguments, **named)
setattr(module, name, killing)
source, target = map(Path, sys.argv[4:])
if module is backup:
    backup.make(source, target)
else:
    restore.restore(source, target, replace=True)
"""


def killed(*arguments: object) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, *map(str, arguments)], check=False)
    assert done.returncode == -signal.SIGKILL


@pytest.mark.kill
@pytest.mark.parametrize(
    ("name", "at"), [("copy", 3), ("snapshot", 1), ("is_sound", 2), ("sync_folders", 1)]
)
def test_a_killed_backup_leaves_nothing_that_looks_like_one(
    home: Home, tmp_path: Path, name: str, at: int
) -> None:
    folder = tmp_path / "one"
    killed("backup", name, at, home.folder, folder)
    assert not folder.exists()
    assert last_backup.last_good(home.folder) is None
    with refused(Code.BACKUP_DAMAGED):
        verify(folder)
    make(home.folder, folder)  # clears away what was left
    verify(folder)
    assert {path.name for path in tmp_path.iterdir()} == {"home", "one"}


@pytest.mark.kill
@pytest.mark.parametrize(
    ("name", "at"),
    [("copy", 1), ("copy", 3), ("_set_aside", 1), ("sync", 1), ("sync", 11), ("sync", 12)],
)
def test_a_killed_restore_leaves_the_old_database_or_the_new(
    home: Home, tmp_path: Path, name: str, at: int
) -> None:
    store = Store.open(home.database)
    home.measure(store, "later")
    store.close()
    make(home.folder, tmp_path / "newer")
    newer = everything(home)
    other = Home(tmp_path / "other")
    other.folder.mkdir()
    store = Store.open(other.database)
    other.measure(store, "other")
    store.close()
    older = everything(other)
    killed("restore", name, at, tmp_path / "newer", other.folder)
    assert everything(other) in (older, newer)
    assert check_state(other.folder).sound
    restore.restore(tmp_path / "newer", other.folder, replace=True)
    assert everything(other) == newer
    assert check_state(other.folder).sound
    assert not (other.folder / ".restore.partial").exists()


def test_two_backups_to_one_place_do_not_mix(home: Home, tmp_path: Path) -> None:
    with (
        backup._workplace(tmp_path / "one"),
        refused(Code.BAD_ARGUMENT, "Another process"),
    ):
        make(home.folder, tmp_path / "one")


# -- before a migration -------------------------------------------------------------------
NEXT = (*STEPS, ("CREATE TABLE next (x INTEGER) STRICT",))


def test_a_migration_keeps_a_copy_first(home: Home) -> None:
    before = everything(home)
    Store.open(home.database).close()
    assert not (home.folder / "backups").exists()
    Store.open(home.database, NEXT).close()
    (kept,) = (home.folder / "backups").iterdir()
    assert kept.name.startswith(f"before-schema-{NEWEST + 1}-")
    assert examine(kept).schema == NEWEST
    with refused(Code.STORE_NEWER):
        Store.open_readonly(home.database)
    tear(home.database)
    with refused(Code.STORE_DAMAGED, f"The last good backup is {kept}"):
        Store.open(home.database, NEXT)
    restore.restore(kept, home.folder, replace=True)
    assert everything(home) == before


def test_the_last_three_copies_stay(home: Home) -> None:
    steps = list(NEXT)
    for number in range(5):
        Store.open(home.database, tuple(steps)).close()
        steps.append((f"CREATE TABLE more{number} (x INTEGER) STRICT",))
    schemas = sorted(int(path.name.split("-")[2]) for path in (home.folder / "backups").iterdir())
    assert schemas == [NEWEST + 1 + number for number in (2, 3, 4)]


def test_no_copy_no_migration(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(connection, "copy_connection", full)
    with refused(Code.DISK_FULL):
        Store.open(home.database, NEXT)
    assert examine(home.database).schema == NEWEST


# -- check --------------------------------------------------------------------------------
def test_a_sound_home_is_sound(home: Home) -> None:
    found = check_state(home.folder)
    assert found.sound
    assert found.counts["runs"] == 2
    assert (found.blobs, found.unreferenced, found.last_backup) == (5, (), None)


def test_check_tells_missing_corrupt_and_unreferenced_apart(home: Home) -> None:
    first, second, *_ = blob_files.listed(home.blobs)
    blob_file(home.blobs, first).unlink()
    flip(blob_file(home.blobs, second))
    extra = Digest(hashlib.sha256(b"x").hexdigest(), 1)
    blobs = BlobStore(home.blobs, reserve_bytes=0)
    blobs.append(extra, 0, b"x")
    blobs.finish(extra)
    found = check_state(home.folder)
    assert (found.missing, found.corrupt, found.unreferenced) == ((first,), (second,), (extra,))
    assert not found.sound


HARM = {
    "more than one accepted run": (
        "DROP INDEX one_accepted_run_per_entry",
        "UPDATE runs SET entry_index = 0",
    ),
    "not the id of its job": ("UPDATE runs SET run_id = 'x' || run_id WHERE entry_index = 1",),
    "leased without an active lease": ("UPDATE jobs SET state = 'leased'",),
    "an active lease that its job does not have": ("UPDATE leases SET active = 1",),
    "later than its job's epoch": ("UPDATE jobs SET epoch = 0",),
    "refers to a row of devices": ("UPDATE leases SET device_id = 'nobody'",),
    "of another device than its lease": ("UPDATE runs SET device_id = 'nobody'",),
    "accepted without an accepted, measured run": ("UPDATE runs SET disposition = 'stale'",),
    "of an entry that is not settled": ("UPDATE entries SET state = 'ready'",),
    "ended with entries that are not settled": ("UPDATE entries SET state = 'ready'",),
    "metrics without an analysis": ("UPDATE runs SET analysis_version = NULL",),
    "neither a repetition nor measured again": ("UPDATE jobs SET suspect = 'it drifted'",),
    "a repetition of a job that is not suspect": ("UPDATE jobs SET repeats = job_id",),
    "an A/A certificate of a job that has not finished": (
        "INSERT INTO certifications SELECT job_id, device_id, 'onnxruntime', 1 FROM leases",
        """INSERT INTO aa_certificates SELECT job_id, device_id, 'onnxruntime', 'stack', 'quick',
             1, 2, 40, 40, 0, 0.001, 0.002, 1, 'none' FROM leases""",
        "UPDATE jobs SET state = 'failed'",
    ),
    "never recorded": ("DELETE FROM blobs",),
    "what is stored of it can not be read": ("UPDATE jobs SET spec = '{}'",),
}


@pytest.mark.parametrize("words", HARM)
def test_check_finds_what_must_not_be(home: Home, words: str) -> None:
    connection = sqlite3.connect(home.database)
    with connection:
        for statement in HARM[words]:
            connection.execute(statement)
    connection.close()
    found = check_state(home.folder)
    assert not found.sound
    assert any(words in finding for finding in found.findings), found.findings


def test_check_refuses_what_it_can_not_ask(home: Home, tmp_path: Path) -> None:
    with refused(Code.STORE_MISSING):
        check_state(tmp_path / "nowhere")
    tear(home.database)
    with refused(Code.STORE_DAMAGED):
        check_state(home.folder)


# -- the commands -------------------------------------------------------------------------
def test_the_commands_speak_in_sentences_and_exit_codes(
    home: Home,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("BITGAUGE_HOME", str(home.folder))
    one = str(tmp_path / "one")
    assert run_command_line(["backup", one]) == 0
    assert "Backed up 1 job, 2 runs and 5 blobs" in capsys.readouterr().out
    assert run_command_line(["check", "--backup", one]) == 0
    assert "is sound: 1 job, 2 runs and 5 blobs" in capsys.readouterr().out
    assert run_command_line(["restore", one]) == 1
    assert "Give --replace" in capsys.readouterr().err
    assert run_command_line(["restore", one, "--replace"]) == 0
    assert "5 blobs recorded, 0 brought back" in capsys.readouterr().out
    assert run_command_line(["check", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["last_backup"].startswith(one)
    flip(home.any_blob())
    assert run_command_line(["check"]) == 1
    assert "1 corrupt" in capsys.readouterr().out
    assert run_command_line(["backup", str(tmp_path / "two")]) == 1
    assert "Run `bitgauge check`" in capsys.readouterr().err
    assert run_command_line(["backup", str(tmp_path / "two"), "--allow-damaged", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["left_out"]) == 1
    assert run_command_line(["backup", one]) == 2
