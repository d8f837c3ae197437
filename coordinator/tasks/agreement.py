"""Whether a further FP32 form of a model computes what its baseline does, on a few samples."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from bitgauge.benchmarks.common.said import said
from bitgauge.benchmarks.quality.batches import batch_sizes
from bitgauge.benchmarks.quality.sets import EvaluationSet, InputSpec

from ..builders import _forms
from ..builders.base import Unsupported
from ..decisions.steps import wants_memory

SAMPLES = 64
"""How many samples both forms are run on, at most."""
TOLERANCE = 1e-4
"""Largest difference that counts as rounding, of the largest value of the output."""

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class FormFile:
    """One form of a model: its file, its artifact kind and its inputs."""

    path: Path
    kind: str
    inputs: tuple[InputSpec, ...]


@dataclass(frozen=True, slots=True)
class Agreed:
    """What was found.

    Attributes:
        words: how they agree, why that could not be seen, or in what they differ.
        differs: whether they do, beyond rounding.
    """

    words: str
    differs: bool = False


def agree(baseline: FormFile, other: FormFile, samples: EvaluationSet, of: str) -> Agreed:
    """Run both on the first samples of a set.

    Args:
        baseline: the sanctioned form.
        other: the one that is to compute the same.
        samples: what they are given.
        of: which set that is, for people.
    """
    count = min(len(samples), SAMPLES)
    try:
        before, after = (_answers(one, samples, count) for one in (baseline, other))
    except Unsupported as error:
        return Agreed(f"not compared with the baseline: {error.reason}")
    except Exception as error:  # each library raises classes of its own, none public
        if wants_memory(error):
            raise
        return Agreed(f"not compared with the baseline: {said(error)}")
    where = f"on {count} samples of {of}"
    shared = [name for name in before if name in after]
    if not shared:
        return Agreed("not compared with the baseline: no output has the same name")
    found = [_difference(name, before[name], after[name]) for name in shared]
    wrong = next((one for one in found if one.beyond), None)
    if wrong is not None:
        return Agreed(f"{wrong} {where}", differs=True)
    worst = max(found, key=lambda one: one.relative)
    return Agreed(
        f"agrees with the baseline {where}: the largest difference is {worst.largest:.2g} of"
        f" {worst.of:.3g}, in output {worst.name}"
    )


@dataclass(frozen=True, slots=True)
class OutputDifference:
    """Two arrays of one output.

    Attributes:
        largest: difference of two of its values.
        of: the largest value of the baseline.
        words: what is different about them that no number says.
    """

    name: str
    largest: float = 0.0
    of: float = 0.0
    words: str = ""

    @property
    def relative(self) -> float:
        """The largest difference, of the largest value."""
        return self.largest / self.of if self.of else self.largest

    @property
    def beyond(self) -> bool:
        """Whether it is more than rounding."""
        return bool(self.words) or self.relative > TOLERANCE

    def __str__(self) -> str:
        how = self.words or (
            f"is off by {self.largest:.2g} where the largest value is {self.of:.3g}"
            f" ({self.relative:.2g} of it; {TOLERANCE:g} counts as rounding)"
        )
        return f"output {self.name} {how}"


def _difference(name: str, before: Array, after: Array) -> OutputDifference:
    if before.shape != after.shape:
        return OutputDifference(name, words=f"is {list(after.shape)}, not {list(before.shape)}")
    if before.dtype.kind != "f" or after.dtype.kind != "f":
        unlike = int(np.count_nonzero(before != after))
        words = f"differs in {unlike} of {before.size} values" if unlike else ""
        return OutputDifference(name, words=words)
    here, there = before.astype(np.float64), after.astype(np.float64)
    finite = np.isfinite(here)
    if not np.array_equal(finite, np.isfinite(there)):
        return OutputDifference(name, words="is not finite at other places")
    return OutputDifference(
        name,
        float(np.max(np.abs(here[finite] - there[finite]), initial=0.0)),
        float(np.max(np.abs(here[finite]), initial=0.0)),
    )


def _answers(form: FormFile, samples: EvaluationSet, count: int) -> dict[str, Array]:
    """Every output for the first samples, in calls of a size that the form takes."""
    run = _forms.opened(form.path, form.kind)
    refused: Exception = ValueError("its inputs fix different batches")
    for size in batch_sizes(form.inputs, min(count, 8)):
        try:
            return _joined(
                [run(feeds) for feeds in _feeds(form.inputs, samples, size, count)], count
            )
        except Exception as error:  # as above
            refused = error
    raise refused


def _joined(calls: Sequence[dict[str, Array]], count: int) -> dict[str, Array]:
    """The calls as one: what they were filled up with is left out."""
    return {
        name: np.concatenate([np.atleast_1d(one[name]) for one in calls])[:count]
        for name in calls[0]
    }


def _feeds(
    specs: Sequence[InputSpec], samples: EvaluationSet, size: int, count: int
) -> Iterator[dict[str, Array]]:
    for start in range(0, count, size):
        rows = np.arange(start, start + size) % len(samples)
        yield {spec.name: samples.inputs[spec.name][rows].astype(spec.dtype) for spec in specs}
