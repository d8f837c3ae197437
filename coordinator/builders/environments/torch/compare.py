"""How far a built program is from its source on samples: ``compare.py SPEC.json ANSWER.json``.

The spec says `source`, `built` and `samples` (npz of inputs by name). The answer says for each
output the norm of the difference over the norm of the source's (`gaps`) and which output holds what
is no number where the source has one (`infinite`); or why the source does not take the samples
(`refused`), or what was built does not (`broken`).
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


def main(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Do what `spec` says; the answer."""
    torch.set_num_threads(1)
    with np.load(spec["samples"], allow_pickle=False) as file:
        samples = {name: file[name] for name in file.files}
    everything = slice(None)
    source = programs.read(spec["source"])
    try:
        expected = programs.called(source, source.module(), samples, everything)
    except Exception as error:  # each operator raises classes of its own
        return {"refused": programs.first_line(error)}
    built = programs.read(spec["built"])
    try:
        found = programs.called(built, built.module(), samples, everything)
    except Exception as error:
        return {"broken": programs.first_line(error)}
    return compared(programs.output_names(source), expected, found)


def compared(names: list[str], expected: list[Any], found: list[Any]) -> dict[str, Any]:
    """The answer for what both returned."""
    gaps: dict[str, float] = {}
    for name, before, after in zip(names, expected, found, strict=True):
        if before.shape != after.shape or before.dtype != after.dtype:
            return {"broken": f"output {name} is {tuple(after.shape)} of {after.dtype}"}
        kept = torch.isfinite(before)
        wanted, there = before[kept].double(), after[kept].double()
        if not bool(torch.isfinite(there).all()):
            return {"infinite": name}
        size = float(wanted.norm())
        gaps[name] = float((there - wanted).norm()) / size if size else 0.0
    return {"gaps": gaps}


if __name__ == "__main__":
    asked, said = map(Path, sys.argv[1:])
    said.write_text(json.dumps(main(json.loads(asked.read_text()))))
