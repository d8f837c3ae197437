"""Products of an exported program as layers that a quantizer knows by their class.

torchao quantizes `nn.Linear` and nothing else, and a program has none: it calls operators. Here
each product of an activation and a weight that the file holds becomes such a layer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

_ATEN = torch.ops.aten
_TURNS = (_ATEN.t.default, _ATEN.transpose.int, _ATEN.permute.default)


@dataclass(frozen=True)
class _Product:
    """One product: what it reads, its weight as a layer holds it, and its bias."""

    source: Any
    weight: str
    turned: bool
    bias: str | None = None


def with_layers(module: Any) -> list[str]:
    """Put a layer in place of each product; their names, in the order of the graph."""
    layers: dict[tuple[str, bool, str | None], str] = {}
    for node in list(module.graph.nodes):
        found = _product(module, node)
        if found is None:
            continue
        key = (found.weight, found.turned, found.bias)
        if key not in layers:
            layers[key] = f"layer_{node.name}"
            module.add_submodule(layers[key], _layer(module, found))
        with module.graph.inserting_before(node):
            call = module.graph.call_module(layers[key], (found.source,))
        call.meta["val"] = node.meta.get("val")
        node.replace_all_uses_with(call)
        module.graph.erase_node(node)
    for node in reversed(list(module.graph.nodes)):
        if not node.users and (node.op == "get_attr" or node.target in _TURNS):
            module.graph.erase_node(node)
    module.graph.lint()
    module.recompile()
    return list(layers.values())


def _product(module: Any, node: Any) -> _Product | None:
    """The product that a node is; None for one that a layer cannot stand for."""
    if node.op != "call_function" or node.kwargs:
        return None
    given = node.args
    if node.target == _ATEN.linear.default:
        source, weight, *rest = given
        bias = rest[0] if rest else None
        turned = False
    elif node.target == _ATEN.addmm.default:
        bias, source, weight = given
        turned = True
    elif node.target in (_ATEN.mm.default, _ATEN.matmul.default):
        (source, weight), bias, turned = given, None, True
    else:
        return None
    if getattr(weight, "target", None) in _TURNS and _matrix(module, weight.args[0]) is not None:
        weight, turned = weight.args[0], not turned
    held = _matrix(module, weight)
    if held is None or _matrix(module, source) is not None:
        return None
    wide = held.shape[1] if turned else held.shape[0]
    if bias is not None and getattr(_held(module, bias), "shape", None) != (wide,):
        return None
    return _Product(source, weight.target, turned, bias.target if bias is not None else None)


def _held(module: Any, node: Any) -> Any:
    """The tensor that a node fetches; None for what is computed."""
    if getattr(node, "op", None) != "get_attr":
        return None
    owner, _, name = str(node.target).rpartition(".")
    return getattr(module.get_submodule(owner), name, None)


def _matrix(module: Any, node: Any) -> Any:
    found = _held(module, node)
    is_matrix = isinstance(found, torch.Tensor) and found.dim() == 2
    return found if is_matrix and found.dtype == torch.float32 else None


def _layer(module: Any, found: _Product) -> nn.Linear:
    weight = _value(module, found.weight)
    weight = (weight.t() if found.turned else weight).detach().clone().contiguous()
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=found.bias is not None)
    layer.weight = nn.Parameter(weight, requires_grad=False)
    if found.bias is not None:
        bias = _value(module, found.bias).detach().clone()
        layer.bias = nn.Parameter(bias, requires_grad=False)
    layer.training = False
    return layer


def _value(module: Any, name: str) -> Any:
    owner, _, last = name.rpartition(".")
    return getattr(module.get_submodule(owner), last)
