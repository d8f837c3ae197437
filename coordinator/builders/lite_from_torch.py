"""fp32 for LiteRT of a `torch.export` program, by litert-torch in an environment of its own."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from bitgauge.benchmarks.common.exported import program
from bitgauge.benchmarks.quality.batches import fixed_batches
from bitgauge.benchmarks.vocabulary.enums import FormatFamily
from bitgauge.benchmarks.vocabulary.recipes import Recipe

from ..models.formats import pt2
from ._conversion import calls_for, require_equal
from ._outside import run
from .base import BuildRequest, Unsupported

VERSION = 1
MAKES, TAKES = "tflite", "pt2"
ENVIRONMENT = "litert"
DISTRIBUTIONS: tuple[str, ...] = ()
SCRIPT = "litert/from_torch.py"


def accepts(recipe: Recipe) -> bool:
    """Only `fp32`."""
    return recipe.family is FormatFamily.FP32


def build(request: BuildRequest) -> None:
    """Convert for the job's batch, which the file then fixes, and compare both.

    Raises:
        Unsupported: the program is not plain, the converter says so, or what it made differs.
    """
    facts = pt2.facts(request.baseline, "the model")
    if program.read(request.baseline, "the model").pickled:
        raise Unsupported("The program holds pickled tensors, and the converter takes plain ones.")
    if not fixed_batches(facts.inputs):
        request.log.batch = request.batch
    calls, _ = calls_for(request, facts.inputs)
    batch = len(next(iter(calls[0].values())))
    with tempfile.TemporaryDirectory(prefix="converted-") as folder:
        samples, expected = Path(folder) / "samples.npz", Path(folder) / "expected.npz"
        np.savez(samples, allow_pickle=False, **_joined(calls))
        spec = {
            "source": request.baseline,
            "output": request.output,
            "inputs": [[one.name, one.dtype, one.shape] for one in facts.inputs],
            "outputs": [one.name for one in facts.outputs],
            "samples": samples,
            "expected": expected,
            "batch": batch,
        }
        run(request, SCRIPT, spec)
        with np.load(expected, allow_pickle=False) as file:
            wanted = {name: file[name] for name in file.files}
    parts = [
        {name: array[at * batch : (at + 1) * batch] for name, array in wanted.items()}
        for at in range(len(calls))
    ]
    request.log.notes.append(f"converted for batches of {batch}")
    request.log.notes.append(require_equal(request.output, calls, parts))


def _joined(calls: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return {name: np.concatenate([one[name] for one in calls]) for name in calls[0]}
