"""What a campaign changed in the table: new, improved, regressed, lost, and with which stack.

Pure. A number is held against the earlier one by `change`, which says nothing of the times and
joules of a suspect job. A cell is `regressed` when something of it that may decide is worse:
accuracy, numerics and size always, time, memory and energy only of runs that are neither
preliminary nor suspect (DESIGN.md 10.13).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..history.change import IMPROVED, REGRESSED, change_between
from ..table.gate import default_gate
from ..table.rows import row_key
from ..table.staleness import MEASURING, TOOLCHAIN, stack_changes
from ..vocabulary.enums import CellState
from ..vocabulary.metrics import METRICS, placed
from ..vocabulary.reasons import PRELIMINARY, SUSPECT
from ..vocabulary.values.campaigns import CellChange
from ..vocabulary.values.devices import StackItem
from ..vocabulary.values.gates import FAILED as GATE_FAILED
from ..vocabulary.values.gates import PASSED
from ..vocabulary.values.history import MetricChange
from ..vocabulary.values.rows import StackChange, TableRow

NEW = "new"
LOST = "lost"
FAILED = "failed"
UNSUPPORTED = "unsupported"
VERDICT = "verdict"
SAME = "same"
KINDS = (REGRESSED, LOST, FAILED, VERDICT, IMPROVED, NEW, UNSUPPORTED, SAME)
"""In the order in which people want to read them."""

COMPARED = placed(lambda metric: metric.compared)

Stacks = Mapping[str, tuple[StackItem, ...]]
"""By run id, what was written down of the stack."""


def differences(
    before: Iterable[TableRow], after: Iterable[TableRow], stacks: Stacks
) -> tuple[CellChange, ...]:
    """What changed between two moments, worst first.

    Args:
        before: the rows as they were.
        after: the rows that were measured, or tried, since.
        stacks: of the runs behind both.
    """
    known = {row_key(row): row for row in before}
    found = [difference(known.get(row_key(row)), row, stacks) for row in after]
    return tuple(sorted(found, key=_order))


def difference(before: TableRow | None, after: TableRow, stacks: Stacks) -> CellChange:
    """What changed in one row."""
    metrics: tuple[MetricChange, ...] = ()
    verdicts: tuple[StackChange, ...] = ()
    if before is not None and before.state.has_numbers and after.state.has_numbers:
        metrics = tuple(
            change_between(key, before, after)
            for key in COMPARED
            if before.metric(key).value is not None or after.metric(key).value is not None
        )
    if before is not None:
        verdicts = tuple(_verdicts(before, after))
    return CellChange(
        kind=_kind(before, after, metrics, verdicts),
        model_name=after.model_name,
        recipe=after.full_name,
        workload=after.workload,
        device_name=after.device_name,
        runtime=after.runtime,
        before=before.state if before else None,
        after=after.state,
        metrics=metrics,
        verdicts=verdicts,
        stack=_stack(before, after, stacks) if before else (),
        reason=after.reason,
        run_before=before.run_id if before else None,
        run_after=after.run_id,
    )


def _kind(
    before: TableRow | None,
    after: TableRow,
    metrics: Iterable[MetricChange],
    verdicts: Iterable[StackChange],
) -> str:
    if not after.state.has_numbers:
        return _without_numbers(before, after)
    if before is None or not before.state.has_numbers:
        return NEW
    unsure = bool({PRELIMINARY, SUSPECT} & {*before.flags, *after.flags})
    moved = {one.verdict for one in metrics if not (unsure and METRICS[one.key].needs_device)}
    gate = {(one.before, one.after) for one in verdicts if one.name == "gate"}
    if REGRESSED in moved or any(new == GATE_FAILED for _, new in gate):
        return REGRESSED
    if IMPROVED in moved or any(new == PASSED for _, new in gate):
        return IMPROVED
    return VERDICT if tuple(verdicts) else SAME


def _without_numbers(before: TableRow | None, after: TableRow) -> str:
    if before is not None and before.state.has_numbers:
        return LOST
    if after.state is not CellState.UNSUPPORTED:
        return FAILED
    return SAME if before is not None and before.state is CellState.UNSUPPORTED else UNSUPPORTED


def _verdicts(before: TableRow, after: TableRow) -> Iterable[StackChange]:
    gates = (default_gate(before), default_gate(after))
    if gates[0] != gates[1]:
        yield StackChange("gate", *gates)
    if before.state.has_numbers and after.state.has_numbers:
        for key in (after.quality.key, "latency_ratio"):
            old, new = before.metric(key), after.metric(key)
            told = old.verdict or new.verdict
            if told and old.verdict != new.verdict and old.definition == new.definition:
                yield StackChange(key, old.verdict, new.verdict)
    if before.kernel_mode != after.kernel_mode:
        yield StackChange("kernel_mode", before.kernel_mode, after.kernel_mode)


def _stack(before: TableRow, after: TableRow, stacks: Stacks) -> tuple[StackChange, ...]:
    """The inputs that differ between two measurements of one row."""
    old, new = (stacks.get(row.run_id or "", ()) for row in (before, after))
    found = list(stack_changes(old, new)) if old and new else []
    if before.toolchain != after.toolchain and before.toolchain and after.toolchain:
        found.append(StackChange(TOOLCHAIN, before.toolchain, after.toolchain))
    if before.measuring_version != after.measuring_version:
        versions = (str(before.measuring_version), str(after.measuring_version))
        found.append(StackChange(MEASURING, *versions))
    return tuple(found)


def _order(change: CellChange) -> tuple[object, ...]:
    workload = change.workload
    return (
        KINDS.index(change.kind),
        change.model_name,
        change.device_name,
        change.runtime,
        (workload.scenario.value, workload.batch, workload.threads),
        (workload.prompt_tokens, workload.generated_tokens),
        change.recipe,
    )
