"""What the published bindings have is what `constructed/names.json` says, name by name.

TensorRT's libraries are not on the package index. Its bindings are, and import on three libraries
of a few lines that are compiled here.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.agents.runtimes.tensorrt import names, test_names

ROOT = Path(__file__).parents[3]
BINDINGS = ROOT / ".cache/tensorrt"
STUB = Path(__file__).with_name("stub.c")
LIBRARIES = ("nvinfer", "nvinfer_plugin", "nvonnxparser")
RTX = "tensorrt-rtx-cu13-bindings"
PINNED = [
    line.replace("==", " ")
    for line in Path(__file__).with_name("bindings.txt").read_text().splitlines()
    if "==" in line
]


def stubs(folder: Path, major: str) -> None:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("NOT RUN: no C compiler is here")
    for name in LIBRARIES:
        library = folder / f"lib{name}.so.{major}"
        soname = f"-Wl,-soname,{library.name}"
        command = [compiler, "-shared", "-fPIC", soname, str(STUB), "-o", str(library)]
        subprocess.run(command, check=True)


def asked(module: str, **variables: str) -> Any:
    """What an installed module has, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", names.__name__, module],
        env={**os.environ, **variables},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("version", PINNED)
def test_the_committed_names_are_those_of_the_published_bindings(
    version: str, tmp_path: Path
) -> None:
    place = BINDINGS / version.replace(" ", "==")
    if not place.is_dir():
        pytest.skip(f"NOT RUN: {version} could not be fetched")
    stubs(tmp_path, version.rpartition(" ")[2].partition(".")[0])
    path = os.pathsep.join((str(place), os.environ.get("PYTHONPATH", "")))
    found = asked("tensorrt_bindings", LD_LIBRARY_PATH=str(tmp_path), PYTHONPATH=path)
    assert found == test_names.HELD[version]


def test_so_are_those_of_tensorrt_for_rtx() -> None:
    module = pytest.importorskip(
        "tensorrt_rtx_bindings", reason="NOT RUN: pip install 'bitgauge[tensorrt-rtx]'"
    )
    version = f"{RTX} {module.__version__}"
    found = asked("tensorrt_rtx_bindings")
    assert names.problems(test_names.of_flavour(version), found) == []
    if version in test_names.HELD:
        assert found == test_names.HELD[version]


def test_every_committed_version_is_asked() -> None:
    assert {one for one in test_names.HELD if not one.startswith(RTX)} == set(PINNED)
