"""A quantized program of an exported one: ``quantize.py SPEC.json ANSWER.json``.

The spec says `source`, `output` and `format`: `half` (`dtype`), `layers` (`how`, for `int4` its
`block`) or `static`; the last with `calibration` (npz, `inputs/NAME`) and `batch`, the one size
that the program then takes. The answer names what was left (`left`: name to reason), and of how
many tensors (`ranges`) and `samples` there are ranges.
"""

from __future__ import annotations

import copy
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))  # python -I leaves it out

import linears
import numpy as np
import programs
import torch
import writing
from torch import nn

_ATEN = torch.ops.aten
_HALF_REACHES = 65504.0


def main(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Do what `spec` says; the answer."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    program = programs.read(spec["source"])
    makers = {"half": half, "layers": layers, "static": static}
    return makers[spec["format"]](program, spec)


def half(program: Any, spec: Mapping[str, Any]) -> dict[str, Any]:
    """Every float tensor in half precision; inputs and outputs stay as they are."""
    dtype = getattr(torch, spec["dtype"])
    module = program.module()
    held = [one for one in (*module.parameters(), *module.buffers()) if one.dtype == torch.float32]
    if not held:
        return {"unsupported": f"The model holds no float32 weight that could become {dtype}."}
    beyond = max((float(one.abs().max()) for one in held if one.numel()), default=0.0)
    if dtype == torch.float16 and beyond > _HALF_REACHES:
        return {"unsupported": f"A weight is {beyond:.3g}, and float16 reaches 65504."}
    module._apply(lambda one: one.to(dtype) if one.dtype == torch.float32 else one)
    _convert_border(module, dtype)
    return _tried(program, module, spec, {})


def _convert_border(module: Any, dtype: Any) -> None:
    """Convert inputs after they come in, outputs before they go, and types that are spelled out."""
    graph = module.graph
    for node in list(graph.nodes):
        if node.op == "placeholder" and _is_float(node):
            with graph.inserting_after(node):
                cast = graph.call_function(_ATEN.to.dtype, (node, dtype))
            node.replace_all_uses_with(cast, delete_user_cb=lambda user, own=cast: user is not own)
        elif node.op == "call_function" and node.kwargs.get("dtype") is torch.float32:
            node.kwargs = {**node.kwargs, "dtype": dtype}
        elif node.op == "output":
            with graph.inserting_before(node):
                node.args = torch.fx.map_arg(
                    node.args,
                    lambda one: (
                        graph.call_function(_ATEN.to.dtype, (one, torch.float32))
                        if _is_float(one)
                        else one
                    ),
                )
    graph.lint()
    module.recompile()


def _is_float(node: Any) -> bool:
    value = node.meta.get("val")
    return isinstance(value, torch.Tensor) and value.dtype == torch.float32


def layers(program: Any, spec: Mapping[str, Any]) -> dict[str, Any]:
    """Weights of linear layers by torchao, unwrapped into plain tensors."""
    import torchao.quantization as ao
    from torchao.utils import unwrap_tensor_subclass

    module = program.module()
    names = linears.with_layers(module)
    if not names:
        return {
            "unsupported": "torchao quantizes linear layers alone, and the program has none:"
            f" {_other_products(program)}."
        }
    block = int(spec.get("block") or 0)
    configs: dict[str, Callable[[], Any]] = {
        "int8-dynamic": ao.Int8DynamicActivationInt8WeightConfig,
        "int8-wo": ao.Int8WeightOnlyConfig,
        "fp8-wo": lambda: ao.Float8WeightOnlyConfig(granularity=ao.PerRow()),
        "int4-wo": lambda: ao.IntxWeightOnlyConfig(
            weight_dtype=torch.int4, granularity=ao.PerGroup(block)
        ),
    }
    left = {
        name.removeprefix("layer_"): f"{layer.in_features} inputs, which {block} does not divide"
        for name in names
        if block and (layer := module.get_submodule(name)).in_features % block
    }
    if len(left) == len(names):
        return {"unsupported": f"No layer can be quantized: {_listed(left)}."}
    wanted = {one for one in names if one.removeprefix("layer_") not in left}
    ao.quantize_(
        module,
        configs[spec["how"]](),
        filter_fn=lambda one, name: isinstance(one, nn.Linear) and name in wanted,
    )
    programs.without_what_nobody_reads(module)
    return _tried(program, unwrap_tensor_subclass(module), spec, left)


def _other_products(program: Any) -> str:
    """What it multiplies with instead."""
    kinds = sorted(
        {
            str(one.target).removeprefix("aten.").partition(".")[0]
            for one in program.graph.nodes
            if one.op == "call_function" and ("conv" in str(one.target) or "mm" in str(one.target))
        }
    )
    return f"its products are {', '.join(kinds)}" if kinds else "it has no products"


def _listed(left: Mapping[str, str]) -> str:
    return "; ".join(f"{name} has {why}" for name, why in list(left.items())[:4])


def static(program: Any, spec: Mapping[str, Any]) -> dict[str, Any]:
    """Weights and activations in integers, by ranges of the calibration set.

    For one batch size: compiled for any, with its weights folded in, such a program computes
    something else than it says.
    """
    import calibrated

    with np.load(spec["calibration"], allow_pickle=False) as file:
        inputs = {one.name: file[f"inputs/{one.name}"] for one in programs.given_to(program)}
    batch = int(spec["batch"])
    calls = min(map(len, inputs.values())) // batch
    example = programs.tensors_of(program, inputs, slice(0, batch))
    try:
        fixed = programs.exported_for(program.module(), program, example)
    except Exception as error:  # each layer of the exporter raises classes of its own
        why = programs.first_line(error)
        return {"unsupported": f"The program cannot be fixed to a batch of {batch}: {why}."}
    prepared = calibrated.prepared(copy.deepcopy(fixed.module()))
    for at in range(calls):
        programs.called(program, prepared, inputs, slice(at * batch, (at + 1) * batch))
    unseen = calibrated.unseen(prepared)
    if unseen:
        return {"unsupported": f"No sample of the calibration set gives {unseen[0]} a value."}
    ranges = calibrated.count(prepared)
    if not ranges:
        return {"unsupported": "The quantizer found no operator in the program that it knows."}
    module = calibrated.converted(prepared)
    programs.without_what_nobody_reads(module)
    made = programs.exported_for(module, program, example)
    writing.write(made, spec["output"])
    return {"ranges": ranges, "samples": calls * batch}


def _tried(
    program: Any, module: Any, spec: Mapping[str, Any], left: Mapping[str, str]
) -> dict[str, Any]:
    """Export a module and write it."""
    try:
        made = programs.exported(module, program)
    except Exception as error:  # each layer of the exporter raises classes of its own
        why = programs.first_line(error)
        return {"unsupported": f"What was quantized cannot be exported: {why}."}
    writing.write(made, spec["output"])
    return {"left": dict(left)}


if __name__ == "__main__":
    asked, said = map(Path, sys.argv[1:])
    said.write_text(json.dumps(main(json.loads(asked.read_text()))))
