"""The emulator against onnxruntime's own kernels on a processor with AVX2 and without VNNI.

QEMU executes the very machine code that a Haswell would; no such machine is needed.
"""

from __future__ import annotations

import json
import platform
import shutil
import site
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.integer_lab import Case, cases

ROOT = Path(__file__).parents[2]
QEMU = shutil.which("qemu-x86_64")


@pytest.fixture(scope="module")
def haswell() -> dict[str, dict[str, int]]:
    """What `avx2_host` says there."""
    if platform.machine() != "x86_64":
        pytest.skip("NOT RUN: missing hardware, the wheel of this machine has no AVX2 kernels")
    if QEMU is None:
        pytest.skip("NOT RUN: qemu-x86_64 (Debian package qemu-user) is not installed")
    code = (
        f"import site, sys; [site.addsitedir(p) for p in {site.getsitepackages()!r}];"
        f" sys.path.insert(0, {str(ROOT)!r});"
        " from tests.faults.avx2_host import main; main()"
    )
    python = str(Path(sys.executable).resolve())
    done = subprocess.run(
        [QEMU, "-cpu", "Haswell", python, "-c", code],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, dict[str, int]] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_the_emulator_is_bit_exact(haswell: dict[str, dict[str, int]], case: Case) -> None:
    counts = haswell[case.name]
    assert counts["unlike_emulator"] == 0
    assert counts["errors1"] == counts["explained1"] == counts["emulated_errors1"]


def test_that_processor_really_saturates(haswell: dict[str, dict[str, int]]) -> None:
    wrong = {name for name, counts in haswell.items() if counts["errors1"]}
    pairing = {name for name in haswell if ".u8s8." in name and not name.startswith("ConvInteger")}
    assert wrong <= pairing
    assert len(pairing - wrong) == 2  # the depthwise convolutions
    assert sum(counts["errors1"] for counts in haswell.values()) > 30_000
