"""Programs of `torch.export` with the weights of the zoo, made once in a session."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from bitgauge.benchmarks import zoo
from torch import nn

from tests.labs.zoo.modules import module_of

MLP, CNN, TRANSFORMER = (one.name for one in zoo.models())
CALIBRATION = 64
BATCH = 8


def module(name: str) -> Any:
    """A model of the zoo as a module."""
    return module_of(next(one.path for one in zoo.models() if one.name == name))


class Bfloat(nn.Module):
    """A model that takes, computes and returns bfloat16."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = module(MLP).to(torch.bfloat16)

    def forward(self, pixels: Any) -> dict[str, Any]:
        return dict(self.inner(pixels))


class Small(nn.Module):
    """Two layers with weights of no meaning, where a model does not matter."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(7)
        self.first, self.second = nn.Linear(64, 32), nn.Linear(32, 10)

    def forward(self, pixels: Any) -> dict[str, Any]:
        return {"logits": self.second(torch.relu(self.first(pixels.flatten(1))))}


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


def export(of: nn.Module, example: Any, *, free: bool = True) -> Any:
    """As a program without sample inputs; its first axis is free or not."""
    axes = ({0: torch.export.Dim("batch", min=1, max=1024)},) if free else None
    made = torch.export.export(of.eval(), (example,), dynamic_shapes=axes)
    made._example_inputs = None
    return made


def saved(made: Any, path: Path) -> Path:
    torch.export.save(made, str(path))
    return path


def quantized(of: nn.Module, *, free: bool) -> Any:
    """Static int8 by PT2E, as the x86 compiler wants it."""
    from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e
    from torchao.quantization.pt2e.quantizer import x86_inductor_quantizer as x86

    graph = export(of, pixels(), free=free).module()
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


def of_torchao(of: nn.Module, config: Any) -> Any:
    from torchao.quantization import quantize_

    quantize_(of, config)
    return export(of, pixels())


@functools.cache
def makers() -> dict[str, Callable[[], Any]]:
    """How each program is made, by the name of its file."""
    from torchao.quantization import (
        Int8DynamicActivationInt8WeightConfig,
        Int8WeightOnlyConfig,
    )

    return {
        "mlp-bf16": lambda: export(Bfloat(), pixels().bfloat16()),
        "mlp-dynamic": lambda: of_torchao(module(MLP), Int8DynamicActivationInt8WeightConfig()),
        "mlp-weights": lambda: of_torchao(module(MLP), Int8WeightOnlyConfig()),
        "small-static": lambda: quantized(Small(), free=False),
        "cnn-static": lambda: quantized(module(CNN), free=False),
        "cnn-static-free": lambda: quantized(module(CNN), free=True),
    }
