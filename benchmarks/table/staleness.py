"""What makes a result stale: an input that is another one now than when it was measured.

Pure. The inputs are the stack of (device, runtime), the toolchain that built the artifact, the
version of the measuring protocol, and age (DESIGN.md section 6).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from ..vocabulary.enums import CellState
from ..vocabulary.fingerprint import changed
from ..vocabulary.recipes import base_of
from ..vocabulary.values.devices import StackItem
from ..vocabulary.values.rows import StackChange, TableRow

TOOLCHAIN = "toolchain"
MEASURING = "measuring_version"
AGE = "age"
FINGERPRINT = "fingerprint"
"""Stands for a change whose inputs were not kept: nothing ran, so nobody wrote the stack down."""

SECOND_NS = 1_000_000_000
DAY_S = 86_400


def stack_changes(
    before: Iterable[StackItem], after: Iterable[StackItem]
) -> tuple[StackChange, ...]:
    """Each input in which two stacks differ, with both values, by name."""
    old = {item.name: item.value for item in before}
    new = {item.name: item.value for item in after}
    return tuple(
        StackChange(name, old.get(name), new.get(name))
        for name in changed(
            (StackItem(*item) for item in old.items()), (StackItem(*item) for item in new.items())
        )
    )


def toolchain_changes(row: TableRow, toolchains: Mapping[str, str]) -> tuple[StackChange, ...]:
    """Whether the artifact would be built by something else now.

    Args:
        row: an uploaded artifact has no toolchain and cannot change.
        toolchains: what builds each recipe now, a line for each builder; a recipe that is not
            there is not judged.
    """
    now = toolchains.get(base_of(row.recipe), "").splitlines()
    if row.toolchain is None or not now or row.toolchain in now:
        return ()
    builder = row.toolchain.partition("/")[0]
    same = next((line for line in now if line.partition("/")[0] == builder), now[0])
    return (StackChange(TOOLCHAIN, row.toolchain, same),)


def measuring_changes(row: TableRow, measuring_version: int) -> tuple[StackChange, ...]:
    """Whether the protocol measures otherwise now."""
    if row.measuring_version == measuring_version:
        return ()
    return (StackChange(MEASURING, str(row.measuring_version), str(measuring_version)),)


def aged(row: TableRow, now_ns: int, max_age_s: int | None) -> tuple[StackChange, ...]:
    """Whether a result is older than the age limit; None limits nothing."""
    if max_age_s is None or row.measured_unix_ns is None:
        return ()
    age_s = (now_ns - row.measured_unix_ns) // SECOND_NS
    if age_s <= max_age_s:
        return ()
    return (StackChange(AGE, f"{max_age_s / DAY_S:.3g} d", f"{age_s / DAY_S:.3g} d"),)


def marked(row: TableRow, changes: tuple[StackChange, ...]) -> TableRow:
    """The row with everything that changed; a measured one with any change is stale."""
    state = row.state
    if state in (CellState.MEASURED, CellState.STALE):
        state = CellState.STALE if changes else CellState.MEASURED
    return replace(row, changes=changes, state=state)
