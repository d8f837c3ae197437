"""fp16: every float tensor becomes half precision, inputs and outputs stay float32."""

from __future__ import annotations

from bitgauge.benchmarks.numerics.external_data import save_model
from bitgauge.benchmarks.vocabulary.enums import FormatFamily
from bitgauge.benchmarks.vocabulary.recipes import Recipe

from ._tools import quiet_tools, require_float32
from .base import BuildRequest, Unsupported

VERSION = 1
MAKES = "onnx"
DISTRIBUTIONS = ("onnx", "onnxruntime", "numpy")


def accepts(recipe: Recipe) -> bool:
    """Only `fp16`."""
    return recipe.family is FormatFamily.FP16


def build(request: BuildRequest) -> None:
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
