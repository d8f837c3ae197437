"""`.ci/run` in a small tree whose targets only say what they are."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from .stamps import LONG, MOST_A_RUN
from .tree import ROOT

BOARDS = ("test-arm", "test-android")
TARGETS = ("demo", "test", "test-runtimes", *BOARDS, "bad-days", "resolve", *LONG)
RUN = TARGETS[: len(TARGETS) - len(LONG) + MOST_A_RUN]
NO_GPU = "NOT RUN: GPU tests: missing hardware, no NVIDIA GPU"


class Tree:
    """A repository with `.ci/run`, a Makefile of stubs, and no way to install packages."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "tree"
        self.recipes = dict.fromkeys(TARGETS, "@echo green")
        for name in (".ci/run", "tests/house/stamps.py"):
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, self.folder / name)
        (self.folder / ".ci/stamps.json").write_text("{}\n")
        (self.folder / "agents").mkdir()
        (self.folder / "agents/spec.py").write_text("one room\n")
        self.bin = folder / "bin"
        self.bin.mkdir()
        (self.bin / "apt-get").write_text("#!/bin/sh\n")
        (self.bin / "apt-get").chmod(0o755)

    def run(self, **variables: str) -> tuple[int, str]:
        """Exit status and output of CI on what is there now."""
        rules = (f"{target}:\n\t{recipe}\n" for target, recipe in self.recipes.items())
        (self.folder / "Makefile").write_text("".join(rules))
        git = ["git", "-c", "user.name=x", "-c", "user.email=x@y", "-c", "commit.gpgsign=false"]
        for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "x", "--allow-empty"]):
            subprocess.run([*git, *words], cwd=self.folder, check=True)
        kept = {k: v for k, v in os.environ.items() if k not in ("CI", "MAKEFLAGS", "MAKELEVEL")}
        done = subprocess.run(
            [self.folder / ".ci/run"],
            cwd=self.folder,
            env={**kept, "PATH": f"{self.bin}:{os.environ['PATH']}", **variables},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def test_all_green_is_green_and_says_what_did_not_run(tree: Tree) -> None:
    code, said = tree.run(CI="true")
    assert code == 0, said
    assert said.splitlines()[-1] == "CI: all green"
    assert said.count("green\n") == len(RUN) + 1
    if shutil.which("nvidia-smi") is None:
        assert NO_GPU in said.partition("What did not run:")[2]


def test_one_red_target_is_red_and_the_others_run_all_the_same(tree: Tree) -> None:
    tree.recipes["demo"] = "@false"
    code, said = tree.run()
    assert code == 1
    assert "make demo: FAILED" in said
    assert said.count("green\n") == len(RUN) - 1


def test_what_did_not_run_fails_where_ci_is_true_unless_hardware_is_missing(tree: Tree) -> None:
    tree.recipes["test"] = "@echo 'SKIPPED [1] a.py: NOT RUN: missing hardware, no board'"
    assert tree.run(CI="true")[0] == 0
    tree.recipes["bad-days"] = "@echo 'SKIPPED [1] b.py: NOT RUN: no network namespaces'"
    code, said = tree.run(CI="true")
    assert code == 1
    assert "NOT RUN: no network namespaces" in said.partition("What did not run:")[2]
    assert tree.run()[0] == 0


def test_a_long_target_runs_when_its_rooms_changed(tree: Tree) -> None:
    command = "@python3 tests/house/stamps.py run --stamps $(STAMPS) $@ echo long"
    tree.recipes.update(dict.fromkeys(LONG, command))
    runs = [tree.run()[1] for _ in range(-(-len(LONG) // MOST_A_RUN))]
    ran = [said.count("long\n") for said in runs]
    assert sum(ran) == len(LONG)
    assert set(ran[:-1]) == {MOST_A_RUN}
    assert "New stamps are in .ci/stamps.json: commit them." in runs[0]
    assert set(json.loads((tree.folder / ".ci/stamps.json").read_text())) == set(LONG)
    again = tree.run()[1]
    assert "long\n" not in again
    assert "fresh long-protocol" in again
    assert "New stamps" not in again
    (tree.folder / "tests/protocol").mkdir()
    (tree.folder / "tests/protocol/more.py").write_text("changed\n")
    changed = tree.run()[1]
    assert changed.count("long\n") == 1
    assert "run long-protocol" in changed
