"""A .tflite file of an ONNX model, in float32: ``from_onnx.py SPEC.json ANSWER.json``.

Runs in the environment `onnx2tf`: the standard library and its packages.

The spec says `source` (.onnx), `output`, `inputs` (names) and `folder`, which is its own to fill.

A MatMul with an Add becomes a Gemm before: that is a FULLY_CONNECTED then and no BATCH_MATMUL,
whose integer kernels read no scales per channel. Inputs keep their axes, and the batch stays
open. Its own integer files are not asked for: they do not load, or compute something else.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def main(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Do what `spec` says; the answer."""
    import onnx
    import onnx2tf

    folder = Path(spec["folder"])
    model = folder / "model.onnx"
    onnx.save(_with_gemms(onnx.load(spec["source"])), model)
    try:
        onnx2tf.convert(
            input_onnx_file_path=str(model),
            output_folder_path=str(folder / "made"),
            keep_shape_absolutely_input_names=list(spec["inputs"]),
            non_verbose=True,
        )
    except (Exception, SystemExit) as error:  # it ends the process where it gives up
        words = str(error).strip().splitlines() or [type(error).__name__]
        return {
            "unsupported": f"The converter does not take the model: {words[0][:300].rstrip('.')}."
        }
    shutil.copyfile(folder / "made/model_float32.tflite", spec["output"])
    return {}


def _with_gemms(model: Any) -> Any:
    """The model with a Gemm for each product of two axes and the constant row that is added.

    The optimizer that comes with the converter leaves these, although it names a pass for them.
    """
    import onnx

    shaped = onnx.shape_inference.infer_shapes(model).graph
    held = {one.name: len(one.dims) for one in model.graph.initializer}
    axes = {
        one.name: len(one.type.tensor_type.shape.dim) for one in (*shaped.value_info, *shaped.input)
    }
    returned = {one.name for one in model.graph.output}
    readers: dict[str, list[Any]] = {}
    for node in model.graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    for node in [one for one in model.graph.node if one.op_type == "MatMul"]:
        given, weights = node.input
        after = readers.get(node.output[0], [])
        if axes.get(given) != 2 or held.get(weights) != 2 or len(after) != 1:
            continue
        (add,) = after
        rows = [name for name in add.input if held.get(name) == 1]
        if add.op_type != "Add" or len(rows) != 1 or node.output[0] in returned:
            continue
        fused = onnx.helper.make_node("Gemm", [given, weights, rows[0]], list(add.output), add.name)
        model.graph.node.insert(list(model.graph.node).index(add), fused)
        model.graph.node.remove(node)
        model.graph.node.remove(add)
    return model


if __name__ == "__main__":
    asked, said = map(Path, sys.argv[1:])
    said.write_text(json.dumps(main(json.loads(asked.read_text()))))
