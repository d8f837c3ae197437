"""A few inputs for a model: of the calibration set, else made from its signature."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from bitgauge.benchmarks.quality.batches import batch_sizes
from bitgauge.benchmarks.quality.sets import EvaluationSet, InputSpec, read_evaluation_set
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code

MOST = 8
"""Samples that are compared, where the model takes any number."""
SEED = 20_240_229
_SIZES = (8, 16, 32, 64, 224, 1)
"""Tried in this order for axes besides the first whose size is open."""

Feeds = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Samples:
    """Inputs of one call.

    Attributes:
        feeds: by name.
        calibrated: whether they are of the calibration set.
    """

    feeds: Feeds
    calibrated: bool


def candidates(
    specs: Sequence[InputSpec], calibration: Path | None, batch: int = 1
) -> Iterator[Samples]:
    """What may be fed, the best first; a model need not take all of it.

    Args:
        specs: the inputs of the model.
        calibration: the calibration set, or None.
        batch: of the job.
    """
    sizes = batch_sizes(specs, MOST, batch) or (1,)
    found = _read(specs, calibration)
    for count in sizes:
        if found is not None:
            rows = np.linspace(0, len(found) - 1, count).astype(np.int64)
            yield Samples({spec.name: found.inputs[spec.name][rows] for spec in specs}, True)
    for count in sizes:
        for size in _SIZES if any(None in spec.shape[1:] for spec in specs) else _SIZES[:1]:
            yield Samples(_made(specs, count, size), False)


def _read(specs: Sequence[InputSpec], calibration: Path | None) -> EvaluationSet | None:
    """The calibration set, when it has the inputs of the model."""
    if calibration is None:
        return None
    try:
        found = read_evaluation_set(calibration, Code.BAD_CALIBRATION_SET)
    except BitgaugeError:
        return None
    return found if len(found) and all(spec.name in found.inputs for spec in specs) else None


def _made(specs: Sequence[InputSpec], count: int, size: int) -> Feeds:
    generator = np.random.default_rng(SEED)
    return {
        spec.name: _values(
            spec.dtype,
            tuple(length or (size if at else count) for at, length in enumerate(spec.shape)),
            generator,
        )
        for spec in specs
    }


def _values(dtype: str, shape: tuple[int, ...], generator: np.random.Generator) -> Any:
    """Normal deviates; zeros and ones where a number may be an index or a mask."""
    if dtype == "str":
        return np.full(shape, "a", dtype=object)
    kind = np.dtype(dtype)
    if kind.kind in "iub":
        return generator.integers(0, 2, shape).astype(kind)
    return generator.standard_normal(shape).astype(kind)


def batches(sample: Samples, calibration: Path) -> Iterator[Feeds]:
    """The whole calibration set, as many samples at a time as `sample` has."""
    found = read_evaluation_set(calibration, Code.BAD_CALIBRATION_SET)
    size = max((len(one) for one in sample.feeds.values() if one.ndim), default=1)
    for start in range(0, len(found) - len(found) % size or len(found), size):
        rows = np.arange(start, start + size) % len(found)
        yield {name: found.inputs[name][rows] for name in sample.feeds}
