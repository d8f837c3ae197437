"""onnxruntime's own providers for cards of NVIDIA, on libraries that stand in for CUDA's.

The published wheel lies in a folder of its own, because it and onnxruntime are one package by two
names; whatever needs it is done in a process that finds it first.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.labs.cuda import library

ROOT = Path(__file__).parents[3]
WHEEL = ROOT / ".cache/cuda"
CARD = "GPU-00000000-0000-0000-0000-000000000000"
_PROGRAM = (
    "import importlib, json, sys; name, given = sys.argv[1:]\n"
    "module = importlib.import_module('tests.further.cuda.calls')\n"
    "found = getattr(module, name)(*json.loads(given))\n"
    "print('\\n' + json.dumps(found))\n"
)


class StandIn:
    """The wheel, and the libraries that it finds."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def call(self, function: Callable[..., Any], *given: Any, **variables: str) -> Any:
        """What a function of `calls` returns in a process that is a card's."""
        environment = os.environ | {
            "LD_LIBRARY_PATH": str(self.folder),
            "PYTHONPATH": f"{WHEEL}:{ROOT}",
            "CUDA_VISIBLE_DEVICES": CARD,
            **variables,
        }
        done = subprocess.run(
            [sys.executable, "-c", _PROGRAM, function.__name__, json.dumps(given)],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="session")
def card(tmp_path_factory: pytest.TempPathFactory) -> StandIn:
    """The wheel on libraries that stand in for CUDA's."""
    if not (WHEEL / "installed").exists():
        pytest.skip("NOT RUN: make .cache/cuda/installed could not fetch onnxruntime-gpu")
    if missing := library.missing_tools():
        pytest.skip(f"NOT RUN: {' and '.join(missing)} are not here")
    folder = tmp_path_factory.mktemp("cuda")
    library.stand_ins(sorted(WHEEL.glob("onnxruntime/capi/*_providers_[ct]*.so")), folder)
    return StandIn(folder)
