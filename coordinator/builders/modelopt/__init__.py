"""ONNX models as TensorRT takes them, by NVIDIA's ModelOpt in an environment of its own.

Its integers and 8-bit floats are symmetric, per channel, and leave biases in float: the types in
such a graph are the types that TensorRT computes in. It decides by their sizes which products gain
from that, and leaves the others in float.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bitgauge.benchmarks.numerics.external_data import is_large
from bitgauge.benchmarks.vocabulary.enums import FormatFamily
from bitgauge.benchmarks.vocabulary.printable import cleaned
from bitgauge.benchmarks.vocabulary.recipes import Recipe

from .._calibration import CALIBRATION_BATCH, calibration_calls, calibration_set, model_inputs
from .._outside import run
from .._tools import quiet_tools, require_float32
from ..base import BuildRequest, Unsupported

VERSION = 1
MAKES = "onnx"
ENVIRONMENT = "modelopt"
DISTRIBUTIONS: tuple[str, ...] = ()
USUAL: tuple[str, ...] = ()
"""None: what every machine builds needs no environment."""
SCRIPT = "modelopt/quantize.py"
_METHODS = {
    "int8-modelopt_max-cal": "max",
    "int8-modelopt_entropy-cal": "entropy",
    "fp8-modelopt_max-cal": "max",
    "int4-modelopt_rtn": "rtn_dq",
    "int4-modelopt_awq_clip-cal": "awq_clip",
    "fp16-modelopt_autocast-cal": "",
    "bf16-modelopt_autocast-cal": "",
}
"""How ranges are found, as ModelOpt spells it, by recipe."""
RECIPES = tuple(_METHODS)
_BY_SIZE = (FormatFamily.INT8, FormatFamily.FP8)
_MAKER_CHARACTERS = 60
_WHY_LEFT = {
    FormatFamily.INT8: "it leaves in float what tensor cores gain nothing from: products of one"
    " row or column, of fewer than 16 terms or columns, and most convolutions of fewer than 16"
    " channels",
    FormatFamily.FP8: "it leaves in float what tensor cores gain nothing from: products of one row"
    " or column, of fewer than 16 terms or columns, and convolutions of 16 channels or fewer",
    FormatFamily.INT4: "4 bits are for matrix products with constant weights alone",
    FormatFamily.FP16: "all of it would overflow in half precision on the calibration set",
    FormatFamily.BF16: "nothing of it has a form in bfloat16",
}


def accepts(recipe: Recipe) -> bool:
    """No known one: what is in `RECIPES` is taken anyway."""
    return False


def build(request: BuildRequest) -> None:
    """Quantize or cast, with the calibration set where the recipe has one.

    Which products gain depends on the rows that they have, so integers and 8-bit floats are made
    for the batch of the job.

    Raises:
        Unsupported: there is no calibration set, the model is too large or not taken, or nothing of
            it was quantized; the sentence says why.
        BadInput: BAD_CALIBRATION_SET; BUILD_FAILED.
    """
    if is_large(request.baseline):
        raise Unsupported("ModelOpt is given models of at most 2 GiB here, and this one is larger.")
    require_float32(request.baseline)
    recipe = request.recipe
    calls: tuple[int, ...] = ()
    if recipe.needs_calibration:
        specs = model_inputs(request.baseline)
        calibration = calibration_set(request, specs)
        by_size = recipe.family in _BY_SIZE
        wanted = (request.batch,) if by_size else (CALIBRATION_BATCH, request.batch)
        with quiet_tools():
            calls = calibration_calls(request, specs, calibration, *wanted)
        if by_size:
            request.log.batch = request.batch
    spec = {
        "source": request.baseline,
        "output": request.output,
        "mode": recipe.family.value,
        "method": _METHODS[str(recipe)],
        "calibration": request.calibration if calls else None,
        "calls": calls,
    }
    answer = run(request, SCRIPT, spec)
    if not answer["quantized"]:
        raise Unsupported(_nothing(recipe.family, answer, request.batch))
    request.log.notes += _notes(recipe.family, answer, sum(calls), request.batch)


def _nothing(family: FormatFamily, answer: Mapping[str, Any], batch: int) -> str:
    at = f" At batch {batch} that" if family in _BY_SIZE else " That"
    left = _listed(answer["left"]) or "nothing that multiplies matrices"
    return f"ModelOpt quantized nothing: {_WHY_LEFT[family]}.{at} is all that there is: {left}."


def _notes(family: FormatFamily, answer: Mapping[str, Any], samples: int, batch: int) -> list[str]:
    """What is said of the artifact."""
    told = f", calibrated on {samples} samples" if samples else ""
    notes = [f"made by {cleaned(str(answer['maker']), _MAKER_CHARACTERS)}{told}"]
    if answer["left"] and family in _WHY_LEFT:
        at = f" at batch {batch}" if family in _BY_SIZE else ""
        notes.append(f"{_listed(answer['left'])} stay in float{at}: {_WHY_LEFT[family]}")
    return notes


def _listed(left: Mapping[str, int]) -> str:
    return " and ".join(f"{count} {kind}" for kind, count in sorted(left.items()))
