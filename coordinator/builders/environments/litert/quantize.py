"""Quantizes a .tflite file with ai-edge-quantizer: ``quantize.py SPEC.json ANSWER.json``.

Runs in the environment `litert`: the standard library, numpy and its packages.

The spec says `source`, `output` and `rules`, the quantizer's own recipe; and where a rule needs
ranges, `calibration` (npz, `inputs/NAME`) and `batch`, how many samples a call takes.

Ranges are the smallest and the largest value of the whole set. The quantizer's own `calibrate`
smooths them over the calls instead, so that they depend on the order of the samples and leave
values out; its calibrator takes another rule, and that is used here.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np


def main(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Do what `spec` says; the answer."""
    from ai_edge_quantizer import quantizer

    work = quantizer.Quantizer(spec["source"], spec["rules"])
    ranges: dict[str, Any] = {}
    seen = 0
    try:
        if work.need_calibration:
            ranges, seen = _calibrated(spec)
        made = work.quantize(ranges) if ranges else work.quantize()
    except (ValueError, NotImplementedError) as error:
        # What of a model it does not take, it says with these; a defect of it is another error.
        return {"unsupported": _sentence(error)}
    Path(spec["output"]).write_bytes(bytes(made.quantized_model))
    return {"calibrated": dict.fromkeys(sorted(ranges), seen)}


def _calibrated(spec: Mapping[str, Any]) -> tuple[dict[str, Any], int]:
    """Smallest and largest value of each tensor, and of how many samples."""
    from ai_edge_quantizer import calibrator, recipe_manager
    from ai_edge_quantizer.utils import qsv_utils

    rules = recipe_manager.RecipeManager()
    rules.load_quantization_recipe(spec["rules"])
    work = calibrator.Calibrator(
        spec["source"], num_threads=1, qsv_update_func=qsv_utils.min_max_update
    )
    signatures = work.get_signature_list()
    if not signatures:
        raise NotImplementedError("it calibrates by a signature, and the file has none")
    ((signature, sides),) = signatures.items()
    with np.load(spec["calibration"], allow_pickle=False) as file:
        inputs = {name: file[f"inputs/{name}"] for name in sides["inputs"]}
    batch = int(spec["batch"])
    samples = min(map(len, inputs.values())) // batch * batch
    calls = [
        {name: array[at : at + batch] for name, array in inputs.items()}
        for at in range(0, samples, batch)
    ]
    work.calibrate({signature: calls}, rules)
    return work.get_model_qsvs(), samples


def _sentence(error: Exception) -> str:
    """The first line of what it says."""
    first = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return f"The quantizer does not take the model: {first[:300].rstrip('.')}."


if __name__ == "__main__":
    asked, said = map(Path, sys.argv[1:])
    said.write_text(json.dumps(main(json.loads(asked.read_text()))))
