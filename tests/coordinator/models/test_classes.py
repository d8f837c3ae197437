"""Model classes are recognised from operator counts alone."""

from __future__ import annotations

import pytest
from bitgauge.benchmarks.vocabulary.enums import ModelClass
from bitgauge.coordinator.models.classes import classify


@pytest.mark.parametrize(
    ("counts", "products", "expected"),
    [
        ({"Gemm": 3, "Relu": 2}, 0, ModelClass.MLP),
        ({"MatMulNBits": 3, "Softmax": 1}, 0, ModelClass.MLP),
        ({"Conv": 5, "Gemm": 1, "Softmax": 1}, 0, ModelClass.CNN),
        ({"QLinearConv": 5}, 0, ModelClass.CNN),
        ({"MatMul": 6, "Softmax": 1}, 2, ModelClass.TRANSFORMER),
        ({"Conv": 1, "MatMul": 6, "Softmax": 1}, 2, ModelClass.TRANSFORMER),
        ({"MultiHeadAttention": 1, "MatMul": 4}, 0, ModelClass.TRANSFORMER),
        ({"MatMul": 6}, 2, ModelClass.MLP),
        ({"LSTM": 1, "Gemm": 1}, 0, ModelClass.RECURRENT),
        ({"Conv": 3, "GRU": 1}, 0, ModelClass.RECURRENT),
        ({"TreeEnsembleClassifier": 1}, 0, ModelClass.OTHER),
        ({"Conv": 0}, 0, ModelClass.OTHER),
        ({}, 0, ModelClass.OTHER),
    ],
)
def test_class_follows_what_the_graph_is_made_of(
    counts: dict[str, int], products: int, expected: ModelClass
) -> None:
    assert classify(counts, products) is expected
