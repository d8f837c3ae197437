"""The zoo in the files of other runtimes, made of the weights in its ONNX files.

    pip install torch==2.13.0 && pip install litert-torch==0.10.0 onnx
    python -m tests.labs.zoo.forms [FOLDER]

One `torch.export` program for each model, of any batch, and one LiteRT file of batch 1, because the
converter takes no size that it does not know. Programs hold plain tensors and no sample inputs:
whatever else a loader would unpickle. `forms.json` records what each was made with. Two runs
give the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import litert_torch
import torch
from bitgauge.benchmarks import zoo
from torch import nn

from .modules import module_of

LARGEST_BATCH = 1024
MADE_WITH = ("torch", "litert-torch", "litert-converter")


def as_program(module: nn.Module, path: Path) -> None:
    """Write the program of a module that takes `pixels` of any batch."""
    batch = torch.export.Dim("batch", min=1, max=LARGEST_BATCH)
    program = torch.export.export(
        module, (), {"pixels": torch.zeros(2, 1, 8, 8)}, dynamic_shapes={"pixels": {0: batch}}
    )
    program._example_inputs = None  # they would be saved as pickles
    for node in program.graph.nodes:
        node.meta.pop("stack_trace", None)  # names folders of the machine that made it
    torch.export.save(program, path)


def as_lite(module: nn.Module, path: Path) -> None:
    """Write the LiteRT file of a module that takes one sample."""
    held = litert_torch.convert(module, sample_kwargs={"pixels": torch.zeros(1, 1, 8, 8)})
    held.export(str(path))


def main(folder: Path) -> None:
    """Write every form into `folder`, and what they are."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.use_deterministic_algorithms(True)
    models: dict[str, dict[str, str]] = {}
    for model in zoo.models():
        module = module_of(model.path)
        models[model.name] = {}
        for kind, write in (("pt2", as_program), ("tflite", as_lite)):
            path = folder / f"{model.name}.{kind}"
            write(module, path)
            models[model.name][kind] = hashlib.sha256(path.read_bytes()).hexdigest()
    record: dict[str, Any] = {
        "versions": {name: version(name) for name in MADE_WITH},
        "models": models,
    }
    (folder / "forms.json").write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else zoo.evaluation_path().parent)
