"""Evaluation sets, and models in several files, as users bring them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from bitgauge.benchmarks.common.npz import Arrays, write_npz
from bitgauge.benchmarks.quality.sets import PREFIX, SCHEMA, EvaluationSet

WEIGHTS = "weights/model.bin"


def write_evaluation_set(path: Path, evaluation: EvaluationSet) -> None:
    """Write a set to `path`."""
    arrays: Arrays = {"schema": np.array(SCHEMA), "ids": evaluation.ids}
    arrays |= {PREFIX + name: array for name, array in evaluation.inputs.items()}
    for name in ("labels", "strata", "cluster"):
        array = getattr(evaluation, name)
        if array is not None:
            arrays[name] = array
    write_npz(path, arrays)


def with_external_data(model: Any, folder: Path, location: str = WEIGHTS) -> Path:
    """Writes a model with every weight in one further file; the path of the model itself."""
    import onnx

    path = folder / "model.onnx"
    (folder / location).parent.mkdir(parents=True, exist_ok=True)
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    onnx.save(copy, str(path), save_as_external_data=True, location=location, size_threshold=0)
    return path
