"""What the runtime fails with, in one sentence that names operator and node; the real library."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from bitgauge.agents.runtimes import ort
from bitgauge.agents.runtimes.base import SessionOptions
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code
from onnx import TensorProto, helper, numpy_helper

Array = npt.NDArray[np.generic]
NAME = "/layer1/layer1.0/it"
OF_THE_DAY = re.compile(r"\.(cc|h|cpp|py)\b|_src|onnxruntime::|/tmp|[0-9a-f]{32}|Traceback")
UNNAMED = "(unnamed, makes 'y')"


def model_of(name: str, op_type: str, x: Array, w: Array | None = None, **further: Any) -> bytes:
    """A model of one operator on `x`, whose first axis is free, and constants `w`."""
    stored = [] if w is None else [numpy_helper.from_array(w, "w")]
    kind = helper.np_dtype_to_tensor_dtype(x.dtype)
    made = TensorProto.FLOAT if op_type == "Gather" else kind
    inputs = ["w", "x"] if op_type == "Gather" else ["x", *(one.name for one in stored)]
    node = helper.make_node(op_type, inputs, ["y"], name=name, **further)
    shape = ["N", *("abc"[: x.ndim - 1])]
    graph = helper.make_graph(
        [node],
        "g",
        [helper.make_tensor_value_info("x", kind, shape)],
        [helper.make_tensor_value_info("y", made, None)],
        stored,
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("mine", 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    return model.SerializeToString()


X = np.zeros((2, 4), np.float32)
CASES = [
    ("Reshape", X, np.array([1, 6]), {}, "Reshape {} cannot give 2x4 values the shape 1x6"),
    ("MatMul", X, np.ones((5, 5), np.float32), {}, "MatMul {} fails: MatMul dimension mismatch"),
    (
        "MatMul",
        X,
        np.ones((4, 4)),
        {},
        "MatMul {} is given float32 and float64, and takes one",
    ),
    ("Selu", np.zeros(2), None, {}, "ONNX Runtime has no kernel for Selu {} of opset 6"),
    ("Gather", np.array([9]), np.ones((4, 4), np.float32), {}, "Gather {} fails: indices element"),
    ("Add", X, np.ones((4, 5), np.float32), {}, "Add {} fails: Attempting to broadcast an axis"),
    ("Relu", np.array([[True]]), None, {}, "Relu {} does not take 'x' as bool"),
    ("Other", X, None, {"domain": "mine"}, "nothing here runs Other {} of the domain 'mine'"),
]


def sentence(folder: Path, model: bytes, x: Array) -> tuple[Code, str]:
    folder.mkdir()
    path = folder / "model.onnx"
    path.write_bytes(model)
    with pytest.raises(BitgaugeError) as caught:
        ort.load(path, SessionOptions()).run({"x": x})
    return caught.value.code, caught.value.sentence


@pytest.mark.parametrize(("op_type", "x", "w", "further", "words"), CASES)
@pytest.mark.parametrize("name", [NAME, ""])
def test_operator_and_node_are_named_and_equal_failures_equal(
    tmp_path: Path,
    name: str,
    op_type: str,
    x: Array,
    w: Array | None,
    further: dict[str, Any],
    words: str,
) -> None:
    model = model_of(name, op_type, x, w, **further)
    code, said = sentence(tmp_path / "a", model, x)
    assert said.startswith(f"ONNX Runtime says: {words.format(repr(name) if name else UNNAMED)}")
    assert not OF_THE_DAY.search(said)
    assert sentence(tmp_path / "b", model, x) == (code, said)


def test_a_damaged_file_and_missing_weights_are_said_plainly(tmp_path: Path) -> None:
    whole = model_of("", "Relu", X)
    code, said = sentence(tmp_path / "cut", whole[:40], X)
    assert (code, said) == (
        Code.BAD_MODEL,
        "ONNX Runtime says: its bytes do not decode as an ONNX model.",
    )
    apart = onnx.load_model_from_string(model_of("", "MatMul", X, np.ones((4, 4), np.float32)))
    onnx.external_data_helper.set_external_data(apart.graph.initializer[0], "gone.bin")
    apart.graph.initializer[0].ClearField("raw_data")
    code, said = sentence(tmp_path / "apart", apart.SerializeToString(), X)
    assert code is Code.EXTERNAL_DATA
    assert said == "ONNX Runtime says: the file of its external data is missing."
