"""The database on bad days: damage, a full disk, another writer, a killed coordinator."""

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import msgspec
import pytest
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.coordinator.store.sql.connection import check, connect, connect_readonly, prepare
from bitgauge.coordinator.store.sql.database import translated
from bitgauge.coordinator.store.store import Store
from bitgauge.coordinator.store.values import LeaseTerms

from tests.labs.refused import refused

BLOB = Digest("0" * 64, 1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


def missing(path: Path) -> tuple[Digest, ...]:
    reader = Store.open_readonly(path)
    try:
        return reader.missing_blobs((BLOB,))
    finally:
        reader.close()


def test_the_pragmas_hold(path: Path) -> None:
    connection = connect(path)
    prepare(connection)
    found = {
        name: connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
    }
    connection.close()
    assert found == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "busy_timeout": 5000,
    }


def test_readers_see_what_is_committed_while_it_is_written(path: Path) -> None:
    store = Store.open(path)
    reader = Store.open_readonly(path)
    assert reader.missing_blobs((BLOB,)) == (BLOB,)
    store.record_blob(BLOB, 1)
    assert reader.missing_blobs((BLOB,)) == ()
    assert reader.devices(0, LeaseTerms()) == ()
    store.close()
    reader.close()
    assert missing(path) == ()


def test_what_a_killed_coordinator_committed_is_there(path: Path) -> None:
    code = f"""
import os, signal
from bitgauge.benchmarks.vocabulary.values.jobs import Digest
from bitgauge.coordinator.store.store import Store
store = Store.open({str(path)!r})
store.record_blob(Digest({BLOB.sha256!r}, 1), 1)
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", code], check=False)
    assert done.returncode == -signal.SIGKILL
    assert missing(path) == ()
    store = Store.open(path)
    assert store.missing_blobs((BLOB,)) == ()
    store.close()


@contextlib.contextmanager
def unwritable(folder: Path) -> Iterator[None]:
    """Let the folder be read and not written, also by us when we are root."""
    for file in folder.iterdir():
        file.chmod(0o444)
    folder.chmod(0o555)
    if os.getuid() == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        if os.getuid() == 0:
            os.seteuid(0)
        folder.chmod(0o755)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that other users can reach, unlike those of pytest."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def test_a_stopped_database_in_a_folder_that_can_not_be_written(open_folder: Path) -> None:
    store = Store.open(open_folder / "store.db")
    store.record_blob(BLOB, 1)
    store.close()
    with unwritable(open_folder):
        assert missing(open_folder / "store.db") == ()


def test_an_unfinished_database_in_a_folder_that_can_not_be_written(
    path: Path, open_folder: Path
) -> None:
    store = Store.open(path)
    store.record_blob(BLOB, 1)
    for name in ("store.db", "store.db-wal"):
        (open_folder / name).write_bytes((path.parent / name).read_bytes())
    store.close()
    with unwritable(open_folder), refused(Code.STORE_IO):
        missing(open_folder / "store.db")


def test_no_database_has_a_sentence(path: Path) -> None:
    with refused(Code.STORE_MISSING):
        Store.open_readonly(path)
    with refused(Code.STORE_IO):
        Store.open(path.parent / "nowhere" / "store.db")


@pytest.mark.parametrize("size_bytes", [10, 5000])
def test_a_file_that_is_no_database(path: Path, size_bytes: int) -> None:
    path.write_bytes(b"x" * size_bytes)
    for opening in (Store.open, Store.open_readonly):
        with refused(Code.STORE_DAMAGED):
            opening(path)


def test_damage_whose_words_are_no_text_is_damage_too() -> None:
    class Damaged:
        """What Python makes of the name of an index whose page was overwritten."""

        def execute(self, _query: str) -> object:
            raise UnicodeDecodeError("utf-8", b"\xa5", 0, 1, "invalid start byte")

    with refused(Code.STORE_DAMAGED):
        check(cast(sqlite3.Connection, Damaged()), "store.db")


def test_a_damaged_database_is_refused_at_start(path: Path) -> None:
    store = Store.open(path)
    for number in range(200):
        store.record_blob(Digest(f"{number:064x}", number), number)
    store.close()
    data = bytearray(path.read_bytes())
    page = 4096
    for start in range(page, len(data), page):
        data[start : start + 200] = b"\xff" * 200
    path.write_bytes(data)
    with refused(Code.STORE_DAMAGED):
        Store.open(path)


def test_a_value_that_can_not_be_read_has_a_sentence(path: Path) -> None:
    with refused(Code.STORE_DAMAGED), translated(str(path), "reading a job"):
        msgspec.json.decode("{}", type=list)


def test_a_full_disk_keeps_what_was_there_and_heals(path: Path) -> None:
    store = Store.open(path)
    store.record_blob(BLOB, 1)
    pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
    store._connection.execute(f"PRAGMA max_page_count = {pages}")
    others = [Digest(f"{number:064x}", number) for number in range(1, 400)]
    with refused(Code.DISK_FULL):
        for digest in others:
            store.record_blob(digest, 1)
    assert store.missing_blobs((BLOB,)) == ()
    store._connection.execute("PRAGMA max_page_count = 100000")
    store.record_blob(others[-1], 1)
    assert store.missing_blobs((others[-1],)) == ()
    store.close()


def test_another_writer_has_a_sentence(path: Path) -> None:
    store = Store.open(path)
    store._connection.execute("PRAGMA busy_timeout = 50")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with refused(Code.STORE_BUSY):
        store.record_blob(BLOB, 1)
    other.execute("ROLLBACK")
    other.close()
    store.record_blob(BLOB, 1)
    store.close()


def test_a_reader_can_not_write(path: Path) -> None:
    Store.open(path).close()
    connection = connect_readonly(path)
    with pytest.raises(sqlite3.OperationalError):
        connection.execute("DELETE FROM blobs")
    connection.close()


def test_a_store_belongs_to_one_thread(path: Path) -> None:
    store = Store.open(path)
    codes: list[Code] = []

    def use() -> None:
        try:
            store.record_blob(BLOB, 1)
        except BitgaugeError as error:
            codes.append(error.code)

    thread = threading.Thread(target=use)
    thread.start()
    thread.join()
    store.close()
    assert codes == [Code.INTERNAL]


def test_queries_import_nothing_heavy() -> None:
    code = (
        "import sys; from bitgauge.coordinator.store import questions, store;"
        "print([m for m in ('ray','grpc','numpy','sqlite_utils','scipy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
