"""pte: a program of ExecuTorch; a flatbuffer of its methods, then weights and compiled parts.

What delegates were given is theirs: of a program that XNNPACK executes as a whole there is no
operator and no type of a weight to be seen, so that its recipe is what its owner says.
"""

from __future__ import annotations

from pathlib import Path

from bitgauge.benchmarks.common.pte import program
from bitgauge.benchmarks.quality.sets import InputSpec

from ..base import ModelFacts, OutputSpec
from ..classes import classify

NAME = "pte"
RANK = 10


def recognises(head: bytes) -> bool:
    """Whether it carries the identifier of ExecuTorch's schema, of any version, at byte 4."""
    return head[4:6] == program.IDENTIFIER[:2] and head[6:8].isdigit()


def facts(path: Path, label: str) -> ModelFacts:
    """What the file at `path` is; see `base.Format`."""
    found = program.read(path, label)
    counts = {**found.operators, **found.delegates}
    return ModelFacts(
        inputs=tuple(InputSpec(one.name, one.dtype, one.shape) for one in found.inputs),
        outputs=tuple(OutputSpec(one.name, one.dtype, one.shape) for one in found.outputs),
        operator_counts=counts,
        model_class=classify(counts, 0),
        recipe=None,
        parameter_count=0,
        size_bytes=path.stat().st_size,
    )
