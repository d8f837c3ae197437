"""A program of a function of the user's: ``from_factory.py MODULE:FUNCTION OUTPUT ANSWER.json``.

Runs in an interpreter of the user's, in the folder where he works: the standard library and torch.
It runs his code, which nothing confines; what it writes holds plain tensors and none of the code.

The function takes nothing. It returns a `torch.export` program, or a module with examples of its
inputs, in a tuple or by name in a dict; then the first axis of each input is the batch, and free
where the module lets it.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parent), os.getcwd()]


def main(name: str, output: str) -> dict[str, Any]:
    """Make the program that the function called `name` describes; the answer."""
    try:
        import torch
    except ModuleNotFoundError:
        return {"bad": f"{sys.executable} has no torch; install it there: pip install torch"}
    module, _, function = name.partition(":")
    try:
        made = getattr(importlib.import_module(module), function)()
    except Exception as error:  # the user's own code
        return {"bad": f"{name} failed with {type(error).__name__}: {_first(error)}"}
    notes = []
    if isinstance(made, tuple) and len(made) == 2 and isinstance(made[0], torch.nn.Module):
        try:
            made, note = _exported(*made)
        except Exception as error:  # each layer of the exporter raises classes of its own
            return {"bad": f"torch.export does not take what {name} returns: {_first(error)}"}
        notes = [note] if note else []
    if not isinstance(made, torch.export.ExportedProgram):
        return {
            "bad": f"{name} returns {type(made).__name__}, and not a torch.export program or a"
            " module with examples of its inputs"
        }
    import writing

    writing.write(made, output)
    return {"notes": notes}


def _exported(module: Any, examples: Any) -> tuple[Any, str]:
    """The program of a module in its mode of inference, and what to say of it."""
    import torch

    module = module.eval()
    named = isinstance(examples, dict)
    given = () if named else examples if isinstance(examples, tuple) else (examples,)
    options = dict(examples) if named else {}
    batch = torch.export.Dim("batch", min=1)
    shapes: Any = {name: {0: batch} for name in options} or tuple({0: batch} for _ in given)
    with torch.no_grad():
        try:
            return torch.export.export(module, given, options, dynamic_shapes=shapes), ""
        except Exception as error:  # a module may hold one batch alone
            fixed = torch.export.export(module, given, options)
            return fixed, f"it takes the batch of its examples alone: {_first(error)}"


def _first(error: BaseException) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:300].rstrip(".")


if __name__ == "__main__":
    said = Path(sys.argv[3])
    said.write_text(json.dumps(main(sys.argv[1], sys.argv[2])))
