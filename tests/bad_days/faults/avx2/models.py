"""Runs models on this processor; started by `test_models` on an emulated one."""

from __future__ import annotations

import sys
from pathlib import Path

from bitgauge.agents.runtimes import ort
from bitgauge.agents.runtimes.base import SessionOptions
from bitgauge.benchmarks import zoo
from bitgauge.benchmarks.common.npz import write_npz
from bitgauge.benchmarks.quality.sets import read_evaluation_set

SAMPLES = 128


def main(folder: Path) -> None:
    """Writes the first output of each model in `folder` to `outputs.npz`."""
    inputs = read_evaluation_set(zoo.evaluation_path()).inputs
    feeds = {name: array[:SAMPLES] for name, array in inputs.items()}
    outputs = {
        path.stem: ort.load(path, SessionOptions()).run(feeds)[0]
        for path in sorted(folder.glob("*.onnx"))
    }
    write_npz(folder / "outputs.npz", outputs)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
