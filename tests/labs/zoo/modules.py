"""The three networks as modules of torch, whose layers quantizers of torch know by their classes.

They take the weights of the ONNX files, so that every form of a model holds the same numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import numpy_helper
from torch import nn
from torch.nn import functional

from .networks import BLOCKS, CNN_CHANNELS, HEAD_WIDTH, HEADS, TOKENS, WIDTH

Array = npt.NDArray[Any]
OUTPUT = "logits"


class _Filled(nn.Module):
    """Layers by the names that their weights have in the ONNX file, a point in a name as `_`."""

    def __init__(self, weights: Mapping[str, Array]) -> None:
        super().__init__()
        names = dict.fromkeys(name.rpartition(".")[0] for name in weights if "." in name)
        for name in names:
            layer = _layer(weights[f"{name}.weight"], weights[f"{name}.bias"])
            self.add_module(name.replace(".", "_"), layer)

    def layer(self, name: str, source: torch.Tensor) -> torch.Tensor:
        """What a layer makes of a tensor."""
        made: torch.Tensor = getattr(self, name)(source)
        return made


def _layer(weight: Array, bias: Array) -> nn.Module:
    """The layer that a pair of weights is for: by the number of their axes."""
    layer: nn.Module
    match weight.shape:
        case (width,):
            layer = nn.LayerNorm(width)
        case (inputs, outputs):  # as MatMul has them; Linear holds the other way round
            layer, weight = nn.Linear(inputs, outputs), weight.T
        case (outputs, inputs, size, _):
            layer = nn.Conv2d(inputs, outputs, size, padding=size // 2)
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(np.array(weight)))
        layer.bias.copy_(torch.from_numpy(np.array(bias)))
    return layer


class Mlp(_Filled):
    """Three linear layers."""

    def forward(self, pixels: torch.Tensor) -> dict[str, torch.Tensor]:
        """Pixels [n, 1, 8, 8] to logits [n, 10]."""
        hidden = pixels.flatten(1)
        for name in ("layer0", "layer1"):
            hidden = functional.relu(self.layer(name, hidden))
        return {OUTPUT: self.layer("layer2", hidden)}


class Cnn(_Filled):
    """Four convolutions, an average over what is left of the image, and one more."""

    def forward(self, pixels: torch.Tensor) -> dict[str, torch.Tensor]:
        """Pixels [n, 1, 8, 8] to logits [n, 10]."""
        hidden = pixels
        for index in range(len(CNN_CHANNELS) - 1):
            hidden = functional.relu(self.layer(f"conv{index}", hidden))
            if index in (1, 3):
                hidden = functional.max_pool2d(hidden, 2)
        return {OUTPUT: self.layer("head", hidden.mean((2, 3), keepdim=True)).flatten(1)}


class Transformer(_Filled):
    """Two blocks of attention over the rows of pixels; the scores' scale is in the queries."""

    def __init__(self, weights: Mapping[str, Array]) -> None:
        super().__init__(weights)
        self.positions = nn.Parameter(torch.from_numpy(np.array(weights["positions"])))

    def forward(self, pixels: torch.Tensor) -> dict[str, torch.Tensor]:
        """Pixels [n, 1, 8, 8] to logits [n, 10]."""
        state = self.layer("embed", pixels.flatten(1, 2)) + self.positions
        for block in (f"block{index}" for index in range(BLOCKS)):
            state = state + self._mixed(block, self.layer(f"{block}_attention_norm", state))
            hidden = self.layer(f"{block}_widen", self.layer(f"{block}_hidden_norm", state))
            state = state + self.layer(f"{block}_narrow", functional.relu(hidden))
        return {OUTPUT: self.layer("head", self.layer("final_norm", state).mean(1))}

    def _mixed(self, block: str, source: torch.Tensor) -> torch.Tensor:
        def heads(part: str) -> torch.Tensor:
            split = self.layer(f"{block}_{part}", source).reshape(-1, TOKENS, HEADS, HEAD_WIDTH)
            return split.transpose(1, 2)

        shares = (heads("query") @ heads("key").transpose(2, 3)).softmax(-1)
        mixed = (shares @ heads("value")).transpose(1, 2).reshape(-1, TOKENS, WIDTH)
        return self.layer(f"{block}_mix", mixed)


CLASSES = {"digits-mlp": Mlp, "digits-cnn": Cnn, "digits-transformer": Transformer}


def module_of(model: Path) -> nn.Module:
    """The module of a zoo model, with the weights of its ONNX file."""
    held = onnx.load(str(model)).graph.initializer
    weights = {one.name: numpy_helper.to_array(one) for one in held}
    kept = {name: value for name, value in weights.items() if value.dtype == np.float32}
    return CLASSES[model.stem](kept).eval()
