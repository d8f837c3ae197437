"""Whether a converted file computes what its source does, and the first tensor that does not."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from bitgauge.benchmarks.quality.batches import fixed_batches
from bitgauge.benchmarks.quality.sets import InputSpec

from ._checks import _samples
from ._checks._agreement import relative_error
from ._checks._samples import Feeds
from ._checks._verdict import broken, percent
from ._lite import LiteInterpreter
from .base import BuildRequest, Unsupported

TOLERANCE = 1e-4
"""Size of the difference, of the size of the values: float32 sums in another order stay below."""
MOST_CALLS = 32
"""That are compared."""

Tensors = Mapping[str, npt.NDArray[Any]]


def calls_for(request: BuildRequest, specs: Sequence[InputSpec]) -> tuple[list[Feeds], bool]:
    """Inputs of a few calls, and whether they are of the calibration set.

    The batch is the one that the source fixes, else the job's.
    """
    fixed = fixed_batches(specs)
    batch = next(iter(fixed.values()), request.batch)
    sized = [
        InputSpec(one.name, one.dtype, (batch, *one.shape[1:]) if one.shape else one.shape)
        for one in specs
    ]
    sample = next(_samples.candidates(sized, request.calibration, batch), None)
    if sample is None:
        raise Unsupported("The inputs of the model fix different batches.")
    if not sample.calibrated or request.calibration is None:
        return [sample.feeds], False
    found = []
    for feeds in _samples.batches(sample, request.calibration):
        found.append({one.name: feeds[one.name].astype(one.dtype) for one in specs})
        if len(found) == MOST_CALLS:
            break
    return found, True


def require_equal(
    made: Path,
    calls: Sequence[Feeds],
    expected: Sequence[Tensors],
    inner: Callable[[Feeds, Sequence[str]], Tensors] | None = None,
) -> str:
    """Hold what a converted file returns against what its source does; how they agree, in words.

    Args:
        made: the tflite file.
        calls: inputs of each call.
        expected: what the source returns for each.
        inner: values of tensors of the source by name, of those that it has.

    Raises:
        Unsupported: it does not load, returns others, or computes something else.
    """
    try:
        lite = LiteInterpreter(made.read_bytes(), as_it_stands=True, tensors=True)
        found = [lite.run(feeds) for feeds in calls]
    except Exception as error:  # LiteRT raises no classes of its own
        raise broken(f"it does not run: {error}") from error
    names = sorted(expected[0])
    if sorted(found[0]) != names:
        raise broken(
            f"its outputs are {', '.join(sorted(found[0]))}, the model's {', '.join(names)}"
        )
    worst = 0.0
    for feeds, wanted, got in zip(calls, expected, found, strict=True):
        for name in names:
            off = off_by(got[name], wanted[name])
            if off > TOLERANCE:
                where = _first_apart(lite, feeds, inner)
                raise broken(
                    f"its output {name!r} is off by {percent(off)} of its size, where rounding"
                    f" explains {percent(TOLERANCE)}; {where}"
                )
            worst = max(worst, off)
    samples = sum(len(next(iter(feeds.values()))) for feeds in calls)
    return f"returns what its source does on {samples} samples, within {worst:.1g} of its size"


def off_by(found: npt.NDArray[Any], wanted: npt.NDArray[Any]) -> float:
    """Size of the difference, of the size of what is wanted; infinite for another shape."""
    if found.shape != wanted.shape:
        return math.inf
    if wanted.dtype.kind != "f":
        return 0.0 if np.array_equal(found, wanted) else math.inf
    if not wanted.any():
        return float(np.linalg.norm(found))
    return relative_error(found, wanted) or 0.0


def _first_apart(
    lite: LiteInterpreter,
    feeds: Feeds,
    inner: Callable[[Feeds, Sequence[str]], Tensors] | None,
) -> str:
    """The first tensor of the file that differs from the source's of its name."""
    if inner is None:
        return "no inner tensor goes by the same name in both"
    lite.run(feeds)
    places = lite.computed()
    here = lite.values(places)
    there = inner(feeds, list(places))
    for name in places:
        if name in here and name in there and here[name].shape == there[name].shape:
            off = off_by(here[name], there[name])
            if off > TOLERANCE:
                return f"the first tensor that differs is {name!r}, by {percent(off)}"
    return "no inner tensor of the same name and shape differs"
