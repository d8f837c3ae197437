"""Tiny tflite models, and what LiteRT's quantizer makes of them, a few kilobytes each.

    python -m tests.labs.graphs.built_lite ENVIRONMENT

writes `tests/coordinator/builders/litert/built/`, with the environment `litert` that is there made
already (`bitgauge environments`). `made.json` records its lock. Two runs give the same
bytes. The look at a built artifact is left out: some are there because it must refuse them.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from bitgauge.agents.runtimes.litert.encode import Lite, Operator, Tensor
from bitgauge.benchmarks.quality.sets import EvaluationSet, write_evaluation_set
from bitgauge.benchmarks.vocabulary.recipes import parse
from bitgauge.coordinator.builders import litert
from bitgauge.coordinator.builders.base import BuildRequest
from bitgauge.coordinator.environments.definition import definition

BUILT = Path(__file__).parents[2] / "coordinator/builders/litert/built"
WIDTH, HIDDEN, CLASSES = 16, 32, 4
DENSE = (
    *("fp16", "int8-static-s8s8-pc", "int8-static-s8s8-pc-io", "int8-static-s16s8-pc"),
    *("int8-dynamic-s8s8-pc", "int4-static-s8s4-pc", "int4-dynamic-s8s4-pc"),
    *("int8-wo-pc", "int4-wo-pc"),
)
MADE = {
    "dense": DENSE,
    "products": ("int8-static-s8s8-pc", "int4-dynamic-s8s4-pc"),
    "mixed": ("int4-dynamic-s8s4-pc",),
}
"""Recipes by model."""


def source(name: str, batch: int = 1) -> bytes:
    """A model by its name: two layers that are FULLY_CONNECTED, BATCH_MATMUL, or one of each."""
    draw = np.random.default_rng(7)
    wide, classes = (256, 1) if name == "mixed" else (HIDDEN, CLASSES)
    first = draw.standard_normal((WIDTH, wide)).astype(np.float32) / 4
    second = draw.standard_normal((wide, classes)).astype(np.float32) / 6
    products = {"dense": (), "products": (0, 1), "mixed": (0,)}[name]
    tensors = [
        Tensor("x", (batch, WIDTH)),
        Tensor("h", (batch, wide)),
        Tensor("y", (batch, classes)),
    ]
    operators = []
    for at, weights in enumerate((first, second)):
        given, made = ("x", "h", "y")[at : at + 2]
        matrix = weights if at in products else np.ascontiguousarray(weights.T)
        tensors.append(Tensor(f"w{at}", matrix.shape, data=matrix))
        operators.append(_product(given, f"w{at}", made, dense=at not in products))
    return Lite(tuple(tensors), tuple(operators), ("x",), ("y",), description=name).encoded()


def _product(given: str, weights: str, made: str, *, dense: bool) -> Operator:
    if dense:
        options = schema.FullyConnectedOptionsT()
        return Operator("FULLY_CONNECTED", (given, weights), (made,), options)
    options = schema.BatchMatMulOptionsT()
    options.adjX = options.adjY = options.asymmetricQuantizeInputs = False
    return Operator("BATCH_MATMUL", (given, weights), (made,), options)


def samples(count: int = 64) -> EvaluationSet:
    """A calibration set for them."""
    values = np.random.default_rng(3).standard_normal((count, WIDTH)).astype(np.float32)
    ids = np.array([f"s{at}" for at in range(count)])
    return EvaluationSet({"x": values}, None, ids, None, None)


def lock_digest() -> str:
    """Of the packages that make them, as they are now."""
    return hashlib.sha256(definition(litert.ENVIRONMENT).lock).hexdigest()


def main(environment: Path) -> None:
    """Write every file and `made.json`."""
    BUILT.mkdir(parents=True, exist_ok=True)
    calibration = BUILT / "calibration.npz"
    write_evaluation_set(calibration, samples())
    for name, recipes in MADE.items():
        given = BUILT / f"{name}.tflite"
        given.write_bytes(source(name))
        for recipe in recipes:
            output = BUILT / f"{name}-{recipe}.tflite"
            litert.build(
                BuildRequest(parse(recipe), given, output, calibration, environment=environment)
            )
    made = {"lock": lock_digest()}
    (BUILT / "made.json").write_text(json.dumps(made, indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute())
