"""What an exported program answers to samples: ``answers.py SPEC.json ANSWER.json``.

The spec says `source`, `samples` (npz, `CALL/INPUT` for each input of each call), and `outputs` and
`inner` (npz that are written: `CALL/OUTPUT` of each call, and what the operators compute in the
first one, by name and in that order). The answer says why the program does not take the samples
(`refused`), or nothing.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))  # python -I leaves it out

import numpy as np
import programs
import torch

MOST_INNER_BYTES = 64 << 20
"""Of what operators compute; what comes after it is not compared by name."""


def main(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Do what `spec` says; the answer."""
    torch.set_num_threads(1)
    calls: dict[str, dict[str, Any]] = {}
    with np.load(spec["samples"], allow_pickle=False) as file:
        for key in file.files:
            call, _, name = key.partition("/")
            calls.setdefault(call, {})[name] = file[key]
    program = programs.read(spec["source"])
    names, module, outputs = programs.output_names(program), program.module(), {}
    try:
        for call, samples in calls.items():
            found = programs.called(program, module, samples, slice(None))
            for name, value in zip(names, found, strict=True):
                outputs[f"{call}/{name}"] = value.detach().numpy()
    except Exception as error:  # each operator raises classes of its own
        return {"refused": programs.first_line(error)}
    np.savez(spec["outputs"], allow_pickle=False, **outputs)
    first = programs.tensors_of(program, next(iter(calls.values())), slice(None))
    np.savez(spec["inner"], allow_pickle=False, **computed(program, first))
    return {}


def computed(program: Any, leaves: list[Any]) -> dict[str, Any]:
    """What the operators of a program compute of some inputs, in float32, by name."""
    recorder = _Recorder(program.graph_module)
    positional, named = programs.arguments(program, leaves)
    with torch.no_grad():
        recorder.run(*program._graph_module_flat_inputs(positional, named))
    return recorder.values


class _Recorder(torch.fx.Interpreter):
    """Runs a graph and keeps what its operators compute."""

    def __init__(self, module: Any) -> None:
        super().__init__(module)
        self.values: dict[str, Any] = {}
        self._room = MOST_INNER_BYTES

    def run_node(self, n: Any) -> Any:
        """Run one operator."""
        value = super().run_node(n)
        if n.op == "call_function" and isinstance(value, torch.Tensor):
            self._room -= value.numel() * value.element_size()
            if self._room > 0 and value.dtype == torch.float32:
                self.values[n.name] = value.detach().numpy().copy()
        return value


if __name__ == "__main__":
    asked, said = map(Path, sys.argv[1:])
    said.write_text(json.dumps(main(json.loads(asked.read_text()))))
