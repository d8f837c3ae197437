"""Networks of the sizes of ResNet-50 and BERT-base, with random weights, and their formats.

int8 and fp8 are made here of what the library alone has, so that no quantizer has to be there: each
linear layer whose sizes fit quantizes its activations at every call. What they predict means
nothing; what they cost does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional
from torch.utils import _pytree as pytree

TOKENS = 128
_LEAST = 1e-6


class Bottleneck(nn.Module):
    """Three convolutions around a narrow middle (He et al. 2015, arXiv 1512.03385)."""

    def __init__(self, given: int, width: int, stride: int) -> None:
        super().__init__()
        made = 4 * width
        self.inner = nn.Sequential(
            *_convolved(given, width, 1),
            nn.ReLU(),
            *_convolved(width, width, 3, stride),
            nn.ReLU(),
            *_convolved(width, made, 1),
        )
        same = stride == 1 and given == made
        self.beside = nn.Identity() if same else nn.Sequential(*_convolved(given, made, 1, stride))

    def forward(self, x: Any) -> Any:
        return torch.relu(self.inner(x) + self.beside(x))


def _convolved(given: int, made: int, size: int, stride: int = 1) -> tuple[nn.Module, nn.Module]:
    conv = nn.Conv2d(given, made, size, stride, size // 2, bias=False)
    return conv, nn.BatchNorm2d(made)


class Residual(nn.Module):
    """ResNet-50 with `(3, 4, 6, 3)` blocks of width 64; 25.6 million weights."""

    def __init__(self, blocks: tuple[int, ...] = (3, 4, 6, 3), width: int = 64) -> None:
        super().__init__()
        layers: list[nn.Module] = [*_convolved(3, width, 7, 2), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
        given = width
        for stage, count in enumerate(blocks):
            for at in range(count):
                own = width << stage
                layers.append(Bottleneck(given, own, 2 if stage and not at else 1))
                given = 4 * own
        self.body = nn.Sequential(*layers)
        self.head = nn.Linear(given, 1008)

    def forward(self, x: Any) -> Any:
        return self.head(self.body(x).mean((2, 3)))


class Block(nn.Module):
    """Attention and two layers, each beside what it is given (Devlin et al. 2018)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.given, self.made = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.first, self.second = nn.LayerNorm(width), nn.LayerNorm(width)

    def forward(self, x: Any) -> Any:
        batch, tokens, width = x.shape
        split = self.given(x).view(batch, tokens, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        seen = functional.scaled_dot_product_attention(split[0], split[1], split[2])
        x = self.first(x + self.made(seen.transpose(1, 2).reshape(batch, tokens, width)))
        return self.second(x + self.down(functional.gelu(self.up(x))))


class Encoder(nn.Module):
    """BERT-base's 12 blocks of width 768 on vectors of 128 tokens; 85 million weights."""

    def __init__(self, blocks: int = 12, width: int = 768, heads: int = 12) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*(Block(width, heads) for _ in range(blocks)))
        self.head = nn.Linear(width, 16)

    def forward(self, x: Any) -> Any:
        return self.head(self.blocks(x)[:, 0])


class Within(nn.Module):
    """A network that takes and returns float32 and computes in another type."""

    def __init__(self, inner: nn.Module, dtype: torch.dtype) -> None:
        super().__init__()
        self.inner, self.dtype = inner.to(dtype), dtype

    def forward(self, x: Any) -> Any:
        made = self.inner(x.to(self.dtype))
        return pytree.tree_map(lambda one: one.float(), made)


class Quantized(nn.Module):
    """A linear layer with codes for weights and activations, each row with a scale of its own."""

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        scale = layer.weight.abs().amax(1).clamp_min(_LEAST) / 127
        codes = (layer.weight / scale[:, None]).round().clamp(-127, 127).to(torch.int8)
        self.register_buffer("codes", codes.detach())
        self.register_buffer("scale", scale.detach())
        self.bias = layer.bias

    def forward(self, x: Any) -> Any:
        flat = x.reshape(-1, x.shape[-1])
        own = flat.abs().amax(1, keepdim=True).clamp_min(_LEAST) / 127
        codes = (flat / own).round().clamp(-127, 127).to(torch.int8)
        made = torch._int_mm(codes, self.codes.t()).to(x.dtype) * own * self.scale + self.bias
        return made.reshape(*x.shape[:-1], -1)


class Narrow(nn.Module):
    """A linear layer in FP8 (e4m3), with one scale for the weights and one for a call."""

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        scale = layer.weight.abs().max().clamp_min(_LEAST) / 448
        self.register_buffer("codes", (layer.weight / scale).to(torch.float8_e4m3fn).detach())
        self.register_buffer("scale", scale.float().detach())
        self.bias = layer.bias

    def forward(self, x: Any) -> Any:
        flat = x.reshape(-1, x.shape[-1])
        own = flat.abs().max().clamp_min(_LEAST).float() / 448
        codes = (flat / own).to(torch.float8_e4m3fn)
        made = torch._scaled_mm(codes, self.codes.t(), own, self.scale, out_dtype=torch.bfloat16)
        return made.to(x.dtype).reshape(*x.shape[:-1], -1) + self.bias


def replaced(net: nn.Module, kind: Callable[[nn.Linear], nn.Module]) -> int:
    """Replaces the linear layers of a network whose sizes fit; gives how many."""
    count = 0
    for name, inner in list(net.named_children()):
        if isinstance(inner, nn.Linear):
            if not inner.in_features % 16 and not inner.out_features % 16:
                setattr(net, name, kind(inner))
                count += 1
        else:
            count += replaced(inner, kind)
    return count


def made(name: str, *, small: bool) -> tuple[nn.Module, Any]:
    """A network and what it takes, the same at each call."""
    torch.manual_seed(20_261_201)
    net: nn.Module
    if name == "resnet":
        net = Residual((1, 1), 16) if small else Residual()
        side, batch = (32, 32) if small else (224, 32)
        return net.eval(), torch.randn(batch, 3, side, side)
    net = Encoder(1, 64, 4) if small else Encoder()
    return net.eval(), torch.randn(8, TOKENS, 64 if small else 768)


def in_format(net: nn.Module, name: str) -> nn.Module:
    """A network in a format.

    Raises:
        ValueError: it has no layer that can be had in it.
    """
    if name in ("fp32", "tf32"):
        return net
    if name in ("fp16", "bf16"):
        return Within(net, torch.float16 if name == "fp16" else torch.bfloat16)
    if not replaced(net, Quantized if name == "int8" else Narrow):
        raise ValueError(f"it has no layer that can be had in {name} here")
    return net
