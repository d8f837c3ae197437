"""Findings about results: saturation, clipping, noise, range, values that are no numbers."""

from __future__ import annotations

from collections.abc import Iterator

from ...numerics.ledger import TensorRow, unchecked_words, worst_operators, worst_tensors
from ...vocabulary import shown as text
from ...vocabulary.kernel_modes import WRAP16
from ...vocabulary.reasons import SATURATING, WRONG_KERNEL
from .types import NOTE, WRONG, ExplainedRun, Finding, share_words

CLIP_LIMIT = 0.01
NOISY_DB = 20.0
OUTLIER_LIMIT = 8.0
HEADROOM_LIMIT = 1.0
TWIN_LIMIT_STEPS = 2.0
"""Output steps that two right kernels may be apart: each rounds once or twice on the way."""

_SEVEN_BITS = "Quantize the weights to 7 bits (recipes ending in -rr)."
_U8U8 = "Quantize weights unsigned as well (u8u8 recipes): those kernels are exact."


def wrong_findings(subject: ExplainedRun) -> Iterator[Finding]:
    """Every finding about results, in no order."""
    yield from _not_finite(subject)
    yield from _wrong_kernel(subject)
    yield from _saturation(subject)
    yield from _clipping(subject)
    yield from _noise(subject)
    yield from _headroom(subject)
    yield from _sums(subject)
    yield from _unchecked(subject)
    yield from _twin(subject)


def _not_finite(subject: ExplainedRun) -> Iterator[Finding]:
    inner = subject.metric("numerics_nonfinite_count")
    outer = subject.metric("nonfinite_count")
    if not (inner.value or outer.value):
        return
    first = subject.said("numerics_nonfinite_count", "first")
    where = f", first in {first}" if first else ""
    count = int(inner.value or outer.value or 0)
    yield Finding(
        WRONG,
        "not_finite",
        f"{count} {'value is' if count == 1 else 'values are'} NaN or infinite{where}.",
        _finite_again(subject.recipe),
        weight=100.0,
    )


def _finite_again(recipe: str) -> tuple[str, ...]:
    """What makes numbers of them: half precision leaves its range, integers round to zero."""
    if recipe == "fp16":
        return ("Keep the layers before that tensor in fp32, or use bf16, whose range is fp32's.",)
    if recipe.startswith("int"):
        return (
            "Keep the layers before that tensor in fp32: where its scale rounds a small value to"
            " zero, a quotient or logarithm of it is infinite.",
        )
    return ()


def _wrong_kernel(subject: ExplainedRun) -> Iterator[Finding]:
    metric = subject.metric("saturated_pct")
    if WRONG_KERNEL in metric.flags:
        named = subject.said("saturated_pct", "wrong_kernels")
        if subject.said("saturated_pct", "kernel_mode") == WRAP16:
            yield _wraps(named)
            return
        yield Finding(
            WRONG,
            "wrong_kernel",
            f"The kernel of {named} answered this device's probe with something else than the"
            " product, so that its outputs here are not those of the artifact.",
            ("Measure it with other kernels of its runtime, or in another runtime.",),
            weight=95.0,
        )


def _wraps(named: str | None) -> Finding:
    return Finding(
        WRONG,
        "wraps",
        f"The kernel of {named} adds two products in 16 bits here ({WRAP16}): where both are -128"
        " by -128, with 128 taken of unsigned codes first, the sum is 65,536 too small. Its"
        " outputs here were found wrong, or could not be computed again.",
        ("Keep -128 out of the weights (symmetric ones from -127 to 127).", _SEVEN_BITS, _U8U8),
        weight=95.0,
    )


def _saturation(subject: ExplainedRun) -> Iterator[Finding]:
    metric = subject.metric("saturated_pct")
    if metric.value is None or subject.ledger is None:
        return
    mode = subject.said("saturated_pct", "kernel_mode") or "unknown"
    if SATURATING in metric.flags:
        named = [row for row in worst_operators(subject.ledger) if row.errors1][:3]
        exact = [f"Run the session with {subject.exact}."] if subject.exact else []
        shares = ", ".join(f"{row.name} ({share_words(row.error_rate)})" for row in named)
        yield Finding(
            WRONG,
            "saturating",
            f"Its integer kernels add products in 16 bits here ({mode}) and saturate in"
            f" {text.number(metric.value)} % of the sums; outputs more than one step off:"
            f" {shares}.",
            (_SEVEN_BITS, _U8U8, *exact),
            weight=90.0,
        )
        return
    elsewhere = subject.detail("saturated_pct", "wrong_outputs_pct_if_sat16")
    if elsewhere and WRONG_KERNEL not in metric.flags:
        yield Finding(
            NOTE,
            "saturates_elsewhere",
            f"Exact here (kernel mode {mode}). On an x86 host without VNNI"
            f" {text.number(elsewhere)} % of its integer outputs would be more than one step off.",
            (_SEVEN_BITS,),
            weight=elsewhere,
        )


