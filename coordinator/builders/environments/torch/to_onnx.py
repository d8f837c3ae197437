"""An ONNX file of an exported program: ``to_onnx.py SPEC.json ANSWER.json``.

The spec says `source`, `output`, `samples` (npz of inputs by name), `expected` and `inner` (npz
that are written: what the program returns for them, and what its operators compute, by name).
Inputs and outputs keep their names, and so does what is computed on the way as far as the exporter
leaves it there; `inner` holds it in the order in which it is computed.
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

MOST_INNER_BYTES = 256 << 20
"""Of what operators compute; what comes after it is not compared by name."""


def main(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Do what `spec` says; the answer."""
    torch.set_num_threads(1)
    with np.load(spec["samples"], allow_pickle=False) as file:
        samples = {name: file[name] for name in file.files}
    program = programs.read(spec["source"])
    names = programs.output_names(program)
    try:
        found = programs.called(program, program.module(), samples, slice(None))
    except Exception as error:  # each operator raises classes of its own
        return {"unsupported": f"The program does not take its samples: {_said(error)}."}
    np.savez(spec["expected"], allow_pickle=False, **dict(zip(names, _arrays(found), strict=True)))
    try:
        with torch.no_grad():
            made = torch.onnx.export(program, dynamo=True, output_names=names, verbose=False)
    except Exception as error:  # each layer of the exporter raises classes of its own
        return {"unsupported": f"The exporter does not take the program: {_said(error)}."}
    _save(made, spec["output"])
    recorder = _Recorder(made.exported_program)
    with torch.no_grad():
        recorder.record(programs.tensors_of(program, samples, slice(None)), program)
    np.savez(spec["inner"], allow_pickle=False, **recorder.values)
    return {"opset": made.model.opset_imports.get("", 0)}


def _save(made: Any, path: str) -> None:
    """Write the file, without what it says of the sources that it comes from."""
    model = made.model_proto
    model.ClearField("metadata_props")
    for graph in (model.graph, *model.functions):
        graph.ClearField("metadata_props")
        for part in (*graph.node, *graph.value_info):
            part.ClearField("metadata_props")
            part.ClearField("doc_string")
    for held in (*model.graph.input, *model.graph.output, *model.graph.initializer):
        held.ClearField("metadata_props")
    Path(path).write_bytes(model.SerializeToString(deterministic=True))


class _Recorder(torch.fx.Interpreter):
    """Runs a program and keeps what its operators compute.

    Args:
        program: as the exporter has rewritten it, whose names its file has.
    """

    def __init__(self, program: Any) -> None:
        super().__init__(program.graph_module)
        self.values: dict[str, Any] = {}
        self._program, self._room = program, MOST_INNER_BYTES

    def record(self, leaves: list[Any], source: Any) -> None:
        """One call."""
        positional, named = programs.arguments(source, leaves)
        self.run(*self._program._graph_module_flat_inputs(positional, named))

    def run_node(self, n: Any) -> Any:
        """Run one operator."""
        value = super().run_node(n)
        if n.op == "call_function" and isinstance(value, torch.Tensor):
            self._room -= value.numel() * value.element_size()
            if self._room > 0 and value.dtype == torch.float32:
                self.values[n.name] = value.detach().numpy().copy()
        return value


def _arrays(found: list[Any]) -> list[Any]:
    return [one.detach().numpy() for one in found]


_said = programs.first_line

if __name__ == "__main__":
    asked, said = map(Path, sys.argv[1:])
    said.write_text(json.dumps(main(json.loads(asked.read_text()))))
