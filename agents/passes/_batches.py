"""From an evaluation set to the feeds of calls."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from bitgauge.benchmarks.quality.batches import fixed_batches
from bitgauge.benchmarks.quality.sets import EvaluationSet, InputSpec, check_inputs
from bitgauge.benchmarks.vocabulary.errors import Code, Refused

Feeds = dict[str, npt.NDArray[Any]]

TIMING_BATCHES = 16


class Batches:
    """Batches of one evaluation set for one artifact.

    Args:
        evaluation: the set; None gives ones, for an artifact that stands for nothing.
        specs: inputs of the artifact; empty when it takes anything.
        batch: samples per call.
        fit: take the artifact's own batch where it is fixed to another; without it such an
            artifact is refused.

    Raises:
        BadInput: the set is not what the artifact takes.
        Refused: the artifact is fixed to another batch.
    """

    def __init__(
        self,
        evaluation: EvaluationSet | None,
        specs: Sequence[InputSpec],
        batch: int,
        *,
        fit: bool = False,
    ) -> None:
        if evaluation is None:
            self._inputs = {
                spec.name: np.ones([size or 1 for size in spec.shape], spec.dtype) for spec in specs
            }
            self.batch = max((len(array) for array in self._inputs.values()), default=1)
        else:
            self.batch = _batch(specs, batch, fit=fit)
            self._inputs = _typed(evaluation, specs)
        self._samples = max((len(array) for array in self._inputs.values()), default=1)

    @property
    def described(self) -> dict[str, str]:
        """Type and shape of each input of a call, such as ``float32[1,1,8,8]``."""
        return {
            name: f"{array.dtype}[{','.join(map(str, (self.batch, *array.shape[1:])))}]"
            for name, array in self._inputs.items()
        }

    def first(self) -> Feeds:
        """The feeds of one call."""
        return self._take(0)

    def for_timing(self, at_most: int = TIMING_BATCHES) -> list[Feeds]:
        """Up to `at_most` different batches, to be used in turn."""
        different = -(-self._samples // self.batch)
        return [self._take(i * self.batch) for i in range(min(different, at_most))]

    def all(self) -> Iterator[tuple[int, Feeds]]:
        """Every sample once, in order: how many of a batch's rows count, and its feeds.

        The last batch is filled up with samples from the beginning.
        """
        for start in range(0, self._samples, self.batch):
            yield min(self.batch, self._samples - start), self._take(start)

    def _take(self, start: int) -> Feeds:
        index = np.arange(start, start + self.batch) % self._samples
        return {name: np.ascontiguousarray(array[index]) for name, array in self._inputs.items()}


def _batch(specs: Sequence[InputSpec], wanted: int, *, fit: bool) -> int:
    fixed = fixed_batches(specs)
    sizes = set(fixed.values())
    if not sizes or sizes == {wanted}:
        return wanted
    if len(sizes) > 1:
        listed = " and ".join(f"{name!r} {size}" for name, size in fixed.items())
        raise Refused(
            Code.UNSUPPORTED_ARTIFACT,
            f"The first axes of the artifact's inputs are {listed}; samples lie along the first"
            " axis of each, so they have to be equal.",
        )
    if fit:
        return sizes.pop()
    raise Refused(
        Code.UNSUPPORTED_ARTIFACT,
        f"The artifact takes a batch of {sizes.pop()} only, the workload asks for {wanted}.",
    )


def _typed(evaluation: EvaluationSet, specs: Sequence[InputSpec]) -> Feeds:
    """The inputs as the artifact wants them; only between floating types is anything converted."""
    inputs = dict(evaluation.inputs)
    for spec in specs:
        array = inputs.get(spec.name)
        if array is not None and array.dtype.kind == "f" and spec.dtype.startswith("float"):
            inputs[spec.name] = array.astype(spec.dtype, copy=False)
    if specs:
        check_inputs(EvaluationSet(inputs, evaluation.labels, evaluation.ids), specs)
    return inputs
