"""How many samples at a time a model is given where nothing is timed. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from .sets import InputSpec


def fixed_batches(specs: Sequence[InputSpec]) -> dict[str, int]:
    """First axis of each input that fixes one, by the input's name."""
    return {spec.name: size for spec in specs if spec.shape and (size := spec.shape[0]) is not None}


def batch_sizes(specs: Sequence[InputSpec], *wanted: int) -> tuple[int, ...]:
    """Batch sizes to try, the best first: where a model fixes one there is no other.

    A model may hold a batch that its inputs do not show; only running it tells.

    Args:
        specs: inputs of the model.
        wanted: sizes that would be good, the best first; 1 comes last.

    Returns:
        Each size once; none when inputs fix different ones.
    """
    fixed = set(fixed_batches(specs).values())
    if fixed:
        return tuple(fixed) if len(fixed) == 1 else ()
    return tuple(dict.fromkeys((*(size for size in wanted if size > 0), 1)))
