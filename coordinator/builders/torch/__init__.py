"""What PyTorch runs, of its own FP32 program, by torchao in an environment of its own."""

from __future__ import annotations

from collections.abc import Mapping

from bitgauge.benchmarks.quality.batches import batch_sizes, fixed_batches
from bitgauge.benchmarks.quality.sets import InputSpec
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code
from bitgauge.benchmarks.vocabulary.recipes import Recipe, Scheme

from .._calibration import calibration_set
from .._outside import run
from ..base import BuildRequest, Unsupported
from .rules import rule
from .source import float_program

VERSION = 1
MAKES = TAKES = "pt2"
ENVIRONMENT = "torch"
DISTRIBUTIONS: tuple[str, ...] = ()
USUAL = (
    *("bf16", "fp16", "int8-static-u8s8-pc", "int8-dynamic-s8s8-pc", "int8-wo-pc"),
    *("int4-wo-b32", "fp8-wo-e4m3-pc"),
)
SCRIPT = "torch/quantize.py"


def accepts(recipe: Recipe) -> bool:
    """What there is a rule for."""
    return rule(recipe) is not None


def build(request: BuildRequest) -> None:
    """Quantize; with ranges, over the whole calibration set, for one batch size.

    Raises:
        Unsupported: there is no calibration set, the program is not FP32, or it cannot take the
            recipe.
        BadInput: BAD_CALIBRATION_SET, the set is not what the model takes.
    """
    wanted = rule(request.recipe)
    assert wanted is not None, "only what it accepts is asked for"
    facts = float_program(request)
    spec = {"source": request.baseline, "output": request.output, **wanted}
    if request.recipe.scheme is Scheme.STATIC:
        spec |= _calibration(request, facts.inputs)
    answer = run(request, SCRIPT, spec)
    request.log.notes += _notes(request, answer)


def _calibration(request: BuildRequest, specs: tuple[InputSpec, ...]) -> dict[str, object]:
    """The set, and the batch that the program is made for."""
    found = calibration_set(request, specs)
    sizes = batch_sizes(specs, request.batch)
    if not sizes:
        raise Unsupported("The inputs of the program fix different batches.")
    batch = sizes[0]
    if len(found) < batch:
        raise BadInput(
            Code.BAD_CALIBRATION_SET,
            f"The set holds {len(found)} samples, and the program is to be made for {batch} at"
            " once.",
        )
    if not fixed_batches(specs):
        request.log.batch = request.batch
        request.log.notes.append(
            f"made for a batch of {batch} alone: a program of any batch, compiled with its weights"
            " folded in, computes something else"
        )
    if left := len(found) % batch:
        request.log.notes.append(
            f"calibrated in batches of {batch}: the last {left} of {len(found)} samples fill none"
            " and were left out"
        )
    return {"calibration": request.calibration, "batch": batch}


def _notes(request: BuildRequest, answer: Mapping[str, object]) -> tuple[str, ...]:
    """What the script says of the artifact."""
    notes = []
    left = answer.get("left")
    if isinstance(left, dict) and left:
        named = "; ".join(f"{name}: {why}" for name, why in sorted(left.items()))
        notes.append(f"left in float32: {named}")
    if answer.get("ranges"):
        notes.append(
            f"ranges by smallest and largest value of {answer['ranges']} tensors,"
            f" {answer['samples']} samples"
        )
    if request.recipe.family.value == "int4":
        notes.append("numbers of 4 bits are held in 8 bits each")
    return tuple(notes)
