"""What was built on a device is found under its very artifact, options and stack, and no other."""

from __future__ import annotations

import hashlib
import os
import stat
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


def test_a_program_that_the_agent_did_not_keep_is_never_found(tmp_path: Path) -> None:
    """Not one under the name of its own digest, nor one from another place or another agent."""
    built, other = BuiltPrograms(tmp_path / "one/built"), BuiltPrograms(tmp_path / "other/built")
    for one in (built, other):
        one.keep(made(tmp_path, b"program"), ONE, "stack", QNN)
        one.keep(made(tmp_path, b"program"), ONE, "stack", HALF)
    kept, half = built.find(ONE, "stack", QNN), built.find(ONE, "stack", HALF)
    theirs = other.find(ONE, "stack", QNN)
    assert kept is not None
    assert half is not None
    assert theirs is not None
    digest = hashlib.sha256(b"program").hexdigest()
    assert len({digest, kept.name, half.name, theirs.name}) == 4
    for planted in (digest, half.name, theirs.name):
        kept.rename(kept.with_name(planted))
        assert built.find(ONE, "stack", QNN) is None
        built.keep(made(tmp_path, b"program"), ONE, "stack", QNN)


def test_the_key_is_its_owners_alone_and_a_lost_one_finds_nothing(tmp_path: Path) -> None:
    built = BuiltPrograms(tmp_path / "built")
    built.keep(made(tmp_path, b"program"), ONE, "stack", QNN)
    key = tmp_path / "built.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert BuiltPrograms(tmp_path / "built").find(ONE, "stack", QNN) is not None
    key.write_bytes(b"short")
    assert built.find(ONE, "stack", QNN) is None
    assert len(key.read_bytes()) == 32
