"""Saturation, clipping, integer coverage and range from the overflow ledger (measurement.md D)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from ..numerics.ledger import Ledger, OperatorRow, TensorRow, unchecked_words, worst_operators
from ..raw.numerics import read_ledger
from ..vocabulary.enums import FormatFamily, PassName, RawRole
from ..vocabulary.kernel_modes import FLOAT, INEXACT, SAT16, WRAP16, kernel_mode
from ..vocabulary.metric import Group
from ..vocabulary.metrics import keys
from ..vocabulary.reasons import (
    CLIPPING,
    FLOAT_FALLBACK,
    NO_INTEGER_OPERATORS,
    NO_RAW_DATA,
    NONFINITE,
    NOT_MEASURED,
    NOT_PROBED,
    SATURATING,
    UNINSTRUMENTABLE,
    WRONG_KERNEL,
)
from ..vocabulary.recipes import family_of
from ..vocabulary.values.runs import MetricValue
from .facts import Groups, RunFacts, items, null

KEYS = keys(lambda metric: metric.group is Group.NUMERICS)
CLIP_LIMIT_PCT = 1.0
MIN_COVERAGE = 0.9
_NAMED = 5
_SIXTEEN_BITS = (FormatFamily.FP16, FormatFamily.BF16)
_OUTPUTS_ALONE = "no inner tensor of it is shown, only its outputs and which kernels it executes"


def numerics(groups: Groups, facts: RunFacts) -> tuple[MetricValue, ...]:
    """The metrics of `KEYS`, in their order."""
    raws = groups.get((PassName.NUMERICS, RawRole.BOTH), ())
    if not raws:
        return tuple(null(key, NO_RAW_DATA) for key in KEYS)
    ledger = read_ledger(raws[0])
    if ledger.why_not:
        return tuple(null(key, UNINSTRUMENTABLE, why=ledger.why_not) for key in KEYS)
    hidden = bool(ledger.products) and all(row.inside for row in ledger.products)

    def of_tensors(one: MetricValue) -> MetricValue:
        """What is about every tensor is not known where the outputs alone are seen."""
        return null(one.key, UNINSTRUMENTABLE, why=_OUTPUTS_ALONE) if hidden else one

    return (
        _saturated(ledger, facts),
        _kernel_error(ledger),
        of_tensors(_worst("clip_pct", ledger, lambda row: row.clip, 100, CLIPPING)),
        of_tensors(_worst("clip_mass_pct", ledger, lambda row: row.clip_mass, 100, CLIPPING)),
        _coverage(ledger),
        of_tensors(_worst_sqnr(ledger)),
        of_tensors(_headroom(ledger)),
        of_tensors(_worst("outlier_ratio", ledger, lambda row: row.outlier_ratio, 1, None)),
        of_tensors(_nonfinite(ledger)),
    )


def widened(groups: Groups, facts: RunFacts) -> bool:
    """Whether most multiplications of a 16-bit format are of float32 on the device.

    A processor or runtime without kernels of the format widens weights when it loads them, or each
    value before a product: what is timed then is float32, though the file is half as large.
    """
    raws = groups.get((PassName.NUMERICS, RawRole.BOTH), ())
    if family_of(facts.recipe, facts.family) not in _SIXTEEN_BITS or not raws:
        return False
    products = read_ledger(raws[0]).products
    in_float32 = sum(row.macs for row in products if row.activation_type == "f32")
    return 2 * in_float32 > sum(row.macs for row in products)


def saturates(row: OperatorRow, modes: Mapping[str, str]) -> bool:
    """Whether an operator's kernel adds pairs in 16 bits: by its own outputs, else by the probe."""
    return (row.observed_mode or modes.get(row.kind)) == SAT16


def wrong_kernels(ledger: Ledger, modes: dict[str, str]) -> list[str]:
    """Operators whose kernel is neither exact nor saturates, by the probe, or wraps around.

    One whose outputs were computed again and found right is none of them, whatever the probe says.
    """
    return [
        row.name
        for row in ledger.products
        if modes.get(row.kind) in (INEXACT, WRAP16) and not (row.elements and not row.errors1)
    ]


def _saturated(ledger: Ledger, facts: RunFacts) -> MetricValue:
    found, wrong = _saturation(ledger, facts), wrong_kernels(ledger, facts.modes)
    if not wrong:
        return found
    told = items(wrong_kernels=_names(wrong))
    return replace(found, flags=(*found.flags, WRONG_KERNEL), detail=(*found.detail, *told))


def _saturation(ledger: Ledger, facts: RunFacts) -> MetricValue:
    key = "saturated_pct"
    checked = [row for row in ledger.products if row.elements]
    modes = facts.modes
    mode = kernel_mode(ledger.executed, modes)
    if not ledger.executed:
        known = {"kernel_mode": FLOAT} if ledger.claims_integer else {}
        return null(key, NO_INTEGER_OPERATORS, **known)
    told = {"kernel_mode_why": NOT_PROBED} if mode is None else {"kernel_mode": mode}
    pairs = sum(row.pairs for row in checked)
    if not pairs:
        return null(key, UNINSTRUMENTABLE, **told)
    here = sum(row.saturated_pairs for row in checked if saturates(row, modes))
    there = sum(row.saturated_pairs for row in checked)
    wrong = sum(row.errors1 for row in checked if saturates(row, modes))
    elements = sum(row.elements for row in checked)
    affected = [row.name for row in worst_operators(ledger) if row.saturated_pairs]
    return MetricValue(
        key=key,
        value=100 * here / pairs,
        n=pairs,
        flags=(SATURATING,) if wrong else (),
        detail=items(
            **told,
            saturated_pct_if_sat16=100 * there / pairs,
            wrong_outputs_pct=100 * wrong / elements,
            wrong_outputs_pct_if_sat16=100 * sum(r.emulated_errors1 for r in checked) / elements,
            operators=_names(affected),
        ),
    )


def _kernel_error(ledger: Ledger) -> MetricValue:
    key = "kernel_error_pct"
    checked = [row for row in ledger.operators if row.elements]
    if not checked:
        told = {"not_recomputed": unchecked_words(ledger)} if ledger.unchecked else {}
        return null(key, UNINSTRUMENTABLE if told else NO_INTEGER_OPERATORS, **told)
    worst = max(checked, key=lambda row: row.error_rate)
    errors = sum(row.errors1 for row in checked)
    explained = sum(row.explained1 for row in checked)
    return MetricValue(
        key=key,
        value=100 * worst.error_rate,
        n=worst.elements,
        detail=items(
            operator=worst.name,
            differing_pct=100 * worst.errors0 / worst.elements,
            worst_steps=worst.worst_steps,
            **({"explained_pct": 100 * explained / errors} if errors else {}),
            **({"not_recomputed": unchecked_words(ledger)} if ledger.unchecked else {}),
        ),
    )


def _worst(
    key: str,
    ledger: Ledger,
    of: Callable[[TensorRow], float | None],
    unit: float,
    flag: str | None,
) -> MetricValue:
    """The largest value over tensors; `flag` where it is beyond the limit of clipping."""
    known = [(value, row) for row in ledger.tensors if (value := of(row)) is not None]
    if not known:
        return null(key, NOT_MEASURED if flag is None else NO_INTEGER_OPERATORS)
    value, row = max(known, key=lambda one: one[0])
    beyond = [row.name for value, row in known if flag and unit * value > CLIP_LIMIT_PCT]
    return MetricValue(
        key=key,
        value=unit * value,
        n=row.elements,
        flags=(flag,) if flag and beyond else (),
        detail=items(tensor=row.name, **({"beyond_limit": _names(beyond)} if beyond else {})),
    )


def _coverage(ledger: Ledger) -> MetricValue:
    key = "int_coverage"
    coverage = ledger.int_coverage
    if coverage is None or not ledger.claims_integer:
        return null(key, NO_INTEGER_OPERATORS)
    stayed = [f"{row.name}: {row.fix}" for row in ledger.operators if row.compute == "float"]
    hidden = [f"{row.name} in {row.inside}" for row in ledger.products if row.inside]
    return MetricValue(
        key=key,
        value=coverage,
        n=len(ledger.products),
        flags=(FLOAT_FALLBACK,) if coverage < MIN_COVERAGE else (),
        detail=items(
            operators_in_float=len(stayed),
            **({"fixes": _names(stayed)} if stayed else {}),
            **({"counted_from_shapes": _names(hidden)} if hidden else {}),
        ),
    )


def _worst_sqnr(ledger: Ledger) -> MetricValue:
    key = "sqnr_db"
    known = [(row.sqnr_db, row) for row in ledger.tensors if row.sqnr_db is not None]
    if not known:
        return null(key, NO_INTEGER_OPERATORS)
    value, row = min(known, key=lambda one: one[0])
    further = {
        f"diverges_from_{one.against}": f"{one.tensor}: {one.sqnr_db:.1f} dB"
        for one in ledger.divergences
    }
    if ledger.output_sqnr_db is not None:
        further["output_sqnr_db"] = f"{ledger.output_sqnr_db:.2f}"
    return MetricValue(
        key=key, value=value, n=row.elements, detail=items(tensor=row.name, **further)
    )


def _headroom(ledger: Ledger) -> MetricValue:
    key = "fp16_headroom_log2"
    known = [(row.headroom_log2, row) for row in ledger.tensors if row.headroom_log2 is not None]
    if not known:
        return null(key, NOT_MEASURED)
    value, row = min(known, key=lambda one: one[0])
    return MetricValue(
        key=key,
        value=value,
        n=row.elements,
        detail=items(
            tensor=row.name,
            amax=row.amax,
            worst_subnormal_share=max(row.fp16_subnormal or 0.0 for _, row in known),
        ),
    )


def _nonfinite(ledger: Ledger) -> MetricValue:
    bad = [row for row in ledger.tensors if row.nan or row.inf]
    total = sum(row.nan + row.inf for row in bad)
    where = {"first": bad[0].name, "tensors": len(bad)} if bad else {}
    return MetricValue(
        key="numerics_nonfinite_count",
        value=float(total),
        n=sum(row.elements for row in ledger.tensors),
        verdict="FAIL" if total else "PASS",
        flags=(NONFINITE,) if total else (),
        detail=items(
            nan=sum(row.nan for row in bad),
            inf=sum(row.inf for row in bad),
            **where,
        ),
    )


def _names(names: list[str]) -> str:
    """The first few names, and how many there are besides."""
    more = len(names) - _NAMED
    listed = ", ".join(name[:120] for name in names[:_NAMED])
    return f"{listed} and {more} more" if more > 0 else listed
