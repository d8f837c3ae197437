"""A restore revives nobody: what ended after the backup stays ended."""

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from bitgauge.benchmarks.vocabulary.enums import Role
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code
from bitgauge.coordinator.access.access import Access, Caller, Transport
from bitgauge.coordinator.access.tokens import Party, ensure_local_tokens, hashed
from bitgauge.coordinator.store.store import Store
from bitgauge.coordinator.store.upkeep import carried
from bitgauge.coordinator.store.upkeep.backup import make
from bitgauge.coordinator.store.upkeep.check import check_state
from bitgauge.coordinator.store.upkeep.restore import Restored, restore
from bitgauge.coordinator.store.values import CertificateRecord, TokenRecord

from tests.labs.refused import refused

KEY, FAR = b"k" * 32, 2**62
LINE, SPENT = b"l" * 32, b"s" * 32
BOARD = "00000000-0000-4000-8000-000000000001"
BOARDS = Caller(Party.AGENT, "board", BOARD)


def person(name: str, role: Role = Role.SUBMIT) -> TokenRecord:
    return TokenRecord(name, role, hashed(f"secret of {name}"))


def certificate(serial: str) -> CertificateRecord:
    return CertificateRecord(serial, BOARD, "board", KEY, FAR)


def board_token(secret: str) -> TokenRecord:
    return TokenRecord("board", Role.AGENT, hashed(secret), 0, BOARD)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A state folder with people, a device and open lines; its backup is `b` beside it."""
    made = tmp_path / "home"
    made.mkdir()
    ensure_local_tokens(made / "tokens")
    with using(made) as store:
        for name in ("ann", "bob"):
            store.create_token(person(name), 1)
        store.create_join_token(LINE, FAR, 1)
        store.create_join_token(SPENT, FAR, 1)
        store.join(LINE, certificate("a1"), board_token("before"), 2)
    make(made, tmp_path / "b")
    return made


@contextlib.contextmanager
def using(home: Path) -> Iterator[Store]:
    """The store of a state folder, for a moment."""
    store = Store.open(home / "store.db")
    try:
        yield store
    finally:
        store.close()


def put_back(home: Path) -> Restored:
    return restore(home.parent / "b", home, replace=True)


@pytest.fixture
def judge(home: Path) -> Callable[[], Access]:
    """Who is let in now, as a coordinator that starts would judge."""

    def made() -> Access:
        access = Access(ensure_local_tokens(home / "tokens"), lambda: 10)
        with using(home) as store:
            access.load(store.access())
        return access

    return made


def says(access: Access, secret: str) -> str:
    """Why a token is refused; its name when it is not."""
    try:
        return access.admit("/bitgauge.v1.Jobs/ListJobs", secret).name
    except BitgaugeError as error:
        return error.sentence


def test_a_revoked_token_stays_revoked(home: Path, judge: Callable[[], Access]) -> None:
    with using(home) as store:
        store.revoke_token("ann", 5)
    told = put_back(home).carried
    assert (told.tokens, told.unknown, told.noted) == (1, None, True)
    assert says(judge(), "secret of ann") == "The token 'ann' has been revoked."
    assert says(judge(), "secret of bob") == "bob"
    assert "stays ended: 1 tokens" in carried.words(told)[0]


def test_a_token_issued_after_the_backup_is_unknown(
    home: Path, judge: Callable[[], Access]
) -> None:
    with using(home) as store:
        store.create_token(person("carl"), 5)
    put_back(home)
    assert "what was issued after it was made ended" in says(judge(), "secret of carl")


def test_the_owner_is_let_in_after_a_restore(home: Path, judge: Callable[[], Access]) -> None:
    before = (home / "tokens" / "user").read_text()
    put_back(home)
    assert (home / "tokens" / "user").read_text() == before
    assert judge().admit("/bitgauge.v1.Admin/CreateToken", before).party is Party.ADMIN


def test_a_revoked_device_stays_revoked(home: Path, judge: Callable[[], Access]) -> None:
    with using(home) as store:
        store.revoke_agent(BOARD, 5)
    assert put_back(home).carried.certificates == 1
    with pytest.raises(BitgaugeError, match="has been revoked"):
        judge().check_transport(BOARDS, Transport(True, BOARD, "a1", FAR))
    with using(home) as store, refused(Code.JOIN_REFUSED):
        store.join(LINE, certificate("a2"), board_token("again"), 6)


def test_a_certificate_issued_after_the_backup_is_unknown(
    home: Path, judge: Callable[[], Access]
) -> None:
    with using(home) as store:
        store.renewed(certificate("a2"), 5)
    put_back(home)
    judge().check_transport(BOARDS, Transport(True, BOARD, "a1", FAR))
    with pytest.raises(BitgaugeError, match="not known here: a backup was put back"):
        judge().check_transport(BOARDS, Transport(True, BOARD, "a2", FAR))


def test_a_spent_line_stays_spent(home: Path) -> None:
    other = CertificateRecord("c1", BOARD.replace("1", "2"), "other", b"o" * 32, FAR)
    token = TokenRecord("other", Role.AGENT, b"t" * 32, 0, other.device_id)
    with using(home) as store:
        store.join(SPENT, other, token, 5)
    assert put_back(home).carried.join_lines == 1
    thief = CertificateRecord("c2", BOARD.replace("1", "3"), "thief", b"x" * 32, FAR)
    with using(home) as store, pytest.raises(BitgaugeError, match="has been used"):
        store.join(SPENT, thief, TokenRecord("t", Role.AGENT, b"u" * 32, 0, thief.device_id), 6)


@pytest.mark.parametrize("how", ["gone", "no database", "torn"])
def test_what_cannot_be_known_is_said_and_lines_end(home: Path, how: str) -> None:
    with using(home) as store:
        store.revoke_token("ann", 5)
    database = home / "store.db"
    if how == "gone":
        database.unlink()
    elif how == "no database":
        database.write_bytes(b"x" * 5000)
    else:
        data = database.read_bytes()
        database.write_bytes(data[:4096] + bytes(len(data) - 4096))
    told = put_back(home).carried
    assert told.unknown is not None
    assert told.tokens_in_doubt == ("ann", "bob")
    assert told.devices_in_doubt == ("board",)
    assert told.join_lines == 1
    said = " ".join(carried.words(told))
    assert "cannot be known" in said
    assert "`bitgauge token revoke NAME`: ann, bob." in said
    thief = CertificateRecord("c2", BOARD.replace("1", "3"), "thief", b"x" * 32, FAR)
    with using(home) as store, pytest.raises(BitgaugeError, match="has expired"):
        store.join(SPENT, thief, TokenRecord("t", Role.AGENT, b"u" * 32, 0, thief.device_id), 2**61)


def test_a_restore_is_in_the_audit(home: Path) -> None:
    put_back(home)
    with using(home) as store:
        (newest,) = store.audit(limit=1)
    assert (newest.what, newest.object) == ("store.restore", str(home.parent / "b"))
    assert newest.who.startswith("host:")
    assert check_state(home).sound


def test_an_older_backup_without_an_audit_is_put_back_too(home: Path, tmp_path: Path) -> None:
    schema = Path(__file__).parents[1] / "sql" / "constructed" / "schema-12.sql"
    old = tmp_path / "old.db"
    connection = sqlite3.connect(old)
    connection.executescript(schema.read_text())
    connection.execute("UPDATE tokens SET revoked_unix_ns = NULL, device_id = NULL")
    (sha256,) = connection.execute("SELECT sha256 FROM tokens").fetchone()
    connection.commit()
    connection.close()
    with using(home) as store:
        store.create_token(TokenRecord("old", Role.READ, sha256), 4)
        store.revoke_token("old", 5)
    told = restore(old, home, replace=True).carried
    assert (told.tokens, told.noted) == (1, False)
    with using(home) as store:
        assert [one.revoked for one in store.access().tokens if one.sha256 == sha256] == [True]
