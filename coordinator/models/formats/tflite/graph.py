"""What a tflite file says of the model: the subgraph that runs, which is its first."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from bitgauge.benchmarks.common.tflite.tables import (
    FileOperator,
    FileSignature,
    FileTensor,
    Tables,
    damaged,
    read,
)
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code

PRODUCTS = {
    "CONV_2D": "Conv",
    "CONV_3D": "Conv",
    "DEPTHWISE_CONV_2D": "Conv",
    "TRANSPOSE_CONV": "ConvTranspose",
    "CONV_3D_TRANSPOSE": "ConvTranspose",
    "FULLY_CONNECTED": "Gemm",
    "BATCH_MATMUL": "MatMul",
    "LSTM": "LSTM",
    "UNIDIRECTIONAL_SEQUENCE_LSTM": "LSTM",
    "BIDIRECTIONAL_SEQUENCE_LSTM": "LSTM",
    "RNN": "RNN",
    "UNIDIRECTIONAL_SEQUENCE_RNN": "RNN",
    "BIDIRECTIONAL_SEQUENCE_RNN": "RNN",
    "SVDF": "RNN",
}
"""What multiplies, and what ONNX calls it: classes are told by ONNX's names."""


@dataclass(frozen=True)
class LiteGraph:
    """Tensors and operators, and the tensors of inputs and outputs by the names of callers."""

    tensors: tuple[FileTensor, ...]
    operators: tuple[FileOperator, ...]
    inputs: dict[str, int]
    outputs: dict[str, int]

    @classmethod
    def of(cls, data: bytes, label: str) -> LiteGraph:
        """From the bytes of a file.

        Raises:
            BitgaugeError: it cannot be read, or has several signatures.
        """
        tables = read(data, label)
        if not tables.graphs:
            raise damaged(label)
        graph = tables.graphs[0]
        named = _signature(tables, label)
        inputs, outputs = (
            (named.inputs, named.outputs)
            if named
            else (
                {graph.tensors[at].name: at for at in side}
                for side in (graph.inputs, graph.outputs)
            )
        )
        return cls(graph.tensors, graph.operators, inputs, outputs)

    @cached_property
    def makers(self) -> dict[int, FileOperator]:
        """What makes each tensor that is computed."""
        return {at: one for one in self.operators for at in one.outputs}

    def stored(self, product: FileOperator) -> dict[int, bool]:
        """Numbers of the matrices of a product that the file holds.

        Returns:
            Of each whether it is read back into floats first: the stored one is the narrow one.
        """
        found = {}
        for at in product.inputs:
            maker = self.makers.get(at)
            widened = maker is not None and maker.kind == "DEQUANTIZE"
            kept = maker.inputs[0] if maker is not None and widened else at
            if kept >= 0 and self.tensors[kept].constant and len(self.tensors[kept].shape) > 1:
                found[kept] = widened
        return found

    @cached_property
    def weights(self) -> tuple[FileTensor, ...]:
        """What products read that the file holds, each once, in the type in which it is held."""
        found = {at for one in self.operators if one.kind in PRODUCTS for at in self.stored(one)}
        return tuple(self.tensors[at] for at in sorted(found))

    @property
    def activation_products(self) -> int:
        """Products of two tensors that are both computed."""
        return sum(
            one.kind == "BATCH_MATMUL" and not any(self.tensors[at].constant for at in one.inputs)
            for one in self.operators
        )


def _signature(tables: Tables, label: str) -> FileSignature | None:
    """Names that the owner gave to inputs and outputs; None where none were given."""
    told = tables.signatures
    if len(told) > 1:
        listed = ", ".join(one.key for one in told)
        raise BadInput(
            Code.BAD_MODEL,
            f"{label} has {len(told)} signatures, {listed[:200]}; export the one that is to be"
            " measured alone.",
        )
    return told[0] if told else None
