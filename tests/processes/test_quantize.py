"""`bitgauge quantize`, typed as anyone would: built, measured, judged; and asked again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from bitgauge.benchmarks import zoo
from bitgauge.benchmarks.vocabulary.values.gates import VerdictQuery

from tests.processes.bench import AgentService, wait_for_device

from .conftest import Up

GATES = """\
[[use_case]]
name = "fair"
max_accuracy_loss_pp = 1.0
[[use_case]]
name = "tiny"
max_size = "1 kB"
"""
MODEL = zoo.models()[0]


@pytest.mark.timeout(240)
def test_the_first_that_passes_ends_it_and_asked_again_nothing_is_measured_twice(
    up: Up, tmp_path: Path
) -> None:
    gates = tmp_path / "gates.toml"
    gates.write_text(GATES)
    agent = AgentService.of(up, "--name", "here")

    def quantized(use_case: str, code: int, *more: str) -> dict[str, Any]:
        words = ["quantize", str(MODEL.path), "--eval", str(MODEL.evaluation_path)]
        words += ["--calibration", str(MODEL.calibration_path), "--on", "here", "--json"]
        words += ["--recipes", "int8-static-u8s8-pc-rr", "--objective", "size"]
        done = up.bitgauge(
            *words, "--gates", str(gates), "--use-case", use_case, *more, patience_s=200.0
        )
        assert done.returncode == code, done.stderr + done.stdout
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    try:
        wait_for_device(up, "here")
        first = quantized("fair", 0)
        again = quantized("fair", 0)
        every = quantized("tiny", 1, "--budget", "60s")
    finally:
        agent.end()
    (passed,) = first["tried"]
    assert passed["outcome"] == "passed"
    assert passed["ratio"] < 0.5
    assert again["tried"][0]["run_id"] == passed["run_id"], "the same job answers"
    (failed,) = every["tried"]
    assert (failed["run_id"], failed["outcome"]) == (passed["run_id"], "failed")
    with up.client() as client:
        said = client.verdicts(VerdictQuery(run_id=passed["run_id"]))
    assert [one.outcome for one in said] == ["failed", "passed", "passed"], "newest first"
