"""A built graph with its bfloat16 widened to float32: the same values, other kernels.

onnxruntime computes in bfloat16 on accelerators alone. Every bfloat16 is a float32, so that a graph
whose stored tensors and casts are widened shows on a processor what was built, up to the rounding
of its activations.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from bitgauge.benchmarks.numerics.onnx_operators import graphs


def widened(model: Any) -> Any | None:
    """A copy without bfloat16; None where the model holds none, or holds it in its signature.

    Args:
        model: a decoded ONNX model; it stays as it is.
    """
    import onnx

    kind = onnx.TensorProto.BFLOAT16
    ends = (*model.graph.input, *model.graph.output)
    if any(one.type.tensor_type.elem_type == kind for one in ends):
        return None
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    found = 0
    for graph in graphs(copy.graph):
        del graph.value_info[:]  # what it notes of types holds no longer
        for tensor in graph.initializer:
            found += _widen(tensor)
        for node in graph.node:
            for item in node.attribute:
                if item.name == "to" and node.op_type == "Cast" and item.i == kind:
                    item.i = onnx.TensorProto.FLOAT
                    found += 1
                elif item.HasField("t"):
                    found += _widen(item.t)
    return copy if found else None


def _widen(tensor: Any) -> bool:
    import onnx
    from onnx import numpy_helper

    if tensor.data_type != onnx.TensorProto.BFLOAT16:
        return False
    values = numpy_helper.to_array(tensor).astype(np.float32)
    tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    return True
