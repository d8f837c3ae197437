"""A token's file: one short line, whatever else somebody names by mistake or on purpose."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from bitgauge.agents.config import read_token
from bitgauge.benchmarks.common.token_file import MAX_TOKEN_FILE_BYTES, token_in
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code
from bitgauge.coordinator.client.client import Client
from bitgauge.coordinator.client.endpoint import Endpoint


def client(token_file: Path) -> Client:
    return Client(Endpoint("127.0.0.1:1", None, token_file))


def test_a_token_is_read_without_its_end_of_line(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("0123@4567\n")
    assert token_in(path) == read_token(path) == "0123@4567"


def test_a_pipe_may_hold_one(tmp_path: Path) -> None:
    out, into = os.pipe()
    os.write(into, b"secret\n")
    os.close(into)
    try:
        assert token_in(Path(f"/dev/fd/{out}")) == "secret"
    finally:
        os.close(out)


def test_what_has_no_end_or_more_than_a_line_is_none(tmp_path: Path) -> None:
    named = [Path("/dev/zero"), tmp_path / "lines", tmp_path / "hidden", tmp_path / "long"]
    for path, text in zip(
        named[1:], ("one\ntwo", "a\x1b[31m", "x" * (MAX_TOKEN_FILE_BYTES + 1)), strict=True
    ):
        path.write_text(text)
    for path in named:
        for reader in (
            token_in,
            read_token,
            lambda one: Client(Endpoint("127.0.0.1:1", None, one)),
        ):
            with pytest.raises(BadInput) as caught:
                reader(path)
            assert caught.value.code is Code.UNAUTHENTICATED
            assert "holds no token" in caught.value.sentence
