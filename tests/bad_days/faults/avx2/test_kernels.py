"""The emulator against onnxruntime's own kernels on a processor without VNNI.

No such machine is needed; see `haswell`.
"""

from __future__ import annotations

import json

import pytest

from tests.labs.integer import Case, cases

from . import haswell as processor


@pytest.fixture(scope="module")
def haswell() -> dict[str, dict[str, int]]:
    """What `host` says there."""
    said = processor.run("from tests.bad_days.faults.avx2.host import main; main()")
    found: dict[str, dict[str, int]] = json.loads(said)
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
