"""The fuzz targets under hypothesis: anything, and seeds with bytes changed, cut and doubled."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .targets import TARGETS

HERE = Path(__file__).parent
EXAMPLES = int(os.environ.get("BITGAUGE_SOAK_EXAMPLES", "150"))


@st.composite
def damaged(draw: st.DrawFn, seeds: tuple[bytes, ...]) -> bytes:
    """A seed with a few accidents."""
    data = bytearray(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(data)))
        size = draw(st.integers(0, 16))
        match draw(st.sampled_from(["flip", "cut", "insert", "double", "end"])):
            case "flip" if at < len(data):
                data[at] ^= 1 << draw(st.integers(0, 7))
            case "cut":
                del data[at : at + size]
            case "insert":
                data[at:at] = draw(st.binary(max_size=16))
            case "double":
                data[at:at] = data[at : at + size]
            case "end":
                del data[at:]
    return bytes(data)


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_no_bytes_break_a_parser(name: str, data: st.DataObject) -> None:
    target = TARGETS[name]
    target.run(data.draw(st.one_of(st.binary(max_size=400), damaged(target.seeds))))


@pytest.mark.parametrize("name", TARGETS)
def test_seeds_pass(name: str) -> None:
    for seed in TARGETS[name].seeds:
        TARGETS[name].run(seed)


def test_a_program_without_atheris_says_not_run() -> None:
    if importlib.util.find_spec("atheris") is not None:
        pytest.skip("NOT RUN: atheris is installed here")
    ended = subprocess.run(
        [sys.executable, "-m", "tests.fuzz", "names"],
        cwd=HERE.parents[1],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.stdout.startswith("NOT RUN: fuzz target names: atheris is not installed")
