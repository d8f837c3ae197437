"""fp16 and bf16: 16 bits for what has 32; inputs and outputs stay float32.

In fp16 every float tensor becomes half precision. In bf16, with which onnxruntime computes nothing
on a CPU and for which it has no tool, the weights alone are stored so, and cast back to float32
before they are used.
"""

from __future__ import annotations

from typing import Any

from bitgauge.benchmarks.numerics.external_data import save_model
from bitgauge.benchmarks.numerics.onnx_operators import graphs
from bitgauge.benchmarks.vocabulary.enums import FormatFamily
from bitgauge.benchmarks.vocabulary.recipes import Recipe

from ._tools import quiet_tools, require_float32
from .base import BuildRequest, Unsupported

VERSION = 1
MAKES = "onnx"
DISTRIBUTIONS = ("onnx", "onnxruntime", "ml-dtypes", "numpy")
_OPSET = 13
"""The first in which Cast knows bfloat16."""
_LEAST_AXES = 2
"""Of a weight that becomes bfloat16; biases and the like weigh nothing, and stay as they are."""


def accepts(recipe: Recipe) -> bool:
    """Only `fp16` and `bf16`."""
    return recipe.family in (FormatFamily.FP16, FormatFamily.BF16)


def build(request: BuildRequest) -> None:
    """Convert, or store.

    Raises:
        Unsupported: the model holds no float32 weight, or has no operator for this.
    """
    if request.recipe.family is FormatFamily.BF16:
        _store(request)
    else:
        _convert(request)


def _convert(request: BuildRequest) -> None:
    """Convert with onnxruntime's float16 tool.

    Its default block list stays: operators without a half-precision form keep float32 between
    two casts.

    Raises:
        Unsupported: the model holds no float32 weight.
    """
    with quiet_tools():
        import onnx
        from onnxruntime.transformers.float16 import convert_float_to_float16

        from ..models.formats.onnx.graph import sort_nodes

        model = onnx.load(str(request.baseline))
        converted = convert_float_to_float16(model, keep_io_types=True)
        # The tool appends its casts at the end, which the ONNX standard does not allow.
        sort_nodes(converted.graph)
    half = onnx.TensorProto.FLOAT16
    if not any(tensor.data_type == half for tensor in converted.graph.initializer):
        require_float32(request.baseline)
        raise Unsupported("The model holds no float32 weight that could become float16.")
    save_model(converted, request.output)


def _store(request: BuildRequest) -> None:
    """Round every float32 weight to the nearest bfloat16, ties to even.

    Raises:
        Unsupported: the model holds no float32 weight, or its operators are too old.
    """
    import onnx

    model = onnx.load(str(request.baseline))
    opset = max((one.version for one in model.opset_import if not one.domain), default=1)
    if opset < _OPSET:
        raise Unsupported(f"bfloat16 needs opset {_OPSET}, and the model has {opset}.")
    if not sum(_rounded(graph) for graph in graphs(model.graph)):
        require_float32(request.baseline)
        raise Unsupported("The model holds no float32 weight that could become bfloat16.")
    save_model(model, request.output)


def _rounded(graph: Any) -> int:
    """Put bfloat16 and a Cast in the place of each weight; how many there were."""
    import ml_dtypes
    from onnx import TensorProto, helper, numpy_helper

    casts = []
    for tensor in [one for one in graph.initializer if one.data_type == TensorProto.FLOAT]:
        if len(tensor.dims) < _LEAST_AXES:
            continue
        name = tensor.name
        stored = numpy_helper.to_array(tensor).astype(ml_dtypes.bfloat16)
        tensor.CopyFrom(numpy_helper.from_array(stored, f"{name}_bf16"))
        casts.append(
            helper.make_node(
                "Cast", [tensor.name], [name], name=f"{name}_cast", to=TensorProto.FLOAT
            )
        )
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    return len(casts)
