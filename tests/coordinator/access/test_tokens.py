"""Tokens: made once, read by their owner only, compared without telling."""

from __future__ import annotations

import stat
import threading
from pathlib import Path

import pytest
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code
from bitgauge.coordinator.access.tokens import (
    Party,
    ensure_local_tokens,
    ensure_token,
    hashed,
    new_token,
)


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


def test_this_machine_has_a_token_for_its_agent_and_one_for_its_owner(tmp_path: Path) -> None:
    folder = tmp_path / "tokens"
    tokens = ensure_local_tokens(folder)
    assert set(tokens.values()) == {Party.AGENT, Party.ADMIN}
    assert sorted(path.name for path in folder.iterdir()) == ["agent", "user"]
    assert mode(folder) == 0o700


def test_a_hash_takes_whatever_is_presented() -> None:
    assert len({hashed(text) for text in ("", "a", "A", "\u00e9", "\udcff", new_token())}) == 6
