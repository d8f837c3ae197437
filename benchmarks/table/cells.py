"""Cells from rows: pooled, with spread, pass rate and state; drilled down by any dimension.

Pure: the same rows in any order give the same cells. Rows of emulated and simulated devices are
left out here too, wherever they come from. Workloads never mix: they are part of the key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from ..vocabulary.enums import CellState, FormatFamily, HardwareClass, ModelClass
from ..vocabulary.errors import BadInput, Code
from ..vocabulary.metric import Group
from ..vocabulary.metrics import METRICS, placed
from ..vocabulary.reasons import SUSPECT, UNCONFIRMED
from ..vocabulary.recipes import CUSTOM
from ..vocabulary.values.cells import Cell, CellKey, Part, Pooled
from ..vocabulary.values.gates import FAILED, PASSED, REVIEW
from ..vocabulary.values.jobs import Workload
from ..vocabulary.values.rows import TableRow
from ..vocabulary.values.runs import MetricValue
from .gate import default_gate
from .pooling import UnitValue, pass_rate, pool
from .units import best_rows, comparable, current_baselines

POOLED_METRICS = placed(lambda metric: metric.pooled)
"""What a cell shows: what can be compared over models, against the FP32 baseline of each."""

DIMENSIONS: dict[str, Callable[[TableRow], str]] = {
    "model": lambda row: row.model_name,
    "device": lambda row: row.device_name,
    "runtime": lambda row: row.runtime,
    "recipe": lambda row: row.variant,
    "kernel_mode": lambda row: row.kernel_mode or "not probed",
}
"""What a cell can be drilled down by."""

_CLASSES = list(ModelClass)
_HARDWARE = list(HardwareClass)
_FAMILIES = list(FormatFamily)


def key_of(row: TableRow) -> CellKey:
    """The cell that a row belongs to."""
    return CellKey(row.model_class, row.hardware_class, row.family, row.workload)


def cells(rows: Iterable[TableRow]) -> tuple[Cell, ...]:
    """Every cell of these rows, in the order of the table."""
    grouped: dict[CellKey, list[TableRow]] = {}
    for row in rows:
        if row.realness.keeps_time:
            grouped.setdefault(key_of(row), []).append(row)
    return ordered(cell_of(key, found) for key, found in grouped.items())


def ordered(found: Iterable[Cell]) -> tuple[Cell, ...]:
    """Cells in the order of the table."""
    return tuple(sorted(found, key=lambda cell: _order(cell.key)))


def cell_of(key: CellKey, rows: Sequence[TableRow]) -> Cell:
    """One cell from all its rows.

    Args:
        key: which cell.
        rows: at least one row, all of this cell.
    """
    counted = _counted(rows)
    parts = tuple(
        _part((f"recipe={recipe}",), [row for row in counted if row.variant == recipe])
        for recipe in sorted({row.variant for row in counted})
    )
    best = min(parts, key=_merit)
    return Cell(key=key, state=best.state, recipe=best.recipes[0], best=best, recipes=parts)


def drill(rows: Iterable[TableRow], by: Sequence[str]) -> tuple[Part, ...]:
    """Rows of one cell grouped by some dimensions, in the order of their names.

    Raises:
        BadInput: `BAD_ARGUMENT`, no such dimension.
    """
    for name in by:
        if name not in DIMENSIONS:
            raise BadInput(
                Code.BAD_ARGUMENT,
                f"A cell cannot be drilled down by {name!r}; there are {', '.join(DIMENSIONS)}.",
            )
    grouped: dict[tuple[str, ...], list[TableRow]] = {}
    for row in _counted(rows):
        names = tuple(f"{name}={DIMENSIONS[name](row)}" for name in by)
        grouped.setdefault(names, []).append(row)
    return tuple(_part(names, grouped[names]) for names in sorted(grouped))


def _counted(rows: Iterable[TableRow]) -> tuple[TableRow, ...]:
    """The rows that speak: real devices, newest baseline, most thorough profile per unit.

    What they say follows one definition of each metric, and speaks of one output of each model.
    What a device says that nobody confirmed counts only where no other device says anything.
    """
    real = [row for row in rows if row.realness.keeps_time]
    confirmed = [row for row in real if UNCONFIRMED not in row.flags]
    current, _ = current_baselines(confirmed or real)
    return comparable(best_rows(current))


def _part(names: tuple[str, ...], rows: Sequence[TableRow]) -> Part:
    numbered = [row for row in rows if row.state.has_numbers]
    times = [row.measured_unix_ns for row in numbered if row.measured_unix_ns is not None]
    state = _state(rows)
    failed = [row for row in rows if row.state is state and row.reason]
    return Part(
        names=names,
        state=state,
        metrics=tuple(_pooled(key, numbered) for key in pooled_metrics(rows)),
        pass_rate=pass_rate(_verdicts(rows)),
        models=_names(row.model_name for row in rows),
        devices=_names(row.device_name for row in rows),
        runtimes=_names(row.runtime for row in rows),
        recipes=_names(row.variant for row in rows),
        kernel_modes=_names(row.kernel_mode for row in numbered if row.kernel_mode),
        flags=_names(flag for row in numbered for flag in row.flags),
        run_ids=_names(row.run_id for row in rows if row.run_id),
        fingerprints=_names(row.fingerprint for row in rows if row.fingerprint),
        oldest_unix_ns=min(times, default=None),
        newest_unix_ns=max(times, default=None),
        changes=tuple(sorted({change for row in rows for change in row.changes}, key=repr)),
        reason=failed[0].reason if failed and not numbered else None,
    )


def pooled_metrics(rows: Sequence[TableRow]) -> tuple[str, ...]:
    """The figures of a part of the table; those of decoders alone where it is of decoders."""
    llm = any(row.workload.is_llm for row in rows)
    return tuple(key for key in POOLED_METRICS if llm or not METRICS[key].decoder)


def _state(rows: Sequence[TableRow]) -> CellState:
    """Stale when any of its figures is; measured when there is one; else why there is none."""
    states = {row.state for row in rows}
    for state in (CellState.STALE, CellState.MEASURED, CellState.FAILED, CellState.UNSUPPORTED):
        if state in states:
            return state
    return CellState.NEVER_RUN


def _pooled(key: str, rows: Sequence[TableRow]) -> Pooled:
    units, missing, reason = [], 0, ""
    without = _unjudged(key, rows)
    for row in rows:
        if row.model_name in without:
            continue
        metric = _value(key, row)
        if metric.value is None:
            missing, reason = missing + 1, reason or metric.reason or "not_measured"
        else:
            units.append(
                UnitValue(
                    row.model_name,
                    f"{row.device_id} {row.runtime}",
                    metric.value,
                    metric.low,
                    metric.high,
                )
            )
    definition = max((row.metric(key).definition for row in rows), default=1)
    return replace(pool(key, units, missing, reason), definition=definition, without=without)


def _unjudged(key: str, rows: Sequence[TableRow]) -> tuple[str, ...]:
    """The models that a figure of quality leaves out: those of which none could be judged.

    One of them says nothing of the others. Where a model has the figure on some of its units and
    not on all, nothing is left out; and neither where no model has it.
    """
    if METRICS[key].group is not Group.QUALITY:
        return ()
    judged = {row.model_name for row in rows if _value(key, row).value is not None}
    return _names(row.model_name for row in rows if row.model_name not in judged) if judged else ()


def _value(key: str, row: TableRow) -> MetricValue:
    of_requests = METRICS[key].decoder and METRICS[key].is_ratio
    if row.is_baseline and (key in ("size_ratio", "latency_ratio") or of_requests):
        return MetricValue(key=key, value=1.0, low=1.0, high=1.0)
    if METRICS[key].timed and SUSPECT in row.flags:
        return MetricValue(key=key, reason=SUSPECT)
    return row.metric(key)


def _verdicts(rows: Sequence[TableRow]) -> list[str]:
    """What the gate says of each model: it must pass wherever it was measured."""
    by_model: dict[str, set[str]] = {}
    for row in rows:
        by_model.setdefault(row.model_name, set()).add(default_gate(row))
    return [
        next(verdict for verdict in (FAILED, REVIEW, PASSED) if verdict in found)
        for _, found in sorted(by_model.items())
    ]


def _merit(part: Part) -> tuple[object, ...]:
    """Sorts recipes of one family, the best first."""
    rate = part.pass_rate
    models = rate.judged + rate.undecided
    latency = part.metric("latency_ratio").value
    size = part.metric("size_ratio").value
    return (
        not part.state.has_numbers,
        not rate.passed,
        # Nobody else can have a custom one built: it leads where no recipe passes.
        any(recipe.startswith(CUSTOM) for recipe in part.recipes),
        -(rate.passed / models if models else 0.0),
        -(rate.undecided / models if models else 0.0),
        float("inf") if latency is None else latency,
        float("inf") if size is None else size,
        part.recipes,
    )


def _names(found: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(found)))


def _order(key: CellKey) -> tuple[object, ...]:
    workload = key.workload
    return (
        _CLASSES.index(key.model_class),
        _HARDWARE.index(key.hardware_class),
        () if workload is None else (workload.scenario.value, *_sizes(workload)),
        _FAMILIES.index(key.family),
    )


def _sizes(workload: Workload) -> tuple[int, ...]:
    call = (workload.batch, workload.threads)
    return (*call, workload.prompt_tokens, workload.generated_tokens)
