"""A backup or restore that is interrupted, and a migration, lose nothing."""

import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from bitgauge.benchmarks.vocabulary.errors import Code
from bitgauge.coordinator.store import last_backup
from bitgauge.coordinator.store.sql import connection
from bitgauge.coordinator.store.sql.steps import NEWEST, STEPS
from bitgauge.coordinator.store.store import Store
from bitgauge.coordinator.store.upkeep import backup, restore
from bitgauge.coordinator.store.upkeep.backup import make, verify
from bitgauge.coordinator.store.upkeep.check import check_state
from bitgauge.coordinator.store.upkeep.invariants import examine

from tests.labs.refused import refused
from tests.labs.rooms.home import Home, everything, tear


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
    with backup._workplace(tmp_path / "one"), refused(Code.BAD_ARGUMENT, "Another process"):
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
