"""A small writer of ONNX graphs: one method per operator, names kept readable.

The graphs are written by hand and not exported, so that the same weights always give the same
bytes and every operator is one that ONNX Runtime's quantizers know.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import ModelProto, TensorProto, checker, helper, numpy_helper

# LayerNormalization needs opset 17; 17 still gives ReduceMean its axes as an attribute,
# which every converter of onnxruntime understands.
OPSET = 17
IR_VERSION = 8

Array = npt.NDArray[Any]


class GraphWriter:
    """Collects nodes and constants; every method returns the name of the tensor it makes."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._nodes: list[Any] = []
        self._constants: dict[str, Array] = {}

    def constant(self, name: str, value: Array) -> str:
        """A constant tensor; the same name again must hold the same value."""
        self._constants.setdefault(name, np.ascontiguousarray(value))
        return name

    def node(self, op_type: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:
        """One node named like its single output."""
        self._nodes.append(
            helper.make_node(op_type, list(inputs), [output], name=output, **attributes)
        )
        return output

    def linear(self, source: str, name: str, weights: dict[str, Array], *, output: str = "") -> str:
        """MatMul by `name.weight` [in, out], then Add of `name.bias` [out]."""
        weight = self.constant(f"{name}.weight", weights[f"{name}.weight"])
        bias = self.constant(f"{name}.bias", weights[f"{name}.bias"])
        product = self.node("MatMul", [source, weight], f"{name}/matmul")
        return self.node("Add", [product, bias], output or f"{name}/add")

    def convolution(self, source: str, name: str, weights: dict[str, Array]) -> str:
        """Conv with same padding by `name.weight` [out, in, k, k] and `name.bias` [out]."""
        kernel = weights[f"{name}.weight"]
        weight = self.constant(f"{name}.weight", kernel)
        bias = self.constant(f"{name}.bias", weights[f"{name}.bias"])
        size = int(kernel.shape[-1])
        return self.node(
            "Conv",
            [source, weight, bias],
            f"{name}/conv",
            kernel_shape=[size, size],
            pads=[size // 2] * 4,
        )

    def layer_norm(self, source: str, name: str, weights: dict[str, Array]) -> str:
        """LayerNormalization over the last axis."""
        scale = self.constant(f"{name}.weight", weights[f"{name}.weight"])
        bias = self.constant(f"{name}.bias", weights[f"{name}.bias"])
        return self.node("LayerNormalization", [source, scale, bias], f"{name}/norm", axis=-1)

    def reshape(self, source: str, shape: Sequence[int], output: str) -> str:
        """Reshape; 0 copies the dimension of the source."""
        target = self.constant(f"{output}.shape", np.array(shape, np.int64))
        return self.node("Reshape", [source, target], output)

    def model(self, output: str) -> ModelProto:
        """The finished model: `pixels` [batch, 1, 8, 8] to `output` [batch, 10], checked."""
        pixels = helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["batch", 1, 8, 8])
        logits = helper.make_tensor_value_info(output, TensorProto.FLOAT, ["batch", 10])
        graph = helper.make_graph(
            self._nodes,
            self._name,
            [pixels],
            [logits],
            [numpy_helper.from_array(value, name) for name, value in self._constants.items()],
        )
        model = helper.make_model(
            graph,
            producer_name="bitgauge",
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
        )
        checker.check_model(model, full_check=True)
        return model
