"""Static ranges of a program by torchao's PT2E, for the CPU kernels of Inductor."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch
from torchao.quantization.pt2e import MinMaxObserver
from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e
from torchao.quantization.pt2e.quantizer import x86_inductor_quantizer as x86

_EPSILON = 2**-12
"""The smallest scale, as the quantizer's own setting has it."""


def prepared(module: Any) -> Any:
    """A module of fixed sizes with observers in it."""
    usual = x86.get_default_x86_inductor_quantization_config()
    # Its own setting fits a histogram; smallest and largest value is what the recipe says.
    activation = replace(
        usual.input_activation,
        observer_or_fake_quant_ctr=MinMaxObserver.with_args(eps=_EPSILON),
    )
    config = replace(usual, input_activation=activation, output_activation=activation)
    return prepare_pt2e(module, x86.X86InductorQuantizer().set_global(config))


def converted(module: Any) -> Any:
    """With quantized weights and fixed scales in place of observers."""
    return convert_pt2e(module)


def _observers(module: Any) -> Iterator[tuple[str, Any]]:
    """Of activations, each once and with what it looks at."""
    seen = set()
    for node in module.graph.nodes:
        if node.op != "call_module":
            continue
        one = module.get_submodule(str(node.target))
        if isinstance(one, MinMaxObserver) and id(one) not in seen:
            seen.add(id(one))
            yield str(node.args[0]), one


def unseen(module: Any) -> list[str]:
    """What no value has come by."""
    return [
        name
        for name, one in _observers(module)
        if not one.min_val.numel() or not bool(torch.isfinite(one.min_val).all())
    ]


def count(module: Any) -> int:
    """How many activations get a fixed scale."""
    return sum(1 for _ in _observers(module))
