"""A tiny ONNX model, and what ModelOpt makes of it, a few kilobytes each.

    python -m tests.labs.graphs.built_modelopt ENVIRONMENT

writes `tests/coordinator/builders/modelopt/built/`, with the environment `modelopt` that is there
made already (`bitgauge environments`). `made.json` records its lock. Two runs give the same bytes.
The look at a built artifact is left out: the tests do that.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import onnx
from bitgauge.benchmarks.quality.sets import EvaluationSet, write_evaluation_set
from bitgauge.benchmarks.vocabulary.recipes import parse
from bitgauge.coordinator.builders import modelopt
from bitgauge.coordinator.builders.base import BuildRequest
from bitgauge.coordinator.environments.definition import definition
from onnx import helper, numpy_helper

BUILT = Path(__file__).parents[2] / "coordinator/builders/modelopt/built"
WIDTH, HIDDEN, CLASSES = 32, 32, 16
BATCH = 8
"""Of the jobs that they are for: of one row ModelOpt takes no product."""


def source() -> bytes:
    """Two products of matrices, a bias after each, and a Relu between them."""
    draw = np.random.default_rng(7)
    sizes = {"w0": (WIDTH, HIDDEN), "b0": (HIDDEN,), "w1": (HIDDEN, CLASSES), "b1": (CLASSES,)}
    stored = [
        numpy_helper.from_array(draw.standard_normal(shape).astype(np.float32) / 6, name)
        for name, shape in sizes.items()
    ]
    nodes = [
        helper.make_node("MatMul", ["x", "w0"], ["p0"], name="first"),
        helper.make_node("Add", ["p0", "b0"], ["a0"], name="first_bias"),
        helper.make_node("Relu", ["a0"], ["h"], name="relu"),
        helper.make_node("MatMul", ["h", "w1"], ["p1"], name="second"),
        helper.make_node("Add", ["p1", "b1"], ["y"], name="second_bias"),
    ]
    kind = onnx.TensorProto.FLOAT
    ends = [("x", WIDTH), ("y", CLASSES)]
    given, made = (helper.make_tensor_value_info(name, kind, ["n", size]) for name, size in ends)
    graph = helper.make_graph(nodes, "dense", [given], [made], stored)
    opsets = [helper.make_opsetid("", 17)]
    return bytes(
        helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString(
            deterministic=True
        )
    )


def samples(count: int = 64) -> EvaluationSet:
    """A calibration set for it."""
    values = np.random.default_rng(3).standard_normal((count, WIDTH)).astype(np.float32)
    ids = np.array([f"s{at}" for at in range(count)])
    return EvaluationSet({"x": values}, None, ids, None, None)


def lock_digest() -> str:
    """Of the packages that make them, as they are now."""
    return hashlib.sha256(definition(modelopt.ENVIRONMENT).lock).hexdigest()


def main(environment: Path) -> None:
    """Write every file and `made.json`."""
    BUILT.mkdir(parents=True, exist_ok=True)
    calibration, given = BUILT / "calibration.npz", BUILT / "dense.onnx"
    write_evaluation_set(calibration, samples())
    given.write_bytes(source())
    for recipe in modelopt.RECIPES:
        output = BUILT / f"dense-{recipe}.onnx"
        modelopt.build(BuildRequest(parse(recipe), given, output, calibration, BATCH, environment))
    made = {"lock": lock_digest()}
    (BUILT / "made.json").write_text(json.dumps(made, indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute())
