"""Cards that are not there: the real `pynvml` on a small library of ours, in a process of its own.

Nothing of it may be loaded by the process of the tests, where it would stay.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SOURCE = Path(__file__).with_name("fake_nvml.c")
ROOT = Path(__file__).parents[3]
_PROGRAM = (
    "import importlib, json, sys; module, name, given = sys.argv[1:]\n"
    "found = getattr(importlib.import_module(module), name)(**json.loads(given))\n"
    "print(json.dumps(found))\n"
)


class Cards:
    """The library, built in a folder, and the state that its cards are in."""

    def __init__(self, folder: Path) -> None:
        pytest.importorskip("pynvml", reason="NOT RUN: pip install 'bitgauge[nvidia]'")
        compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("g++")
        if compiler is None:
            pytest.skip("NOT RUN: no C compiler is here")
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        library = folder / "libnvidia-ml.so.1"
        named = f"-Wl,-soname,{library.name}"
        command = [compiler, "-shared", "-fPIC", named, "-x", "c", str(SOURCE), "-o", str(library)]
        subprocess.run([*command, "-ldl"], check=True)
        self.say({})

    def say(self, state: dict[str, object]) -> None:
        """The state from now on; what is not in it is as at first."""
        fresh = self.folder / "state.new"
        fresh.write_text("".join(f"{name} {value}\n" for name, value in state.items()))
        fresh.replace(self.folder / "state")

    @property
    def environment(self) -> dict[str, str]:
        """Of a process that finds the library."""
        return os.environ | {"LD_LIBRARY_PATH": str(self.folder), "PYTHONPATH": str(ROOT)}

    def call(self, function: Callable[..., Any], **given: Any) -> Any:
        """What a function of a test's module returns in a process with these cards, by JSON."""
        told = [function.__module__, function.__name__, json.dumps(given)]
        done = subprocess.run(
            [sys.executable, "-c", _PROGRAM, *told],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)
