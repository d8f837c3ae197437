"""Writes exported programs; the library alone is needed.

Runs in the environment `torch`, and in an interpreter of the user's.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import torch

_NOTES = ("stack_trace", "nn_module_stack", "source_fn_stack", "torch_fn", "custom", "from_node")


def write(program: Any, path: str) -> None:
    """Write a program that holds plain tensors: no sample inputs, no notes of who exported it.

    Equal programs give equal bytes: the archive names its one folder after the file.
    """
    program._example_inputs = None
    program._guards_code = []
    for module in program.graph_module.modules():
        for node in getattr(getattr(module, "graph", None), "nodes", ()):
            for note in _NOTES:
                node.meta.pop(note, None)
    with tempfile.TemporaryDirectory(dir=Path(path).parent) as folder:
        made = Path(folder) / "model.pt2"
        torch.export.save(program, made)
        os.replace(made, path)
