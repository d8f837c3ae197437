"""The three networks: their weights, how torch computes them, how ONNX computes them.

Each network is three functions over one dictionary of named weights. `train` proves that both
computations agree before it writes a file.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy.typing as npt
import torch
from onnx import ModelProto
from torch.nn import functional

from .graph import GraphWriter

Array = npt.NDArray[Any]
Weights = dict[str, torch.Tensor]
Shapes = dict[str, tuple[int, ...]]

CLASSES = 10

MLP_WIDTHS = (64, 512, 512, CLASSES)

CNN_CHANNELS = (1, 32, 64, 128, 128)

TOKENS = 8  # one per row of pixels
PIXELS_PER_TOKEN = 8
WIDTH = 96
HEADS = 4
HEAD_WIDTH = WIDTH // HEADS
HIDDEN = 4 * WIDTH
BLOCKS = 2


@dataclass(frozen=True, slots=True)
class Network:
    """One architecture.

    Attributes:
        name: the model's name in the zoo.
        shapes: shape of every weight; linear weights are [in, out] as MatMul wants them.
        logits: torch: (weights, pixels [n, 1, 8, 8]) to logits [n, 10].
        graph: ONNX: weights as arrays to the model.
    """

    name: str
    shapes: Shapes
    logits: Callable[[Weights, torch.Tensor], torch.Tensor]
    graph: Callable[[dict[str, Array]], ModelProto]


def initial_weights(shapes: Shapes, generator: torch.Generator) -> Weights:
    """He-normal weights, zero biases, unit gains, small random positions."""
    weights: Weights = {}
    for name, shape in shapes.items():
        if name.endswith("norm.weight"):
            value = torch.ones(shape)
        elif name.endswith(".bias"):
            value = torch.zeros(shape)
        else:
            fan_in = shape[0] if len(shape) == 2 else math.prod(shape[1:])
            spread = 0.1 if name == "positions" else math.sqrt(2 / fan_in)
            value = torch.randn(shape, generator=generator) * spread
        weights[name] = value.requires_grad_()
    return weights


def _linear_shapes(name: str, inputs: int, outputs: int) -> Shapes:
    return {f"{name}.weight": (inputs, outputs), f"{name}.bias": (outputs,)}


def _linear(weights: Weights, name: str, source: torch.Tensor) -> torch.Tensor:
    return source @ weights[f"{name}.weight"] + weights[f"{name}.bias"]


def _mlp_shapes() -> Shapes:
    shapes: Shapes = {}
    for layer, (inputs, outputs) in enumerate(pairwise(MLP_WIDTHS)):
        shapes |= _linear_shapes(f"layer{layer}", inputs, outputs)
    return shapes


def _mlp_logits(weights: Weights, pixels: torch.Tensor) -> torch.Tensor:
    hidden = pixels.flatten(1)
    hidden = functional.relu(_linear(weights, "layer0", hidden))
    hidden = functional.relu(_linear(weights, "layer1", hidden))
    return _linear(weights, "layer2", hidden)


def _mlp_graph(weights: dict[str, Array]) -> ModelProto:
    graph = GraphWriter("digits-mlp")
    hidden = graph.node("Flatten", ["pixels"], "flat", axis=1)
    for layer in ("layer0", "layer1"):
        hidden = graph.node("Relu", [graph.linear(hidden, layer, weights)], f"{layer}/relu")
    graph.linear(hidden, "layer2", weights, output="logits")
    return graph.model("logits")


def _cnn_shapes() -> Shapes:
    shapes: Shapes = {}
    for layer, (inputs, outputs) in enumerate(pairwise(CNN_CHANNELS)):
        shapes[f"conv{layer}.weight"] = (outputs, inputs, 3, 3)
        shapes[f"conv{layer}.bias"] = (outputs,)
    shapes["head.weight"] = (CLASSES, CNN_CHANNELS[-1], 1, 1)
    shapes["head.bias"] = (CLASSES,)
    return shapes


def _cnn_logits(weights: Weights, pixels: torch.Tensor) -> torch.Tensor:
    hidden = pixels
    for layer in range(len(CNN_CHANNELS) - 1):
        kernel, bias = weights[f"conv{layer}.weight"], weights[f"conv{layer}.bias"]
        hidden = functional.relu(functional.conv2d(hidden, kernel, bias, padding=1))
        if layer in (1, 3):
            hidden = functional.max_pool2d(hidden, 2)
    pooled = hidden.mean((2, 3), keepdim=True)
    return functional.conv2d(pooled, weights["head.weight"], weights["head.bias"]).flatten(1)


def _cnn_graph(weights: dict[str, Array]) -> ModelProto:
    graph = GraphWriter("digits-cnn")
    hidden = "pixels"
    for layer in range(len(CNN_CHANNELS) - 1):
        product = graph.convolution(hidden, f"conv{layer}", weights)
        hidden = graph.node("Relu", [product], f"conv{layer}/relu")
        if layer in (1, 3):
            hidden = graph.node(
                "MaxPool", [hidden], f"conv{layer}/pool", kernel_shape=[2, 2], strides=[2, 2]
            )
    pooled = graph.node("GlobalAveragePool", [hidden], "pooled")
    graph.node("Flatten", [graph.convolution(pooled, "head", weights)], "logits", axis=1)
    return graph.model("logits")


def _transformer_shapes() -> Shapes:
    shapes: Shapes = _linear_shapes("embed", PIXELS_PER_TOKEN, WIDTH)
    shapes["positions"] = (TOKENS, WIDTH)
    for block in range(BLOCKS):
        for norm in ("attention_norm", "hidden_norm"):
            shapes[f"block{block}.{norm}.weight"] = (WIDTH,)
            shapes[f"block{block}.{norm}.bias"] = (WIDTH,)
        for part in ("query", "key", "value", "mix"):
            shapes |= _linear_shapes(f"block{block}.{part}", WIDTH, WIDTH)
        shapes |= _linear_shapes(f"block{block}.widen", WIDTH, HIDDEN)
        shapes |= _linear_shapes(f"block{block}.narrow", HIDDEN, WIDTH)
    shapes |= {"final_norm.weight": (WIDTH,), "final_norm.bias": (WIDTH,)}
    return shapes | _linear_shapes("head", WIDTH, CLASSES)


def _transformer_logits(weights: Weights, pixels: torch.Tensor) -> torch.Tensor:
    def norm(name: str, source: torch.Tensor) -> torch.Tensor:
        gain, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
        return functional.layer_norm(source, (WIDTH,), gain, bias)

    def heads(name: str, source: torch.Tensor) -> torch.Tensor:
        return _linear(weights, name, source).reshape(-1, TOKENS, HEADS, HEAD_WIDTH).transpose(1, 2)

    state = _linear(weights, "embed", pixels.flatten(1, 2)) + weights["positions"]
    for block in (f"block{index}" for index in range(BLOCKS)):
        source = norm(f"{block}.attention_norm", state)
        query, key, value = (heads(f"{block}.{part}", source) for part in ("query", "key", "value"))
        scores = (query @ key.transpose(2, 3)) / math.sqrt(HEAD_WIDTH)
        mixed = (scores.softmax(-1) @ value).transpose(1, 2).reshape(-1, TOKENS, WIDTH)
        state = state + _linear(weights, f"{block}.mix", mixed)
        hidden = _linear(weights, f"{block}.widen", norm(f"{block}.hidden_norm", state))
        state = state + _linear(weights, f"{block}.narrow", functional.relu(hidden))
    return _linear(weights, "head", norm("final_norm", state).mean(1))


def _transformer_graph(weights: dict[str, Array]) -> ModelProto:
    graph = GraphWriter("digits-transformer")
    rows = graph.reshape("pixels", (0, TOKENS, PIXELS_PER_TOKEN), "rows")
    positions = graph.constant("positions", weights["positions"])
    state = graph.node("Add", [graph.linear(rows, "embed", weights), positions], "placed")
    for block in (f"block{index}" for index in range(BLOCKS)):
        state = _attention(graph, block, state, weights)
        hidden = graph.layer_norm(state, f"{block}.hidden_norm", weights)
        hidden = graph.linear(hidden, f"{block}.widen", weights)
        hidden = graph.node("Relu", [hidden], f"{block}.widen/relu")
        hidden = graph.linear(hidden, f"{block}.narrow", weights)
        state = graph.node("Add", [state, hidden], f"{block}/out")
    final = graph.layer_norm(state, "final_norm", weights)
    pooled = graph.node("ReduceMean", [final], "pooled", axes=[1], keepdims=0)
    graph.linear(pooled, "head", weights, output="logits")
    return graph.model("logits")


def _attention(graph: GraphWriter, block: str, state: str, weights: dict[str, Array]) -> str:
    """Pre-norm multi-head self-attention with its residual; returns the new state."""
    source = graph.layer_norm(state, f"{block}.attention_norm", weights)
    heads = {}
    for part, axes in (("query", [0, 2, 1, 3]), ("key", [0, 2, 3, 1]), ("value", [0, 2, 1, 3])):
        name = f"{block}.{part}"
        split = graph.reshape(
            graph.linear(source, name, weights), (0, TOKENS, HEADS, HEAD_WIDTH), f"{name}/split"
        )
        heads[part] = graph.node("Transpose", [split], f"{name}/heads", perm=axes)
    scores = graph.node("MatMul", [heads["query"], heads["key"]], f"{block}/scores")
    shares = graph.node("Softmax", [scores], f"{block}/softmax", axis=-1)
    mixed = graph.node("MatMul", [shares, heads["value"]], f"{block}/mixed")
    together = graph.node("Transpose", [mixed], f"{block}/together", perm=[0, 2, 1, 3])
    joined = graph.reshape(together, (0, TOKENS, WIDTH), f"{block}/joined")
    output = graph.linear(joined, f"{block}.mix", weights)
    return graph.node("Add", [state, output], f"{block}/attended")


def fold_score_scale(weights: dict[str, Array]) -> dict[str, Array]:
    """Move 1 / sqrt(head width) of the attention scores into the query projection.

    The graph then needs no scalar multiplication between two quantized MatMuls.
    """
    scale = 1 / math.sqrt(HEAD_WIDTH)
    return {
        name: (value * scale).astype(value.dtype) if ".query." in name else value
        for name, value in weights.items()
    }


NETWORKS = (
    Network("digits-mlp", _mlp_shapes(), _mlp_logits, _mlp_graph),
    Network("digits-cnn", _cnn_shapes(), _cnn_logits, _cnn_graph),
    Network(
        "digits-transformer",
        _transformer_shapes(),
        _transformer_logits,
        lambda weights: _transformer_graph(fold_score_scale(weights)),
    ),
)
