"""Python on a processor with AVX2 and without VNNI: QEMU executes the very machine code."""

from __future__ import annotations

import platform
import shutil
import site
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4]


def run(statements: str, processor: str = "Haswell") -> str:
    """What `statements` print there; skips where that cannot be had.

    Args:
        statements: in one line.
        processor: as QEMU names it.
    """
    qemu = shutil.which("qemu-x86_64")
    if platform.machine() != "x86_64":
        pytest.skip("NOT RUN: missing hardware, the wheel of this machine has no AVX2 kernels")
    if qemu is None:
        pytest.skip("NOT RUN: qemu-x86_64 (Debian package qemu-user) is not installed")
    code = (
        f"import site, sys; [site.addsitedir(p) for p in {site.getsitepackages()!r}];"
        f" sys.path.insert(0, {str(ROOT)!r}); {statements}"
    )
    python = str(Path(sys.executable).resolve())
    done = subprocess.run(
        [qemu, "-cpu", processor, python, "-c", code],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout
