"""What LiteRT runs, of its own FP32 file, by ai-edge-quantizer in an environment of its own."""

from __future__ import annotations

import json
from collections.abc import Mapping

from bitgauge.benchmarks.quality.batches import batch_sizes, fixed_batches
from bitgauge.benchmarks.quality.sets import InputSpec
from bitgauge.benchmarks.vocabulary.enums import FormatFamily
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code
from bitgauge.benchmarks.vocabulary.recipes import Recipe

from ...models.formats import tflite
from .._calibration import calibration_set
from .._outside import run
from ..base import BuildRequest, Unsupported
from .rules import Rule, rules

VERSION = 1
MAKES = TAKES = "tflite"
ENVIRONMENT = "litert"
DISTRIBUTIONS: tuple[str, ...] = ()
USUAL = (
    "fp16",
    "int8-static-s8s8-pc",
    "int8-dynamic-s8s8-pc",
    "int8-wo-pc",
    "int4-dynamic-s8s4-pc",
)
SCRIPT = "litert/quantize.py"


def accepts(recipe: Recipe) -> bool:
    """What the quantizer has rules for."""
    return rules(recipe) is not None


def build(request: BuildRequest) -> None:
    """Quantize; with ranges, over the whole calibration set in the batch that the file fixes.

    Raises:
        Unsupported: there is no calibration set, the file is not FP32, or the quantizer says so.
        BadInput: BAD_CALIBRATION_SET, the set is not what the model takes.
    """
    wanted = rules(request.recipe)
    assert wanted is not None, "only what it accepts is asked for"
    source = tflite.facts(request.baseline, "the model")
    if source.recipe is None or source.recipe.family is not FormatFamily.FP32:
        raise Unsupported("The model is quantized already, and the quantizer takes FP32.")
    spec = {"source": request.baseline, "output": request.output, "rules": wanted}
    if request.recipe.needs_calibration:
        spec |= _calibration(request, source.inputs)
    answer = run(request, SCRIPT, spec)
    request.log.notes += (_parameters(wanted), *_calibrated(answer))


def _calibration(request: BuildRequest, specs: tuple[InputSpec, ...]) -> dict[str, object]:
    """The set, and how many samples a call takes."""
    found = calibration_set(request, specs)
    sizes = batch_sizes(specs, 1)
    if not sizes:
        raise Unsupported("The inputs of the file fix different batches.")
    batch = sizes[0]
    if len(found) < batch:
        raise BadInput(
            Code.BAD_CALIBRATION_SET,
            f"The set holds {len(found)} samples, the file takes {batch} at once.",
        )
    if fixed_batches(specs) and (left := len(found) % batch):
        request.log.notes.append(
            f"calibrated in batches of {batch}, which the file fixes: the last {left} of"
            f" {len(found)} samples fill none and were left out"
        )
    return {"calibration": request.calibration, "batch": batch}


def _parameters(wanted: list[Rule]) -> str:
    """What the quantizer was told, on one line."""
    return f"rules of the quantizer: {json.dumps(wanted, sort_keys=True, separators=(',', ':'))}"


def _calibrated(answer: Mapping[str, object]) -> tuple[str, ...]:
    """How many samples the ranges were taken of."""
    counts = answer.get("calibrated")
    if not isinstance(counts, dict) or not counts:
        return ()
    seen = sorted({int(one) for one in counts.values()})
    samples = " to ".join(map(str, dict.fromkeys((seen[0], seen[-1]))))
    return (f"ranges by smallest and largest value of {len(counts)} tensors, {samples} samples",)
