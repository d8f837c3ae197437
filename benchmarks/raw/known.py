"""The arrays that the raw file of each pass may hold; a file with others is refused unread."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields

from ..numerics.ledger import OperatorRow, TensorRow
from ..samples import (
    AbsoluteSamples,
    BaselineSamples,
    BlockConditions,
    DeviceTimes,
    EnergySamples,
    GenerationSamples,
    MemoryCheckpoint,
    PairSamples,
    PerplexitySamples,
    QualitySamples,
    SweepSamples,
    TaskSamples,
)
from ..vocabulary.enums import PassName

WARM = ("warm_block_median_ns", "warm_letter")
OPERATORS = (
    *("name", "op_type", "provider", "inputs", "outputs"),
    *("time_ns", "median_ns", "calls_of"),
    *("listed.name", "listed.op_type", "listed.placed", "listed.inputs", "listed.outputs"),
)
_ARRAYS = ("Floats", "Ints", "Texts", "Bools")
_HISTOGRAM = ("low", "width", "counts")


def _arrays(*kinds: type) -> Iterator[str]:
    """The arrays among the fields of dataclasses."""
    for kind in kinds:
        for field in fields(kind):
            if str(field.type).startswith(_ARRAYS):
                yield field.name


def _columns(prefix: str, kind: type) -> Iterator[str]:
    """The columns of a ledger; see `numerics`."""
    for field in fields(kind):
        name = f"{prefix}.{field.name}"
        if field.type == "Histogram | None":
            yield from (f"{name}.{part}" for part in _HISTOGRAM)
        else:
            yield name


KNOWN: Mapping[PassName, frozenset[str]] = {
    PassName.PAIR: frozenset((*_arrays(PairSamples, BlockConditions), *WARM)),
    PassName.ABSOLUTE: frozenset((*_arrays(AbsoluteSamples, DeviceTimes, BlockConditions), *WARM)),
    PassName.MEMORY: frozenset(
        field.name for field in fields(MemoryCheckpoint) if field.name != "name"
    ),
    PassName.QUALITY: frozenset(_arrays(QualitySamples, BaselineSamples, TaskSamples)),
    PassName.NUMERICS: frozenset(
        (*_columns("tensor", TensorRow), *_columns("operator", OperatorRow))
    ),
    PassName.OPERATORS: frozenset(OPERATORS),
    PassName.ENERGY: frozenset(_arrays(EnergySamples)),
    PassName.THROUGHPUT: frozenset(_arrays(SweepSamples, BlockConditions)),
    PassName.SENTINEL: frozenset(("latency_ns",)),
    PassName.GENERATION: frozenset((*_arrays(GenerationSamples, BlockConditions), *WARM)),
    PassName.PERPLEXITY: frozenset(_arrays(PerplexitySamples)),
}
"""By pass; `schema` and `meta` belong to every file."""
