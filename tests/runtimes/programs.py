"""Programs of `torch.export` with the weights of the zoo, made once in a session."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from bitgauge.benchmarks import zoo
from onnx import numpy_helper
from torch import nn
from torch.nn import functional

CALIBRATION = 64
BATCH = 8


class Twin(nn.Module):
    """The layers of a zoo model as modules, which quantizers look for."""

    def __init__(self, name: str) -> None:
        super().__init__()
        path = next(one.path for one in zoo.models() if one.name == name)
        held = {
            one.name: torch.from_numpy(numpy_helper.to_array(one).copy())
            for one in onnx.load(path).graph.initializer
        }
        self.layers = nn.ModuleDict()
        for full in sorted(held):
            layer = full.removesuffix(".weight")
            if layer != full:
                self.layers[layer] = _layer(held[full], held[f"{layer}.bias"])


def _layer(weight: Any, bias: Any) -> nn.Module:
    if weight.ndim == 4:
        outputs, inputs, *kernel = weight.shape
        layer: Any = nn.Conv2d(inputs, outputs, kernel, padding=kernel[0] // 2)
        layer.weight.data = weight
    else:
        layer = nn.Linear(*weight.shape)
        layer.weight.data = weight.T.contiguous()
    layer.bias.data = bias
    return layer


class Mlp(Twin):
    def __init__(self) -> None:
        super().__init__("digits-mlp")

    def forward(self, pixels: Any) -> dict[str, Any]:
        hidden = functional.relu(self.layers["layer0"](pixels.flatten(1)))
        return {"logits": self.layers["layer2"](functional.relu(self.layers["layer1"](hidden)))}


class Cnn(Twin):
    def __init__(self) -> None:
        super().__init__("digits-cnn")

    def forward(self, pixels: Any) -> dict[str, Any]:
        hidden = pixels
        for at in range(4):
            hidden = functional.relu(self.layers[f"conv{at}"](hidden))
            if at in (1, 3):
                hidden = functional.max_pool2d(hidden, 2)
        return {"logits": self.layers["head"](hidden.mean((2, 3), keepdim=True)).flatten(1)}


class Bfloat(nn.Module):
    """A model that takes, computes and returns bfloat16."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = Mlp().to(torch.bfloat16)

    def forward(self, pixels: Any) -> dict[str, Any]:
        return dict(self.inner(pixels))


class Function(nn.Module):
    """A function as a module."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Any) -> Any:
        return self.function(x)


def pixels(count: int = BATCH) -> Any:
    """The first samples for calibration."""
    held = np.load(zoo.calibration_path())["inputs/pixels"][:count]
    return torch.from_numpy(held.copy())


def export(module: nn.Module, example: Any, *, free: bool = True) -> Any:
    """As a program without sample inputs; its first axis is free or not."""
    axes = ({0: torch.export.Dim("batch", min=1, max=1024)},) if free else None
    made = torch.export.export(module.eval(), (example,), dynamic_shapes=axes)
    made._example_inputs = None
    return made


def saved(made: Any, path: Path) -> Path:
    torch.export.save(made, str(path))
    return path


def quantized(module: nn.Module, *, free: bool) -> Any:
    """Static int8 by PT2E, as the x86 compiler wants it."""
    from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e
    from torchao.quantization.pt2e.quantizer import x86_inductor_quantizer as x86

    graph = export(module, pixels(), free=free).module()
    chosen = x86.X86InductorQuantizer().set_global(
        x86.get_default_x86_inductor_quantization_config()
    )
    prepared = prepare_pt2e(graph, chosen)
    with torch.no_grad():
        for at in range(0, CALIBRATION, BATCH):
            prepared(pixels(CALIBRATION)[at : at + BATCH])
    axes = ({0: torch.export.Dim("batch", min=1, max=1024)},) if free else None
    made = torch.export.export(convert_pt2e(prepared), (pixels(),), dynamic_shapes=axes)
    made._example_inputs = None
    return made


def of_torchao(module: nn.Module, config: Any) -> Any:
    from torchao.quantization import quantize_

    quantize_(module, config)
    return export(module, pixels())


@functools.cache
def makers() -> dict[str, Callable[[], Any]]:
    """How each program is made, by the name of its file."""
    from torchao.quantization import (
        Int8DynamicActivationInt8WeightConfig,
        Int8WeightOnlyConfig,
    )

    return {
        "mlp": lambda: export(Mlp(), pixels()),
        "cnn": lambda: export(Cnn(), pixels()),
        "mlp-bf16": lambda: export(Bfloat(), pixels().bfloat16()),
        "mlp-dynamic": lambda: of_torchao(Mlp(), Int8DynamicActivationInt8WeightConfig()),
        "mlp-weights": lambda: of_torchao(Mlp(), Int8WeightOnlyConfig()),
        "cnn-static": lambda: quantized(Cnn(), free=False),
        "cnn-static-free": lambda: quantized(Cnn(), free=True),
    }
