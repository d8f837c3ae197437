"""What was built on a device is found under its very artifact, options and stack, and no other."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from bitgauge.agents.storage.built import BuiltPrograms
from bitgauge.benchmarks.vocabulary.values.devices import StackItem
from bitgauge.benchmarks.vocabulary.values.digests import Digest

ONE, OTHER = Digest("1" * 64, 1), Digest("2" * 64, 1)
QNN = (StackItem("provider", "qnn"),)
HALF = (*QNN, StackItem("provider.precision", "fp16"))


def made(folder: Path, data: bytes) -> Path:
    path = folder / "left over"
    path.write_bytes(data)
    return path


def test_it_is_found_until_the_stack_changes(tmp_path: Path) -> None:
    built = BuiltPrograms(tmp_path / "built")
    assert built.find(ONE, "stack", QNN) is None
    built.keep(made(tmp_path, b"program"), ONE, "stack", QNN)
    found = built.find(ONE, "stack", QNN)
    assert found is not None
    assert found.read_bytes() == b"program"
    with pytest.raises(FileNotFoundError):  # a launch that ran what was there
        built.keep(tmp_path / "left over", ONE, "stack", QNN)
    assert built.find(ONE, "stack", QNN) == found
    for others in ((OTHER, "stack", QNN), (ONE, "driver", QNN), (ONE, "stack", HALF)):
        assert built.find(*others) is None
    built.keep(made(tmp_path, b"half"), ONE, "stack", HALF)
    assert built.find(ONE, "stack", QNN) == found
    built.keep(made(tmp_path, b"newer"), OTHER, "driver", QNN)
    assert built.find(ONE, "stack", QNN) is None


def test_what_was_changed_since_is_not_used(tmp_path: Path) -> None:
    built = BuiltPrograms(tmp_path / "built")
    built.keep(made(tmp_path, b"program"), ONE, "stack", QNN)
    found = built.find(ONE, "stack", QNN)
    assert found is not None
    found.write_bytes(b"another")
    assert built.find(ONE, "stack", QNN) is None
    assert not found.exists()


def test_what_was_not_used_for_longest_makes_room(tmp_path: Path) -> None:
    built = BuiltPrograms(tmp_path / "built", limit_bytes=10)
    for at, artifact in enumerate((ONE, OTHER)):
        built.keep(made(tmp_path, b"12345678"), artifact, "stack", QNN)
        if (found := built.find(artifact, "stack", QNN)) is not None and at == 0:
            os.utime(found, (1, 1))
    assert built.find(ONE, "stack", QNN) is None
    assert built.find(OTHER, "stack", QNN) is not None


def test_a_link_of_a_child_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"somebody else's")
    (tmp_path / "left over").symlink_to(tmp_path / "secret")
    built = BuiltPrograms(tmp_path / "built")
    with pytest.raises(OSError, match=r"."):
        built.keep(tmp_path / "left over", ONE, "stack", QNN)
    assert built.find(ONE, "stack", QNN) is None
