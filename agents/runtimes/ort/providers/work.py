"""How much of a model's multiplications runs where: by the nodes that went elsewhere."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

_PRODUCTS = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul", "LSTM", "GRU", "RNN"})


@dataclass(frozen=True, slots=True)
class PlacedWork:
    """Multiplications of one call.

    Attributes:
        total: of the whole model, as far as shapes are known; 0 where none are.
        elsewhere: of the nodes that the provider does not execute.
        unknown: products of matrices whose size is not known.
    """

    total: int
    elsewhere: int
    unknown: int

    def words(self, provider: str) -> str:
        """As a share, with what is not known."""
        if not self.total:
            return "multiplications not told: the shapes of no product are known"
        share = 100 * (self.total - self.elsewhere) / self.total
        beside = f", {self.unknown} products of unknown size aside" if self.unknown else ""
        return f"{share:.4g} % of {self.total} multiplications on {provider}{beside}"


def work_of(model: Any, batch: int, elsewhere: Collection[str]) -> PlacedWork:
    """The multiplications of a model.

    Args:
        model: the message of its file; weights elsewhere are not needed.
        batch: samples per call, for a first axis without a size.
        elsewhere: names of the nodes that the provider does not execute. Those of the runtime's
            own making multiply nothing that the model did not.
    """
    # Who asks a runtime for its version imports this module, and no numpy.
    from bitgauge.benchmarks.numerics.multiplications import multiplications
    from bitgauge.benchmarks.numerics.onnx_operators import form_of

    shapes = _shapes(model, batch)
    total = left = unknown = 0
    for node in model.graph.node:
        if node.op_type not in _PRODUCTS or len(node.input) < 2:
            continue
        factors = (str(node.input[0]), str(node.input[1]))
        names = [str(name) for name in node.input]
        form = form_of(str(node.op_type))
        count = multiplications(form, names, str(node.output[0]), factors, shapes)
        total += count
        unknown += not count
        left += count if node.name in elsewhere else 0
    return PlacedWork(total, left, unknown)


def _shapes(model: Any, batch: int) -> dict[str, tuple[int, ...]]:
    """Of the tensors whose sizes follow from those of the inputs."""
    import onnx

    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    stored = {one.name: tuple(one.dims) for one in copy.graph.initializer}
    for one in copy.graph.input:
        axes = one.type.tensor_type.shape.dim
        if one.name not in stored and axes and not axes[0].HasField("dim_value"):
            axes[0].dim_value = batch
    del copy.graph.value_info[:]
    for one in copy.graph.output:
        one.type.tensor_type.ClearField("shape")
    try:
        known = onnx.shape_inference.infer_shapes(copy, data_prop=True).graph
    except Exception:  # an operator that onnx does not know, or a file of more than 2 GiB
        return stored
    found = dict(stored)
    for one in (*known.value_info, *known.input, *known.output):
        sizes = one.type.tensor_type.shape.dim
        if one.type.tensor_type.HasField("shape") and all(d.HasField("dim_value") for d in sizes):
            found.setdefault(str(one.name), tuple(int(d.dim_value) for d in sizes))
    return found
