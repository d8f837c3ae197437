"""Quantizes a GGUF file with llama.cpp's own quantizer: ``quantize.py SPEC.json ANSWER.json``.

The spec says `source`, `output` and `file_type`, llama.cpp's number of the format; and where the
importance of columns is asked for, `texts` (npz, `documents/ID`), `bos` (the token that begins a
text, or null) and `context`, the most tokens of a window. The answer says from how many `tokens`
and `documents` it comes, which tensors it is of (`known`) and which experts no text reached
(`unreached`).
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))  # python -I leaves it out

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # else threads that wait burn what others need

import importance
import library
import numpy as np

THREADS = len(os.sched_getaffinity(0))


def main(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Do what `spec` says; the answer."""
    loaded = library.Library()
    params = loaded.quantize_defaults()
    params.nthread, params.ftype = THREADS, int(spec["file_type"])
    answer: dict[str, Any] = {}
    held: Any = None
    if "texts" in spec:
        answer, held = _weighed(spec, loaded, params)
        if held is None:
            return answer
    if not loaded.quantize(spec["source"], spec["output"], params):
        return {"bad": "llama.cpp's quantizer does not take the model"}
    return answer


def _weighed(
    spec: Mapping[str, Any], loaded: library.Library, params: library.QuantizeParams
) -> tuple[dict[str, Any], Any]:
    """Have the quantizer weigh columns by the texts; what is said of it, and what has to live on.

    Of texts by which nothing can be weighed the answer is final, and nothing lives on.
    """
    windows, documents = _windows(spec)
    if not windows:
        return {"unsupported": "The calibration texts hold no tokens."}, None
    seen = importance.Observer(loaded)
    context = max(map(len, windows))
    done = loaded.run(spec["source"], windows, context, THREADS, seen.callback)
    if seen.problem or not done:
        return {"bad": seen.problem or "llama.cpp does not run the model on the texts"}, None
    matrix = seen.matrix()
    beyond = [name for name, values in matrix.items() if not np.isfinite(values).all()]
    if beyond:
        why = f"On the texts what {min(beyond)} multiplies is not finite."
        return {"unsupported": why}, None
    array = importance.entries(matrix)
    told = _told(len(matrix), len(windows))
    params.imatrix = ctypes.cast(array, ctypes.POINTER(library.Importance))
    params.kv_overrides = ctypes.cast(told, ctypes.POINTER(library.Override))
    answer = {
        "documents": documents,
        "tokens": sum(map(len, windows)),
        "known": sorted(matrix),
        "unreached": seen.unreached(),
    }
    return answer, (matrix, array, told)


def _told(weights: int, windows: int) -> Any:
    """What llama.cpp's own tool writes of an importance matrix; the last entry is empty."""
    told = (library.Override * 3)()
    for entry, (name, value) in zip(
        told, (("entries", weights), ("chunks", windows)), strict=False
    ):
        entry.key, entry.value = f"quantize.imatrix.{name}_count".encode(), value
    return told


def _windows(spec: Mapping[str, Any]) -> tuple[list[list[int]], int]:
    """Texts in pieces that fit, each begun as a text begins, and how many texts there are."""
    begin = [] if spec["bos"] is None else [int(spec["bos"])]
    step = int(spec["context"]) - len(begin)
    found: list[list[int]] = []
    documents = 0
    with np.load(spec["texts"], allow_pickle=False) as file:
        for name in sorted(one for one in file.files if one.startswith("documents/")):
            tokens = [int(one) for one in file[name]]
            tokens = tokens[len(begin) :] if begin and tokens[:1] == begin else tokens
            documents += 1
            found += [begin + tokens[at : at + step] for at in range(0, len(tokens), step)]
    return found, documents


if __name__ == "__main__":
    asked, said = map(Path, sys.argv[1:])
    said.write_text(json.dumps(main(json.loads(asked.read_text()))))
