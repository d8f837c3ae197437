"""Findings about time: conversions, float fall-backs, kernels that are slower in integers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from ...numerics.ledger import FIXES, FLOAT
from ...raw.operators import CAST, CONVERT, INTEGER, WEIGHT_ONLY, OperatorProfile, by_type
from ...raw.operators import FLOAT as MULTIPLIES_FLOATS
from ...vocabulary import shown as text
from .types import NOTE, SLOW, ExplainedRun, Finding, share_words

LARGE_SHARE = 0.1
MIN_COVERAGE = 0.9
NO_FASTER = 0.98
"""A product that takes at least this much of the baseline's time gains nothing."""

_MULTIPLIES = (INTEGER, MULTIPLIES_FLOATS, WEIGHT_ONLY)


def slow_findings(subject: ExplainedRun) -> Iterator[Finding]:
    """Every finding about time; graver ones only where it is not clearly faster."""
    yield from _fallbacks(subject)
    yield from _operator_by_operator(subject)
    profile, baseline = subject.profile, subject.baseline_profile
    if profile is None or not profile.operators or subject.is_baseline:
        return
    severity = NOTE if subject.metric("latency_ratio").verdict == "FASTER" else SLOW
    yield from _conversions(profile, severity)
    yield from _casts(profile, severity)
    yield from _computed_wider(subject, profile, severity)
    if baseline is not None and baseline.operators:
        yield from _products(profile, baseline, severity)
        yield from _bound(subject, baseline, severity)


def _fallbacks(subject: ExplainedRun) -> Iterator[Finding]:
    """Operators that stayed in floating point in a model that claims integers."""
    coverage = subject.metric("int_coverage")
    ledger = subject.ledger
    if coverage.value is None or coverage.value >= MIN_COVERAGE or ledger is None:
        return
    stayed = [row for row in ledger.operators if row.compute == FLOAT]
    fixes = Counter(row.fix for row in stayed if row.fix)
    named = ", ".join(row.name for row in stayed[:3])
    more = f" and {len(stayed) - 3} more" if len(stayed) > 3 else ""
    yield Finding(
        SLOW,
        "float_fallback",
        f"Only {share_words(coverage.value)} of its multiplications run in integer kernels;"
        f" {named}{more} stayed in floating point.",
        tuple(f"{FIXES[fix][0].upper()}{FIXES[fix][1:]}." for fix, _ in fixes.most_common()),
        weight=1 - coverage.value,
    )


def _operator_by_operator(subject: ExplainedRun) -> Iterator[Finding]:
    """A program that is called eager, where its runtime can make kernels for it."""
    if subject.other_ways:
        yield Finding(
            NOTE,
            "eager",
            "It ran eager: its operators are called one by one, each in a kernel that is made for"
            " every program.",
            (f"Measure it compiled, too, which may be faster: {subject.other_ways}.",),
            weight=0.1,
        )


def _conversions(profile: OperatorProfile, severity: str) -> Iterator[Finding]:
    share = profile.share(CONVERT)
    if share < LARGE_SHARE:
        return
    dynamic = any(one.op_type == "DynamicQuantizeLinear" for one in profile.operators)
    change = (
        "Use static quantization: the scales are then constants."
        if dynamic
        else "Quantize neighbouring operators too, so that tensors stay integers between them."
    )
    yield Finding(
        severity,
        "conversions",
        f"Quantizing and dequantizing takes {share_words(share)} of its operators' time.",
        (change,),
        weight=share,
    )


def _casts(profile: OperatorProfile, severity: str) -> Iterator[Finding]:
    share = profile.share(CAST)
    if share < LARGE_SHARE:
        return
    yield Finding(
        severity,
        "casts",
        f"Casts between floating-point types take {share_words(share)} of its operators' time:"
        " this runtime has no kernels of that type here and computes in fp32.",
        ("On this device the format saves size only; use fp32, or int8 for speed.",),
        weight=share,
    )


def _computed_wider(
    subject: ExplainedRun, profile: OperatorProfile, severity: str
) -> Iterator[Finding]:
    """Half-precision artifacts whose multiplications run in single precision."""
    products = [one for one in profile.operators if one.role == MULTIPLIES_FLOATS]
    if "fp16" not in subject.recipe or not products or profile.share(CAST) >= LARGE_SHARE:
        return
    if all(one.inputs.startswith("f32[") for one in products):
        yield Finding(
            severity,
            "computed_in_fp32",
            "All its multiplications run on fp32: this runtime has no FP16 kernels for them here,"
            " so that the format saves size and no time.",
            ("Use int8 for speed on this device.",),
            weight=0.1,
        )


def _products(
    profile: OperatorProfile, baseline: OperatorProfile, severity: str
) -> Iterator[Finding]:
    """Multiplications that take as long as the baseline's, or longer."""
    own, before = _multiplying_ns(profile), _multiplying_ns(baseline)
    if not before or own < NO_FASTER * before:
        return
    slowest = next(iter(by_type(one for one in profile.operators if one.role in _MULTIPLIES)), "")
    yield Finding(
        severity,
        "slow_kernels",
        f"Its multiplications take {text.ratio(own / before)} times the baseline's time; most of"
        f" it is {slowest}.",
        _better_than(slowest, profile),
        weight=own / before,
    )


def _better_than(op_type: str, profile: OperatorProfile) -> tuple[str, ...]:
    """What to use instead of an operator type that is slow here."""
    if op_type == "ConvInteger":
        return ("Quantize statically (int8-static): QLinearConv has faster kernels.",)
    if op_type == "MatMulNBits":
        return (
            "Weight-only formats save memory, not arithmetic: use them for matrices that do not"
            " fit the cache, or int8.",
        )
    signed = any("s8[" in one.inputs.split(" ")[0] for one in profile.operators)
    if signed and op_type in ("QLinearMatMul", "QLinearConv", "QGemm", "MatMulInteger"):
        return ("Quantize activations unsigned (u8s8): signed ones have slower kernels here.",)
    return ()


def _multiplying_ns(profile: OperatorProfile) -> float:
    return sum(one.time_ns for one in profile.operators if one.role in _MULTIPLIES)


def _bound(subject: ExplainedRun, baseline: OperatorProfile, severity: str) -> Iterator[Finding]:
    """What faster multiplication could gain at all (Amdahl's law)."""
    share = _multiplying_ns(baseline) / baseline.total_ns if baseline.total_ns else 1.0
    if share >= 0.5:
        return
    change = ("Use larger batches: what is not multiplication then weighs less.",)
    yield Finding(
        severity,
        "little_to_gain",
        f"Multiplication is {share_words(share)} of the baseline's operator time: no format can"
        f" make it more than {1 / (1 - share):.1f} times faster.",
        change if subject.batch < 16 else (),
        weight=0.5 - share,
    )
