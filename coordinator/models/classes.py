"""Which class of network a graph is, from what it is made of."""

from __future__ import annotations

from collections.abc import Mapping

from bitgauge.benchmarks.vocabulary.enums import ModelClass

_RECURRENT = ("LSTM", "GRU", "RNN", "DynamicQuantizeLSTM")
_ATTENTION = (
    "Attention",
    "QAttention",
    "MultiHeadAttention",
    "DecoderMaskedMultiHeadAttention",
    "DecoderMaskedSelfAttention",
    "GroupQueryAttention",
    "PagedAttention",
    "SparseAttention",
    "PackedAttention",
    "PackedMultiHeadAttention",
    "LongformerAttention",
    "QOrderedAttention",
)
_CONVOLUTION = (
    "Conv",
    "ConvInteger",
    "ConvTranspose",
    "DeformConv",
    "FusedConv",
    "NhwcConv",
    "NhwcFusedConv",
    "QLinearConv",
)
_SOFTMAX = ("Softmax", "QLinearSoftmax")
_DENSE = (
    "DynamicQuantizeMatMul",
    "FusedGemm",
    "FusedMatMul",
    "Gemm",
    "MatMul",
    "MatMulInteger",
    "MatMulIntegerToFloat",
    "MatMulNBits",
    "QGemm",
    "QLinearMatMul",
)


def classify(operator_counts: Mapping[str, int], activation_matmuls: int) -> ModelClass:
    """Recognise the class of a model.

    What a class is named after decides, in this order: recurrent layers; attention, as an operator
    or as two products of activations around a Softmax; convolutions; dense layers.

    Args:
        operator_counts: how often each operator occurs in the graph, by operator type.
        activation_matmuls: matrix products of two tensors that are both computed, none constant.

    Returns:
        The class; `other` when the graph has none of these.
    """

    def has(operators: tuple[str, ...]) -> bool:
        return any(operator_counts.get(operator, 0) > 0 for operator in operators)

    if has(_RECURRENT):
        return ModelClass.RECURRENT
    if has(_ATTENTION) or (has(_SOFTMAX) and activation_matmuls >= 2):
        return ModelClass.TRANSFORMER
    if has(_CONVOLUTION):
        return ModelClass.CNN
    if has(_DENSE):
        return ModelClass.MLP
    return ModelClass.OTHER
