"""A .pte file of an exported program, with XNNPACK's kernels: ``build.py SPEC.json ANSWER.json``.

Runs in the environment `executorch`: the standard library, numpy and its packages.

The spec says `source` (.pt2), `output`, `format` (`fp32`, `static`, `dynamic`), `inputs` and
`outputs` (names, in the program's order), `batch`, which the file then fixes, and `samples` (npz
of inputs by name, whole batches): its ranges are taken of them, and what was built is compared with
the program on the first ones. The answer says what products there are (`products`: kind,
multiplications, why not quantized or "") and how far each output is from the program's (`gaps`, as
shares of its norm).
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils import _pytree

_COMPARED = 64
"""Calls at most."""
_PRODUCTS = {
    **dict.fromkeys(("conv1d", "conv2d", "conv3d", "convolution"), "Conv"),
    **dict.fromkeys(("conv_transpose1d", "conv_transpose2d"), "ConvTranspose"),
    **dict.fromkeys(("linear", "addmm"), "Gemm"),
    **dict.fromkeys(("mm", "bmm", "matmul", "baddbmm"), "MatMul"),
}
_PASSES_ON = ("t", "permute", "transpose", "view", "reshape", "expand", "clone", "to", "unsqueeze")
_IN_FLOAT = "ExecuTorch's quantizer for XNNPACK left it in float"


def main(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Do what `spec` says; the answer."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    with np.load(spec["samples"], allow_pickle=False) as file:
        samples = {name: file[name] for name in spec["inputs"]}
    program = _loaded(spec["source"])
    calls = [_call(program, samples, spec, at) for at in range(_count(samples, spec))]
    module = program.module()
    try:
        with torch.no_grad():
            expected = [_leaves(module(*args, **kwargs)) for args, kwargs in calls[:_COMPARED]]
            fixed = torch.export.export(module, *calls[0], strict=False)
    except Exception as error:  # each layer of the exporter raises classes of its own
        batch = spec["batch"]
        return {
            "unsupported": f"The program cannot be fixed to a batch of {batch}: {_first(error)}."
        }
    if spec["format"] != "fp32":
        try:
            fixed = _quantized(fixed, calls, dynamic=spec["format"] == "dynamic")
        except Exception as error:
            return {"unsupported": f"Its quantizer does not take the program: {_first(error)}."}
    found = {"products": list(_products(fixed))}
    try:
        made = _lowered(fixed, spec)
    except Exception as error:
        return {"unsupported": f"ExecuTorch does not take the program: {_first(error)}."}
    Path(spec["output"]).write_bytes(made)
    return found | _compared(spec, calls[:_COMPARED], expected)


def _loaded(path: str) -> Any:
    """The program; nothing of the file is unpickled, and no line of it is run."""
    torch.load = lambda *_, **__: {}
    with open(path, "rb") as file:
        program = torch.export.load(file)
    program._guards_code = []
    program.graph_module.requires_grad_(False)
    return program


def _count(samples: Mapping[str, Any], spec: Mapping[str, Any]) -> int:
    return int(max(map(len, samples.values())) // spec["batch"])


def _call(program: Any, samples: Mapping[str, Any], spec: Mapping[str, Any], at: int) -> Any:
    rows = slice(at * spec["batch"], (at + 1) * spec["batch"])
    leaves = [torch.from_numpy(np.ascontiguousarray(samples[one][rows])) for one in spec["inputs"]]
    positional, named = _pytree.tree_unflatten(leaves, program.call_spec.in_spec)
    return tuple(positional), dict(named)


def _leaves(made: Any) -> list[Any]:
    return [one for one in _pytree.tree_leaves(made) if one is not None]


def _quantized(fixed: Any, calls: list[Any], *, dynamic: bool) -> Any:
    """The program with weights of 8 bits per channel, and activations of 8 bits per tensor."""
    from executorch.backends.xnnpack.quantizer.xnnpack_quantizer import (
        XNNPACKQuantizer,
        get_symmetric_quantization_config,
    )
    from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e

    config = get_symmetric_quantization_config(is_per_channel=True, is_dynamic=dynamic)
    prepared = prepare_pt2e(fixed.module(), XNNPACKQuantizer().set_global(config))
    with torch.no_grad():
        for args, kwargs in calls[: 1 if dynamic else None]:
            prepared(*args, **kwargs)
        return torch.export.export(convert_pt2e(prepared), *calls[0], strict=False)


def _lowered(fixed: Any, spec: Mapping[str, Any]) -> bytes:
    """The file; it keeps the names that a program of its own has not."""
    from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
    from executorch.exir import to_edge_transform_and_lower

    names = {f"bitgauge_{side}": "\n".join(spec[side]) for side in ("inputs", "outputs")}
    edge = to_edge_transform_and_lower(
        fixed, partitioner=[XnnpackPartitioner()], constant_methods=names
    )
    return bytes(edge.to_executorch().buffer)


def _products(fixed: Any) -> Iterator[tuple[str, int, str]]:
    for node in fixed.graph.nodes:
        kind = _PRODUCTS.get(_short(node))
        if kind is None:
            continue
        args = node.args[1:] if _short(node) in ("addmm", "baddbmm") else node.args
        sides = [one for one in args[:2] if isinstance(one, torch.fx.Node)]
        whole = len(sides) == 2 and all(map(_is_codes, sides))
        made, weight = node.meta["val"], sides[-1].meta["val"]
        depth = math.prod(weight.shape[1:]) if kind == "Conv" else sides[0].meta["val"].shape[-1]
        yield kind, int(made.numel() * depth), "" if whole else _IN_FLOAT


def _short(node: Any) -> str:
    words = str(node.target).split(".")
    return words[1] if node.op == "call_function" and words[0] == "aten" else ""


def _is_codes(node: Any) -> bool:
    """Whether what a product reads has been codes on its way."""
    while node.op == "call_function":
        if "dequantize" in str(node.target):
            return True
        if _short(node) not in _PASSES_ON or not node.args:
            return False
        node = node.args[0]
    return False


def _compared(
    spec: Mapping[str, Any], calls: list[Any], expected: list[list[Any]]
) -> dict[str, Any]:
    """How far what was built is from the program, executed by ExecuTorch here."""
    from executorch.runtime import Runtime

    method = Runtime.get().load_program(spec["output"]).load_method("forward")
    total = np.zeros((2, len(spec["outputs"])))
    for (args, kwargs), wanted in zip(calls, expected, strict=True):
        found = method.execute(_leaves((args, kwargs)))
        for at, (there, one) in enumerate(zip(found, wanted, strict=True)):
            if there.shape != one.shape or not bool(torch.isfinite(there).all()):
                return {"bad": f"its output {spec['outputs'][at]!r} is infinite or of another size"}
            total[:, at] += (float((there - one).double().square().sum()), _square(one))
    shares = np.sqrt(total[0] / np.where(total[1] > 0, total[1], 1.0))
    return {"gaps": dict(zip(spec["outputs"], shares.tolist(), strict=True))}


def _square(one: Any) -> float:
    return float(one.double().square().sum())


def _first(error: BaseException) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:300].rstrip(".")


if __name__ == "__main__":
    asked, said = map(Path, sys.argv[1:])
    said.write_text(json.dumps(main(json.loads(asked.read_text()))))
