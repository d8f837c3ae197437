"""What the launches of a run were given, from their raw files to facts of the record."""

from __future__ import annotations

from typing import Any

from .evidence import Evidence
from .raw_given import given_of
from .reasons import NO_RAW_DATA, NOT_RECORDED
from .record import Fact
from .vocabulary import PassName, RawRole

Order = tuple[tuple[PassName, RawRole], ...]

ALONE_FIRST: Order = (
    (PassName.ABSOLUTE, RawRole.CANDIDATE),
    (PassName.PAIR, RawRole.BOTH),
    (PassName.MEMORY, RawRole.CANDIDATE),
    (PassName.THROUGHPUT, RawRole.CANDIDATE),
    (PassName.QUALITY, RawRole.BOTH),
    (PassName.NUMERICS, RawRole.BOTH),
)
"""Where a fact about the artifact is looked for: first where nothing else was loaded."""

QUADS_FIRST: Order = (ALONE_FIRST[1], ALONE_FIRST[0], *ALONE_FIRST[2:])
"""Where a fact about the comparison is looked for."""


def given_fact(evidence: Evidence, name: str, order: Order = ALONE_FIRST) -> Fact[Any]:
    """A field of `raw_given.Given`: that of the first launch, in this order, which tells it."""
    files = [one.raw for where in order for one in evidence.of(*where) if one.raw is not None]
    for raw in files:
        found = getattr(given_of(raw), name)
        if found is not None:
            return Fact(found)
    return Fact(reason=NOT_RECORDED if files else NO_RAW_DATA)
