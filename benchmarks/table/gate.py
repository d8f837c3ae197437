"""The default gate: may this artifact be shipped, accuracy and numerics considered?

Cells and selections count by it; what a use case asks beyond is `benchmarks.gates`.
Of a decoder the perplexity stands for the accuracy.

Pure. Limits on time, memory and energy belong to a use case, not to this gate. A quick profile
may decide it; a suspect run, or one of a device that nobody confirmed, may not (DESIGN.md 10.13).
"""

from __future__ import annotations

from ..vocabulary.enums import CellState
from ..vocabulary.reasons import SATURATING, SUSPECT, UNCONFIRMED, WRONG_KERNEL
from ..vocabulary.values.gates import FAILED, PASSED, REVIEW
from ..vocabulary.values.rows import TableRow


def default_gate(row: TableRow) -> str:
    """`passed`, `failed`, or `manual_review` where the data does not say."""
    if not row.state.has_numbers:
        return without_numbers(row)
    nonfinite = row.metric("nonfinite_count").value
    accuracy = row.quality
    if nonfinite or {SATURATING, WRONG_KERNEL} & {*row.flags} or accuracy.verdict == "FAIL":
        return FAILED
    if nonfinite is None or {SUSPECT, UNCONFIRMED} & {*row.flags} or row.unsound:
        return REVIEW
    if row.is_baseline or accuracy.verdict == "PASS":
        return PASSED
    return REVIEW


def without_numbers(row: TableRow) -> str:
    """An artifact that cannot run fails; what the harness or the environment did says nothing."""
    if row.state is CellState.UNSUPPORTED:
        return FAILED
    if row.state is CellState.FAILED:
        retries = row.failure_group is not None and row.failure_group.retries
        return REVIEW if retries else FAILED
    return REVIEW
