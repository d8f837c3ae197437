"""Levels of confinement: found by name, what each lacks here, what a child may read."""

from __future__ import annotations

import sys
from pathlib import Path

import psutil
import pytest
from bitgauge.benchmarks.sandbox import base, landlock
from bitgauge.benchmarks.sandbox.base import Box, levels, runtime_trees

BOX = Box(Path("/state/agent/work"), (), (Path("/usr"),), (), (Path("/state"),))


def test_levels_are_found_by_file_name_strongest_first() -> None:
    assert list(levels()) == ["bwrap", "userns", "rlimits"]


def test_trees_hold_the_interpreter_and_our_code_and_no_home() -> None:
    trees = runtime_trees(())

    def covered(path: Path) -> bool:
        return any(path.resolve().is_relative_to(tree) for tree in trees)

    assert covered(Path(sys.executable))
    assert covered(Path(base.__file__))
    assert covered(Path(psutil.__file__))
    assert not covered(Path.home())
    assert not covered(Path("/etc/passwd"))
    assert not any(one != other and other in one.parents for one in trees for other in trees)


def test_bwrap_hides_the_state_folder_when_a_tree_holds_it(tmp_path: Path) -> None:
    state = tmp_path / "venv" / "state"
    state.mkdir(parents=True)
    box = Box(state / "work", (), (tmp_path / "venv",), (), (state,))
    words = list(levels()["bwrap"].wrap(box, ("true",)))
    at = words.index(str(state))
    assert words[at - 1] == "--tmpfs"
    assert words.index(str(tmp_path / "venv")) < at < words.index(str(state / "work"))
    assert "lies inside" in (levels()["userns"].missing(box) or "")


def test_bubblewrap_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert "not installed" in (levels()["bwrap"].missing(BOX) or "")


def test_a_kernel_without_landlock_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landlock, "version", lambda: 0)
    assert "no Landlock" in (levels()["userns"].missing(BOX) or "")
