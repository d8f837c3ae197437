"""Some of the zoo's samples: each takes a simulator many milliseconds."""

from __future__ import annotations

from pathlib import Path

from bitgauge.benchmarks.quality.sets import (
    EvaluationSet,
    read_evaluation_set,
    write_evaluation_set,
)
from bitgauge.benchmarks.zoo import evaluation_path

SAMPLES = 64


def some(path: Path) -> Path:
    """An evaluation set of a few samples, written to `path`."""
    every = read_evaluation_set(evaluation_path().read_bytes())
    assert every.labels is not None
    inputs = {name: array[:SAMPLES] for name, array in every.inputs.items()}
    kept = EvaluationSet(inputs, every.labels[:SAMPLES], every.ids[:SAMPLES])
    write_evaluation_set(path, kept)
    return path
