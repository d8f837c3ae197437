"""A file by its content."""

from __future__ import annotations

from pathlib import Path

from bitgauge.benchmarks.common import digests

from tests.labs.agent import digest_of
from tests.labs.trees import put


def test_a_file_has_the_digest_of_its_bytes(tmp_path: Path) -> None:
    put(tmp_path, "f", "bytes")
    assert digests.digest_of(tmp_path / "f") == digest_of(b"bytes")
