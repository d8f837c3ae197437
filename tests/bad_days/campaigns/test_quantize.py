"""`bitgauge quantize` on an x86 without VNNI, whose default integer kernels saturate."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from bitgauge.benchmarks.zoo import calibration_path, evaluation_path, models

from tests.arm.boards import HASWELL, haswell_board
from tests.arm.conftest import UNHURRIED
from tests.arm.test_boards import some
from tests.processes.conftest import Up

FIRST, SEVEN_BITS = "int8-static-u8s8-pc", "int8-static-u8s8-pc-rr"


@pytest.mark.timeout(900)
def test_it_says_why_the_default_does_not_pass_and_ends_with_one_that_does(tmp_path: Path) -> None:
    up = Up.start(tmp_path / "home", *UNHURRIED)
    (model,) = (one for one in models() if one.name == "digits-mlp")
    words = ["quantize", str(model.path), "--calibration", str(calibration_path())]
    words += ["--eval", str(some(evaluation_path(), tmp_path / "some.npz")), "--on", HASWELL]
    words += ["--recipes", f"{FIRST},{SEVEN_BITS}", "--use-case", "default", "--json"]
    with haswell_board(up, tmp_path):
        done = up.bitgauge(*words, patience_s=800.0)
    assert up.stop() == []
    found = json.loads(done.stdout)
    first, second = found["tried"]
    assert (first["rung"]["recipe"], first["outcome"]) == (FIRST, "failed")
    assert first["saturating"]
    (why,) = (one["why"] for one in first["verdict"]["rules"] if one["rule"] == "saturating")
    assert why
    assert (second["rung"]["recipe"], second["saturating"]) == (SEVEN_BITS, False)
    assert second["outcome"] in ("passed", "manual_review"), "128 samples decide little"
    assert found["best"]["run_id"] == second["run_id"]
    assert second["ratio"] is None, "emulated time is not time"
    assert done.returncode == {"passed": 0, "manual_review": 3}[second["outcome"]], done.stderr
