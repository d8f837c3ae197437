"""The capture for a card, rehearsed: every step runs, and one that fails stops no other."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from bitgauge.benchmarks.raw.container import read_raw

from tests.gpu.capture import runner
from tests.gpu.capture.steps import STEPS, Step, chosen, limit_s
from tests.labs.nvml.cards import Cards

PLANTED = """
import time
from pathlib import Path


def main(folder, asked):
    (folder / "begun.txt").write_text(asked["given"])
    if asked["given"] == "raises":
        raise ValueError("planted")
    if asked["given"] == "hangs":
        import subprocess
        child = subprocess.Popen(["sleep", "600"])
        (folder / "pid.txt").write_text(str(child.pid))
        time.sleep(600)
"""


def planted(word: str, limit: float = 20.0) -> Step:
    return Step(word, "planted_step", limit, limit, word)


@pytest.fixture
def beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "planted_step.py").write_text(PLANTED)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return tmp_path


def test_a_step_that_fails_or_hangs_leaves_what_it_has_and_the_rest_goes_on(beside: Path) -> None:
    steps = [planted("raises"), planted("hangs", 3.0), planted("works")]
    told = runner.run(steps, beside / "out", rehearse=True, minutes=5, say=lambda _: None)
    status = {name: one["status"] for name, one in told["steps"].items()}
    assert status == {"raises": "failed", "hangs": "out_of_time", "works": "done"}
    assert json.loads((beside / "out" / "capture.json").read_text()) == told
    for name in status:
        assert f"{name}/begun.txt" in told["steps"][name]["files"]
    assert "ValueError: planted" in (beside / "out" / "raises" / runner.LOG).read_text()
    left = int((beside / "out" / "hangs" / "pid.txt").read_text())
    ends = time.monotonic() + 10
    while alive(left):
        assert time.monotonic() < ends, "what a step started outlived it"
        time.sleep(0.05)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_nothing_begins_when_the_whole_is_over(beside: Path) -> None:
    told = runner.run([planted("works")], beside / "out", rehearse=True, minutes=0, say=print)
    assert told["steps"]["works"]["status"] == "not_begun"


def test_the_limits_fit_into_twelve_minutes_and_no_step_exceeds_what_is_left() -> None:
    assert sum(one.limit_s for one in STEPS) <= 12 * 60
    step = planted("works", 60.0)
    assert limit_s(step, 300.0, rehearse=False) == 60.0
    assert limit_s(step, 30.0, rehearse=False) == 25.0
    assert limit_s(step, 4.0, rehearse=True) == 0.0
    assert [one.name for one in chosen(STEPS, ["load"])] == ["load"]
    with pytest.raises(ValueError, match="there is no step lod"):
        chosen(STEPS, ["lod"])


@pytest.mark.timeout(600)
def test_every_step_is_rehearsed_here(tmp_path: Path) -> None:
    """With cards that answer like cards, as far as NVML is asked; all else on the processor."""
    cards = Cards(tmp_path / "nvml")
    out = tmp_path / "out"
    ample = [replace(step, rehearsal_s=10 * step.rehearsal_s) for step in STEPS]
    before = dict(os.environ)
    os.environ["LD_LIBRARY_PATH"] = cards.environment["LD_LIBRARY_PATH"]
    try:
        told = runner.run(ample, out, rehearse=True, minutes=9, say=print)
    finally:
        os.environ.clear()
        os.environ.update(before)
    said = {name: (out / name / runner.LOG).read_text() for name in told["steps"]}
    assert {one["status"] for one in told["steps"].values()} == {"done"}, said
    assert told["rehearsal"]

    def read(name: str) -> Any:
        return json.loads((out / name).read_text())

    assert read("machine/machine.json")["torch"]["cuda_available"] is False
    numbers = {one["field"] for one in read("nvml/gpu-0/fields.json")}
    assert {74, 76, 269, 270, 271} <= numbers
    assert read("nvml/gpu-0/updates.json")["asked"] > 1
    assert len((out / "load" / "readings.jsonl").read_text().splitlines()) > 1
    assert read("load/products.json")[0]["tflops"] > 0
    assert read("accumulators/modes.json")["int_mm.s8s8.dynamic"] == "exact"
    for net in ("resnet", "bert"):
        formats = read(f"formats-{net}/{net}.json")
        assert set(formats) == {"fp32", "fp16", "bf16", "int8", "fp8", "tf32"}
        assert all("metrics" in one for one in formats.values()), formats
        assert formats["fp16"]["bytes"] < 0.7 * formats["fp32"]["bytes"]
    assert read_raw(out / "formats-bert" / "bert-int8.absolute.npz").arrays["latency_ns"].size
    assert "metrics" in read("formats-zoo/digits-mlp.json")["fp16"]
    keys = {one["key"] for one in read("memory-fp16/memory.json")}
    assert "peak_memory_bytes" in keys
    energy = {one["key"]: one for one in read("energy/energy.json")}
    assert {"name": "meter_kind", "value": "simulated"} in energy["energy_mj"]["detail"]
    assert energy["energy_mj"]["value"] is None, "joules of a trace are nobody's"
    assert len(read("twice/twice.json")) == 2


def test_its_help_says_what_it_is() -> None:
    command = [sys.executable, "-m", "tests.gpu.capture", "--help"]
    done = subprocess.run(command, cwd=runner.ROOT, capture_output=True, text=True, check=True)
    assert "--rehearse" in done.stdout
