"""A result of the past: which row it is of, what stands behind it, what changed since another.

Pure, and without numpy: every question to a store reads this.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..table.staleness import FINGERPRINT, MEASURING, TOOLCHAIN, stack_changes
from ..vocabulary.shown import call_words
from ..vocabulary.values.devices import StackItem
from ..vocabulary.values.digests import Digest
from ..vocabulary.values.rows import StackChange, TableRow

RATIO = "latency_ratio"
ABSOLUTE = "latency_p50_ns"

ARTIFACT = "artifact"
ANALYSIS = "analysis_version"
KERNEL_MODE = "kernel_mode"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is kept of a run besides its numbers."""

    job_id: str
    entry_index: int
    stack: tuple[StackItem, ...] = ()
    artifact: Digest | None = None
    analysis_version: int | None = None


@dataclass(frozen=True, slots=True)
class Measured:
    """A row with its metrics, and what stands behind it."""

    row: TableRow
    evidence: Evidence


def usual_metric(row: TableRow) -> str:
    """What a history shows when nobody says: the ratio, of a baseline the time itself."""
    return ABSOLUTE if row.is_baseline else RATIO


def row_words(row: TableRow) -> str:
    """Which row this is, in a few words."""
    return f"{row.model_name} {row.full_name} on {row.device_name}, {call_words(row.workload)}"


def input_changes(before: Measured, after: Measured) -> tuple[StackChange, ...]:
    """Every input of a result that is another one in the later of two."""
    first, second = before.row, after.row
    pairs: list[tuple[str, object, object]] = [
        ("recipe", first.recipe, second.recipe),
        ("device", first.device_name, second.device_name),
        ("runtime", first.runtime, second.runtime),
        (TOOLCHAIN, first.toolchain, second.toolchain),
        (MEASURING, first.measuring_version, second.measuring_version),
        (ANALYSIS, before.evidence.analysis_version, after.evidence.analysis_version),
        (KERNEL_MODE, first.kernel_mode, second.kernel_mode),
    ]
    if first.recipe == second.recipe:
        pairs.append((ARTIFACT, _short(before.evidence.artifact), _short(after.evidence.artifact)))
    named = tuple(
        StackChange(name, _text(old), _text(new)) for name, old, new in pairs if old != new
    )
    return (*_of_stack(before, after), *named)


def _short(digest: Digest | None) -> str | None:
    return digest.sha256[:12] if digest else None


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _of_stack(before: Measured, after: Measured) -> tuple[StackChange, ...]:
    if before.row.fingerprint == after.row.fingerprint:
        return ()
    found = stack_changes(before.evidence.stack, after.evidence.stack)
    prints = (before.row.fingerprint[:12], after.row.fingerprint[:12])
    return found or (StackChange(FINGERPRINT, *prints),)
