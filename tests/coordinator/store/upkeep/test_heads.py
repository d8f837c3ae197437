"""An audit whose end was cut off: log and backups know the head that it had."""

import sqlite3
from pathlib import Path

import pytest
from bitgauge.benchmarks.vocabulary.enums import Role
from bitgauge.coordinator.lab.audit_log import AuditLog
from bitgauge.coordinator.store.audit.entries import RESTORE, record
from bitgauge.coordinator.store.store import Store
from bitgauge.coordinator.store.upkeep.backup import make
from bitgauge.coordinator.store.upkeep.check import check_state
from bitgauge.coordinator.store.upkeep.heads import told
from bitgauge.coordinator.store.values import TokenRecord
from bitgauge.coordinator.store.writer import Writer


@pytest.fixture
def home(tmp_path: Path) -> Path:
    made = tmp_path / "home"
    (made / "logs").mkdir(parents=True)
    store = Store.open(made / "store.db")
    for number in range(4):
        token = TokenRecord(f"t{number}", Role.READ, bytes([number]) * 32)
        store.create_token(token, 1000 + number, "ann")
    store.close()
    return made


def cut(home: Path, after: int) -> None:
    """What somebody does who can write the file."""
    connection = sqlite3.connect(home / "store.db", isolation_level=None)
    connection.execute("DROP TRIGGER audit_is_not_deleted")
    connection.execute("DELETE FROM audit WHERE position > ?", (after,))
    connection.close()


async def logged(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Have the head told to the log, as a coordinator does."""
    writer = Writer()
    await writer.open(lambda: Store.open(home / "store.db"))
    log = AuditLog(writer)
    with caplog.at_level("INFO"):
        await log.tell()
        await log.tell()
    await writer.close()
    lines = [one for one in caplog.messages if one.startswith("audit head")]
    assert len(lines) == 1
    (home / "logs" / "coordinator.log").write_text(
        f"2026-11-30 12:00:00,000 INFO 7 bitgauge.coordinator.lab.audit_log: {lines[0]}\n"
    )


def test_a_whole_audit_is_sound(home: Path) -> None:
    found = check_state(home)
    assert found.sound
    assert (found.audit.entries, found.audit.breaks) == (4, None)


async def test_a_cut_end_is_known_by_the_log(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    await logged(home, caplog)
    assert check_state(home).sound
    cut(home, 2)
    found = check_state(home)
    assert not found.sound
    assert found.audit.breaks == (
        "entry 4 of the audit, which logs/coordinator.log names, is missing"
    )


def test_a_cut_end_is_known_by_the_last_backup(home: Path) -> None:
    make(home, home.parent / "b1")
    cut(home, 3)
    found = check_state(home).audit
    assert found.breaks == "entry 4 of the audit, which the backup b1 names, is missing"


def test_an_end_that_was_written_anew_is_another_one(home: Path) -> None:
    make(home, home.parent / "b1")
    cut(home, 3)
    store = Store.open(home / "store.db")
    store.create_token(TokenRecord("other", Role.READ, b"o" * 32), 2000, "eve")
    store.close()
    found = check_state(home).audit
    assert found.breaks == "entry 4 of the audit is not the one that the backup b1 names"


def test_what_was_told_before_a_restore_is_no_measure(home: Path) -> None:
    make(home, home.parent / "b1")
    cut(home, 2)
    store = Store.open(home / "store.db")
    with store.writing("a test") as db:
        record(db, "host:root", RESTORE, "b0", now_ns=5000)
    store.close()
    assert len(told(home)) == 1
    assert check_state(home).audit.breaks is None
