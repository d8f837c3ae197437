"""The look at a built program of `torch.export` before a device sees it; see `_checks.onnx`.

What its graph and its tensors say is read here without the library. What it computes is compared
with its source where the library is: in the environment that has built it.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from bitgauge.benchmarks.common.exported import program
from bitgauge.benchmarks.common.exported.program import Program, TensorMeta
from bitgauge.benchmarks.vocabulary.enums import FormatFamily

from ....models.formats import pt2
from ..._outside import run
from ...base import BuildRequest
from .. import _samples
from .._agreement import NEAR
from .._share import Share
from .._verdict import Verdict, broken, percent
from .share import share

VERSION = 1
"""Raised when the same artifact would be judged otherwise; part of a build's key."""
LARGEST_KEPT = 0.9
"""Share of the model's bytes that a program of small numbers may still take."""
MOST_OFF = 1.0
"""Difference from the source, as a share of its outputs, from which nothing explains it."""
SCRIPT = "torch/compare.py"
_BITS = {"bool": 8, "float8_e4m3fn": 8, "float8_e5m2": 8, "complex64": 64, "complex128": 128}
_WORD_BITS = ("64", "32", "16", "8")


def check(request: BuildRequest) -> Verdict:
    """Look at what was built for `request`.

    Raises:
        Unsupported: it cannot be used; the reason is one sentence.
    """
    if request.recipe.family is FormatFamily.FP32:
        return Verdict(None)
    before = program.read(request.baseline, "the model")
    after = program.read(request.output, "what was built")
    require_signature(before, after)
    found = share(after, request.recipe.scheme)
    require_quantized(found, before, after, integers=request.recipe.scheme is not None)
    return Verdict(found, notes=_compared(request))


def require_signature(before: Program, after: Program) -> None:
    """Hold its inputs and outputs against the model's, by name, type and axes; and its pickles."""
    if after.pickled:
        raise broken(f"its weight {after.pickled[0].name!r} is a pickle")
    for side in ("inputs", "outputs"):
        wanted, there = getattr(before, side), getattr(after, side)
        if [*there] != [*wanted]:
            raise broken(f"its {side} are {', '.join(there)}, the model's {', '.join(wanted)}")
        for name, one in wanted.items():
            if not _takes_the_place(there[name], one):
                raise broken(f"its {side[:-1]} {name!r} is not of the model's type and sizes")


def _takes_the_place(there: TensorMeta, wanted: TensorMeta) -> bool:
    """Whether a tensor is of the same type, and of sizes that the other may have."""
    return (
        there.dtype == wanted.dtype
        and len(there.sizes) == len(wanted.sizes)
        and all(
            least <= low and (most is None or (high is not None and high <= most))
            for (low, high), (least, most) in zip(there.sizes, wanted.sizes, strict=True)
        )
    )


def require_quantized(found: Share, before: Program, after: Program, *, integers: bool) -> None:
    """Refuse a program in which nothing, or hardly anything, became smaller."""
    quantized, total = found.operators
    left = ", ".join(f"{count} {what}" for what, count in sorted(found.left.items()))
    if total and not quantized:
        raise broken(f"nothing was quantized: {left}")
    sizes = _stored_bytes(before), _stored_bytes(after)
    if sizes[1] > sizes[0]:
        raise broken(f"its tensors take {sizes[1]} bytes where the model's take {sizes[0]}")
    if integers and sizes[1] > LARGEST_KEPT * sizes[0]:
        raise broken(
            f"its tensors keep {percent(sizes[1] / sizes[0])} of the model's size, so most of its"
            f" weights are no small numbers: {left or 'they belong to no product of matrices'}"
        )


def _stored_bytes(held: Program) -> int:
    """Of the tensors that a file holds."""
    kept = (held.tensors[name] for name in held.held if name in held.tensors)
    return sum(one.elements * _width(one.dtype) for one in kept if one.sizes) // 8


def _width(dtype: str) -> int:
    """Bits of one element."""
    if dtype in _BITS:
        return _BITS[dtype]
    return next((int(bits) for bits in _WORD_BITS if dtype.endswith(bits)), 8)


def _compared(request: BuildRequest) -> tuple[str, ...]:
    """Run samples through source and artifact; what was found, in a few words."""
    if request.environment is None:
        return ("its outputs were not compared: its builder has no environment",)
    specs = pt2.facts(request.output, "what was built").inputs
    failed = "there are no samples"
    for sample in _samples.candidates(specs, request.calibration, request.batch):
        with tempfile.TemporaryDirectory(prefix="bitgauge-compare-") as folder:
            path = Path(folder) / "samples.npz"
            np.savez(path, allow_pickle=False, **sample.feeds)
            spec = {"source": request.baseline, "built": request.output, "samples": path}
            answer = run(request, SCRIPT, spec)
        if "refused" in answer:
            failed = str(answer["refused"])
            continue
        if "broken" in answer:
            raise broken(f"it does not run: {answer['broken']}")
        return _judged(answer, calibrated=sample.calibrated)
    return (f"no samples that the model takes were found: {failed}",)


def _judged(answer: dict[str, object], *, calibrated: bool) -> tuple[str, ...]:
    """What the differences mean, by the output that is off by most."""
    gaps = answer.get("gaps")
    found = gaps if isinstance(gaps, dict) else {}
    name = max(found, key=lambda one: float(found[one]), default="")
    off = float(found[name]) if name else 0.0
    if answer.get("infinite") or not np.isfinite(off):
        raise broken(f"its output {name or answer.get('infinite')!r} is infinite or no number")
    if off >= MOST_OFF:
        raise broken(f"its output {name!r} is off by {percent(off)} of its size")
    if off <= NEAR:
        return ()
    given = "samples of the calibration set" if calibrated else "made samples"
    return (f"its output {name!r} is off by {percent(off)} of its size on {given}",)
