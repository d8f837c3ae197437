"""Tokens: made once, read by their owner only, compared without telling."""

from __future__ import annotations

import stat
import threading
from pathlib import Path

import pytest
from bitgauge.benchmarks.errors import BitgaugeError, Code
from bitgauge.coordinator.tokens import Keyring, Role, ensure_role_tokens, ensure_token, new_token


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_token_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "user"
    first = ensure_token(path)
    assert ensure_token(path) == first == path.read_text()
    assert mode(path) == 0o600
    assert [child.name for child in tmp_path.iterdir()] == ["user"]


def test_a_token_file_that_others_could_read_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "user"
    first = ensure_token(path)
    path.chmod(0o644)
    assert ensure_token(path) == first
    assert mode(path) == 0o600


def test_starts_at_once_agree_on_one_token(tmp_path: Path) -> None:
    path = tmp_path / "agent"
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(ensure_token(path))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


def test_a_damaged_token_file_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "user"
    path.write_text("")
    with pytest.raises(BitgaugeError, match="damaged") as caught:
        ensure_token(path)
    assert caught.value.code is Code.START_FAILED


def test_each_role_has_its_own_token(tmp_path: Path) -> None:
    folder = tmp_path / "tokens"
    tokens = ensure_role_tokens(folder)
    assert set(tokens.values()) == {Role.AGENT, Role.USER}
    assert sorted(path.name for path in folder.iterdir()) == ["agent", "user"]
    assert mode(folder) == 0o700


def test_keyring_knows_its_tokens_and_no_others() -> None:
    agent, user = new_token(), new_token()
    keyring = Keyring({agent: Role.AGENT, user: Role.USER})
    assert keyring.role_of(agent) is Role.AGENT
    assert keyring.role_of(user) is Role.USER
    for wrong in ("", agent[:-1], agent + "0", user.upper() + "x", "é", new_token()):
        assert keyring.role_of(wrong) is None
