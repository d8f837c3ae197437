"""Long targets: which are due, and that only a whole green run leaves a stamp."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from . import stamps
from .stamps import LONG, Stamp, digest_of, due
from .tree import ROOT, parsed

MAKEFILE = (ROOT / "Makefile").read_text()


def test_the_targets_are_those_of_the_makefile() -> None:
    made = set(re.findall(r"^(long-[\w-]+):", MAKEFILE, re.MULTILINE))
    (every,) = re.findall(r"^long: (.*)$", MAKEFILE, re.MULTILINE)
    assert set(LONG) == made == set(every.split())


def test_each_tests_files_that_there_are() -> None:
    assert not [path for paths in LONG.values() for path in paths if not (ROOT / path).exists()]


ENTRIES = {
    "long-protocol": "tests/protocol/*.py",
    "long-campaigns": "tests/bad_days/campaigns/*.py",
    "long-experiments": "tests/bench/test_experiments.py",
    "long-architectures": "tests/labs/graphs/architectures.py",
    "long-models": "tests/real_models/*.py",
    "long-builders": "tests/builder_environments/*.py",
    "long-openvino": "tests/further/openvino/*.py",
    "long-executorch": "tests/further/executorch/*.py",
    "long-qnn": "tests/further/qnn/*.py",
    "long-cuda": "tests/further/cuda/*.py",
}


def test_what_its_tests_import_is_among_them() -> None:
    """Fixtures aside, and what every value needs."""
    for target, pattern in ENTRIES.items():
        used = {
            name
            for path in ROOT.glob(pattern)
            if not path.name.startswith("test_") or target != "long-protocol"
            for node in ast.walk(parsed(path))
            if isinstance(node, ast.ImportFrom)
            for name in re.findall(r"^bitgauge\.(.+)", node.module or "")
        }
        rooms = tuple(path.removesuffix(".py").replace("/", ".") for path in LONG[target])
        assert not {name for name in used if not name.startswith(rooms)}, target
        assert len(used) > 1


def test_a_digest_tells_names_and_contents_apart() -> None:
    first = digest_of({"a": b"1", "b": b"2"})
    assert first == digest_of({"b": b"2", "a": b"1"})
    others = ({"a": b"2", "b": b"1"}, {"a": b"1"}, {"a": b"1", "c": b"2"}, {"a": b"1b", "": b"2"})
    assert first not in {digest_of(one) for one in others}


def test_what_changed_is_due_and_the_longest_ago_comes_first() -> None:
    kept = {name: Stamp("old", day) for name, day in (("a", "2026-02-01"), ("b", "2026-01-01"))}
    now = {"a": "new", "b": "new", "c": "new", "d": "same"}
    kept["d"] = Stamp("same", "2020-01-01")
    assert due(now, kept) == {"a": "later", "b": "run", "c": "run", "d": "fresh"}
    assert due(now, kept, most=3)["a"] == "run"
    assert set(due({name: one.digest for name, one in kept.items()}, kept).values()) == {"fresh"}


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small tree with one long target."""
    (tmp_path / "room").mkdir()
    (tmp_path / "room/one.py").write_text("1")
    (tmp_path / "other.py").write_text("2")
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    monkeypatch.setattr(stamps, "LONG", {"long-one": ("room",)})
    return tmp_path


def ran(tree: Path, program: str) -> tuple[int, bool]:
    """Exit status of a target that runs `program`, and whether it is fresh then."""
    path = tree / "stamps.json"
    command = [sys.executable, "-c", program]
    code = stamps.run("long-one", command, path=path, root=tree)
    now = {"long-one": stamps.digest_now("long-one", tree)}
    return code, due(now, stamps.read(path))["long-one"] == "fresh"


def test_a_green_run_leaves_a_stamp_until_its_room_changes(tree: Path) -> None:
    assert ran(tree, "pass") == (0, True)
    (tree / "other.py").write_text("3")
    assert ran(tree, "raise SystemExit(1)") == (1, True)
    (tree / "room/two.py").write_text("a new file counts before it is added")
    assert ran(tree, "raise SystemExit(1)") == (1, False)


@pytest.mark.parametrize(
    ("program", "code"),
    [
        ("raise SystemExit(5)", 5),
        ("print('SKIPPED [1]: NOT RUN: no qemu')", 0),
        ("open('room/one.py', 'w').write('changed meanwhile')", 0),
    ],
)
def test_anything_less_leaves_none(tree: Path, program: str, code: int) -> None:
    assert ran(tree, program) == (code, False)
    assert stamps.read(tree / "stamps.json") == {}
