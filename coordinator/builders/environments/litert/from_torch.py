"""A .tflite file of an exported program: ``from_torch.py SPEC.json ANSWER.json``.

Runs in the environment `litert`: the standard library, numpy and its packages.

The spec says `source` (.pt2), `output`, `inputs` ([name, dtype, shape] in the program's order, the
first axis the batch), `outputs` (names), `samples` (npz of inputs by name) and `expected` (npz that
is written: what the program itself gives for them, by name).

The converter takes fixed sizes alone, so `samples` are of one batch or several whole ones. Inputs
and outputs keep their names, because the program is called by name and returns a dictionary.
"""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils import _pytree


class NamedProgram(torch.nn.Module):
    """An exported program, called by names and returning a dictionary."""

    def __init__(self, program: Any, inputs: list[str], outputs: list[str]) -> None:
        super().__init__()
        self.program = program.module()
        self.training = False  # `eval` would ask the program, which knows one mode alone
        self._form, self._inputs, self._outputs = program.call_spec.in_spec, inputs, outputs

    def forward(self, **given: Any) -> dict[str, Any]:
        """One call."""
        leaves = [given[name] for name in self._inputs]
        arguments, options = _pytree.tree_unflatten(leaves, self._form)
        found = _pytree.tree_leaves(self.program(*arguments, **options))
        return dict(zip(self._outputs, found, strict=True))


def main(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Do what `spec` says; the answer."""
    with np.load(spec["samples"], allow_pickle=False) as file:
        samples = {name: file[name] for name, *_ in spec["inputs"]}
    batch = int(spec["batch"])
    program = _loaded(spec["source"])
    program.graph_module.requires_grad_(False)
    module = NamedProgram(program, [name for name, *_ in spec["inputs"]], spec["outputs"])
    calls = max(map(len, samples.values())) // batch
    try:
        with torch.no_grad():
            given = [module(**_call(samples, at, batch)) for at in range(calls)]
    except (RuntimeError, AssertionError, ValueError) as error:
        return {"unsupported": f"The program does not take a batch of {batch}: {_first(error)}."}
    made = {name: np.concatenate([one[name].numpy() for one in given]) for name in given[0]}
    np.savez(spec["expected"], allow_pickle=False, **made)
    import litert_torch

    try:
        converted = litert_torch.convert(module, sample_kwargs=_call(samples, 0, batch))
    except Exception as error:  # each layer of it raises classes of its own
        return {"unsupported": f"The converter does not take the program: {_first(error)}."}
    converted.export(spec["output"])
    return {"batch": batch, "samples": calls * batch}


def _loaded(path: str) -> Any:
    """The program; nothing of the file is unpickled but plain tensors, and no line of it is run."""
    # The loader tries again without restraint where a pickle is none of plain tensors.
    torch.load = functools.partial(_plain, torch.load)
    program = torch.export.load(path)
    program._guards_code = []
    return program


def _plain(load: Any, *arguments: Any, **options: Any) -> Any:
    return load(*arguments, **{**options, "weights_only": True})


def _call(samples: Mapping[str, Any], at: int, batch: int) -> dict[str, Any]:
    rows = slice(at * batch, (at + 1) * batch)
    return {
        name: torch.from_numpy(np.ascontiguousarray(array[rows])) for name, array in samples.items()
    }


def _first(error: Exception) -> str:
    """The first line of what it says."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:300].rstrip(".")


if __name__ == "__main__":
    asked, said = map(Path, sys.argv[1:])
    said.write_text(json.dumps(main(json.loads(asked.read_text()))))