def _clipping(subject: ExplainedRun) -> Iterator[Finding]:
    rows = [row for row in worst_tensors(subject.ledger) if _clips(row)] if subject.ledger else []
    if not rows:
        return
    worst = rows[0]
    others = len(rows) - 1
    more = f"; so do values of {others} more {'tensor' if others == 1 else 'tensors'}"
    mass = f" ({share_words(worst.clip_mass)} of its magnitude)" if worst.clip_mass else ""
    yield Finding(
        WRONG,
        "clipping",
        f"{share_words(worst.clip or 0.0)} of the values of {worst.name}{mass} lie beyond the"
        f" calibrated range{more if others else ''}.",
        ("Calibrate with more, or more representative, samples, or with a wider range (min-max).",),
        weight=10 + (worst.clip or 0.0),
    )


def _clips(row: TensorRow) -> bool:
    return max(row.clip or 0.0, row.clip_mass or 0.0) > CLIP_LIMIT


def _noise(subject: ExplainedRun) -> Iterator[Finding]:
    ledger = subject.ledger
    if ledger is None:
        return
    for one in ledger.divergences:
        source = "the float model" if one.against == "baseline" else "the exact integer result"
        before = "" if one.before_db is None else f", from {one.before_db:.0f} dB before it"
        lost = subject.metric("accuracy_delta_pp").verdict == "FAIL"
        yield Finding(
            WRONG if lost or one.against == "exact" else NOTE,
            f"diverges_from_{one.against}",
            f"It first departs from {source} at {one.tensor}: {one.sqnr_db:.0f} dB of signal to"
            f" noise{before}.",
            ("Keep that layer in fp32, or quantize it per channel.",) if lost else (),
            weight=5.0,
        )
    noisy = [row for row in ledger.tensors if row.sqnr_db is not None and row.sqnr_db < NOISY_DB]
    outliers = [row for row in noisy if (row.outlier_ratio or 0.0) > OUTLIER_LIMIT]
    if outliers:
        worst = max(outliers, key=lambda row: row.outlier_ratio or 0.0)
        yield Finding(
            WRONG,
            "outliers",
            f"{worst.name} spends its codes on outliers: its largest magnitude is"
            f" {text.number(worst.outlier_ratio or 0.0)} times its 99.9th percentile, and"
            f" {worst.sqnr_db:.0f} dB of signal to noise are left.",
            ("Calibrate by percentile or entropy instead of min-max.",),
            weight=4.0,
        )


def _headroom(subject: ExplainedRun) -> Iterator[Finding]:
    metric = subject.metric("fp16_headroom_log2")
    if metric.value is None or metric.value >= HEADROOM_LIMIT or "fp16" not in subject.recipe:
        return
    tensor = subject.said("fp16_headroom_log2", "tensor")
    yield Finding(
        WRONG,
        "fp16_headroom",
        f"{tensor} comes within {2**metric.value:.1f} times of FP16's largest value.",
        ("Keep that layer in fp32, or use bf16.",),
        weight=20.0,
    )


def _sums(subject: ExplainedRun) -> Iterator[Finding]:
    rows = [row for row in subject.ledger.operators if not row.int32_safe] if subject.ledger else []
    if rows:
        yield Finding(
            NOTE,
            "int32",
            f"{rows[0].name} sums {rows[0].depth} products: 32 bits would not hold the largest.",
            weight=1.0,
        )


def _unchecked(subject: ExplainedRun) -> Iterator[Finding]:
    if subject.ledger is not None and subject.ledger.unchecked:
        yield Finding(
            NOTE,
            "unchecked",
            "Not recomputed, so that errors of their kernels would not be seen:"
            f" {unchecked_words(subject.ledger)}.",
            weight=0.5,
        )


def _twin(subject: ExplainedRun) -> Iterator[Finding]:
    """Production's kernels beside the runtime's own reference kernels."""
    ledger = subject.ledger
    if ledger is None or ledger.twin_steps is None or ledger.twin_steps <= TWIN_LIMIT_STEPS:
        return
    share = ledger.twin_differing / ledger.twin_elements
    yield Finding(
        WRONG,
        "kernels_differ",
        f"Its outputs are up to {ledger.twin_steps:.0f} output steps from what the"
        f" runtime's own reference kernels answer; {share_words(share)} of them differ.",
        ("Measure it with the other kernels too (--session-option), and trust the exacter ones.",),
        weight=8.0,
    )
