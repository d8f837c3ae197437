"""What ExecuTorch runs, of a program of torch.export, in an environment of its own.

A .pte file takes one size of each input: it is made for the job's batch. Its products are counted
where it is made, because what it holds for XNNPACK tells nobody else what is in it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from bitgauge.benchmarks.common.exported import program
from bitgauge.benchmarks.quality.batches import batch_sizes, fixed_batches
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code
from bitgauge.benchmarks.vocabulary.recipes import Recipe, parse

from ...models.base import ModelFacts
from .._calibration import calibration_set
from .._checks._share import MatrixProduct, Share, words
from .._checks._verdict import broken, percent
from .._checks.pte import LARGEST_KEPT
from .._conversion import TOLERANCE, calls_for
from .._outside import run
from ..base import BuildRequest, Unsupported
from ..torch.source import float_program

VERSION = 1
MAKES, TAKES = "pte", "pt2"
ENVIRONMENT = "executorch"
DISTRIBUTIONS: tuple[str, ...] = ()
USUAL = ("fp32", "int8-static-s8s8-pc", "int8-dynamic-s8s8-pc")
SCRIPT = "executorch/build.py"
MOST_OFF = 1.0
"""Difference from the program, as a share of its outputs, from which nothing explains it."""

_STATIC = "static"
_FORMATS = {
    parse("fp32"): "fp32",
    parse("int8-static-s8s8-pc"): _STATIC,
    parse("int8-dynamic-s8s8-pc"): "dynamic",
}


def accepts(recipe: Recipe) -> bool:
    """FP32, and 8 bits per channel with fixed ranges or those of a call."""
    return recipe in _FORMATS


def build(request: BuildRequest) -> None:
    """Export for the job's batch, which the file then fixes, and compare with the program.

    Raises:
        Unsupported: there is no calibration set, the program is not FP32, it cannot take the
            recipe, or what was made differs.
        BadInput: BAD_CALIBRATION_SET, the set is not what the model takes.
    """
    facts = float_program(request)
    if program.read(request.baseline, "the model").pickled:
        raise Unsupported("The program holds pickled tensors, and ExecuTorch is given plain ones.")
    if not fixed_batches(facts.inputs):
        request.log.batch = request.batch
    wanted = _FORMATS[request.recipe]
    samples, batch = _samples(request, facts, fixed_ranges=wanted == _STATIC)
    with tempfile.TemporaryDirectory(prefix="exported-") as folder:
        given = Path(folder) / "samples.npz"
        np.savez(given, allow_pickle=False, **samples)
        answer = run(
            request,
            SCRIPT,
            {
                "source": request.baseline,
                "output": request.output,
                "format": wanted,
                "inputs": [one.name for one in facts.inputs],
                "outputs": [one.name for one in facts.outputs],
                "batch": batch,
                "samples": given,
            },
        )
    request.log.notes.append(f"made for a batch of {batch} alone")
    if wanted == "fp32":
        _require_equal(answer)
    else:
        _require_quantized(request, answer)


def _samples(
    request: BuildRequest, facts: ModelFacts, *, fixed_ranges: bool
) -> tuple[dict[str, Any], int]:
    """Inputs by name, of whole batches, and how many samples a batch has."""
    specs = facts.inputs
    if not fixed_ranges:
        calls, _ = calls_for(request, specs)
        joined = {one.name: np.concatenate([call[one.name] for call in calls]) for one in specs}
        return joined, len(next(iter(calls[0].values())))
    found = calibration_set(request, specs)
    sizes = batch_sizes(specs, request.batch)
    if not sizes:
        raise Unsupported("The inputs of the program fix different batches.")
    batch = sizes[0]
    whole = len(found) - len(found) % batch
    if not whole:
        raise BadInput(
            Code.BAD_CALIBRATION_SET,
            f"The set holds {len(found)} samples, and the program is to be made for {batch} at"
            " once.",
        )
    if whole < len(found):
        request.log.notes.append(
            f"calibrated in batches of {batch}: the last {len(found) - whole} of {len(found)}"
            " samples fill none and were left out"
        )
    return {one.name: found.inputs[one.name][:whole].astype(one.dtype) for one in specs}, batch


def _require_equal(answer: Mapping[str, Any]) -> None:
    name, off = _worst(answer)
    if off > TOLERANCE:
        raise broken(
            f"its output {name!r} is off by {percent(off)} of its size, where rounding explains"
            f" {percent(TOLERANCE)}"
        )


def _require_quantized(request: BuildRequest, answer: Mapping[str, Any]) -> None:
    """Refuse what was hardly quantized, or computes something else; the share goes to the log."""
    found = Share(tuple(MatrixProduct(kind, work, why) for kind, work, why in answer["products"]))
    quantized, total = found.operators
    left = ", ".join(f"{count} {what}" for what, count in sorted(found.left.items()))
    if total and not quantized:
        raise broken(f"nothing was quantized: {left}")
    kept = request.output.stat().st_size / request.baseline.stat().st_size
    if kept > LARGEST_KEPT:
        raise broken(
            f"it keeps {percent(kept)} of the model's size, so most of its weights are no integers:"
            f" {left}"
        )
    request.log.notes += words(found)
    name, off = _worst(answer)
    if off >= MOST_OFF:
        raise broken(f"its output {name!r} is off by {percent(off)} of its size")


def _worst(answer: Mapping[str, Any]) -> tuple[str, float]:
    """The output that is furthest from the program's, and by how much of its size."""
    gaps: Mapping[str, float] = answer["gaps"]
    name = max(gaps, key=lambda one: gaps[one], default="")
    return name, float(gaps.get(name, 0.0))
