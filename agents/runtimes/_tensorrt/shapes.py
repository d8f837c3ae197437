"""The sizes that an engine is built for: its optimization profile, from the workload's batch.

An engine is built for a range of each size, with kernels chosen for one in it. Ours takes every
batch from 1 to the workload's, and its kernels are chosen for that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bitgauge.benchmarks.vocabulary.errors import Code, Refused

FREE = -1
Sizes = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SizeRange:
    """Sizes of one input: the least, those that kernels are chosen for, and the most."""

    least: Sizes
    best: Sizes
    most: Sizes


def ranges(inputs: Mapping[str, Iterable[int]], batch: int) -> dict[str, SizeRange]:
    """One range for each input with a free first axis; none for those whose sizes are all told.

    Args:
        inputs: sizes by name, `FREE` where the file tells none.
        batch: samples per call that are asked for.

    Raises:
        Refused: `unsupported_artifact`, another axis than the first is free.
    """
    found = {}
    for name, given in inputs.items():
        sizes = tuple(given)
        if FREE in sizes[1:]:
            at = sizes.index(FREE, 1)
            raise Refused(
                Code.UNSUPPORTED_ARTIFACT,
                f"Axis {at} of input {name[:80]!r} has no size, and a workload tells the first"
                " axis alone; export the model with that size fixed.",
            )
        if FREE in sizes:
            rest = sizes[1:]
            found[name] = SizeRange((1, *rest), (batch, *rest), (batch, *rest))
    return found
