"""Each further runtime on the zoo: the agent's p50 against a bare loop, and against its own tool.

As in `bench_harness`, which does the same for ONNX Runtime. LiteRT's own tool, `litert-benchmark`,
runs its newer interface in a process of its own and counts no copies of inputs and outputs; it is
held against launches of the pass `absolute` in turns.
"""

from __future__ import annotations

import asyncio
import json
import math
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from bitgauge.agents import registry
from bitgauge.benchmarks import zoo
from bitgauge.benchmarks.vocabulary.enums import PassName

from .bare import BARE, compare_with_bare
from .one_launch import launch
from .pairs import EVALUATION, of_logs, show

LAUNCHES = 6
RUNS = 2000
KIND = {"litert": "tflite", "torch": "pt2"}


def compare_with_own_tool(model: Path) -> None:
    """Prints one row: p50 of launches against the median of `litert-benchmark`, in turns."""
    own = shutil.which("litert-benchmark", path=str(Path(sys.prefix) / "bin"))
    if own is None:
        print("NOT RUN: against litert-benchmark: it is not installed here.")
        return
    logs = []
    for number in range(LAUNCHES):
        with tempfile.TemporaryDirectory() as name:
            said = Path(name) / "said.json"
            command = [own, "--model", str(model), "--num_runs", str(RUNS), "--num_threads", "1"]
            done = subprocess.run(
                [*command, "--result_json", str(said)], capture_output=True, text=True, check=False
            )
            if done.returncode:
                print(f"NOT RUN: litert-benchmark failed: {done.stderr.strip().splitlines()[-1]}")
                return
            theirs_ns = _median_ns(json.loads(said.read_text()))
        raw = asyncio.run(
            launch(PassName.ABSOLUTE, [model], EVALUATION, number=number, runtime="litert")
        )
        logs.append(math.log(float(np.median(raw.arrays["latency_ns"])) / theirs_ns))
    print(
        f"{model.name:<25} p50 / litert-benchmark {show(of_logs(logs))}, {LAUNCHES} launches each"
    )


def _median_ns(said: object) -> float:
    """The median that the tool wrote, wherever it lies in its file."""
    if isinstance(said, dict):
        for key, value in said.items():
            if "median" in key and isinstance(value, (int, float)):
                return float(value) * (1e6 if key.endswith("ms") else 1e3)
            if isinstance(value, (dict, list)) and (found := _median_ns(value)):
                return found
    if isinstance(said, list):
        return next(filter(None, map(_median_ns, said)), 0.0)
    return 0.0


def main() -> None:
    """Measures and prints."""
    there = {one.name for one in registry.probe_runtimes(registry.find("runtimes", ()))[0]}
    for runtime in (name for name in BARE if name in KIND):
        if runtime not in there:
            print(f"NOT RUN: {runtime}: it is not installed here.")
            continue
        for model in zoo.models():
            compare_with_bare(runtime, model.form(KIND[runtime]))
        if runtime == "litert":
            for model in zoo.models():
                compare_with_own_tool(model.form("tflite"))


if __name__ == "__main__":
    main()
