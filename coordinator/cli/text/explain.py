"""An explanation as text. Pure: values in, lines out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bitgauge.benchmarks.numerics.ledger import OperatorRow, TensorRow
from bitgauge.benchmarks.record.explain.explain import Explanation, OperatorLine
from bitgauge.benchmarks.record.explain.types import NOTE, SLOW, WRONG, Finding, share_words
from bitgauge.benchmarks.vocabulary import shown as text

from .layout import columns, cut, wrapped

_LABELS = {WRONG: "WRONG", SLOW: "SLOW", NOTE: "note"}
_INDENT = 7


def explanation_text(found: Explanation, title: str) -> str:
    """Headline, findings, then the evidence in tables.

    The title says which run, on which device.
    """
    lines = [*wrapped(title), *wrapped(found.headline), ""]
    for finding in found.findings:
        lines += _finding(finding)
    if not found.findings and not found.missing:
        lines += ["Nothing is wrong: no saturation, no clipping, no time lost to conversions.", ""]
    lines += [line for one in found.missing for line in wrapped(one, "  ")]
    lines += _operators(found.operators)
    lines += _products(found.products)
    lines += _tensors(found.tensors)
    return "\n".join(line.rstrip() for line in lines).rstrip()


def _finding(finding: Finding) -> Iterator[str]:
    label = f"{_LABELS[finding.severity]:<{_INDENT}}"
    yield from wrapped(finding.what, label, hanging=" " * _INDENT)
    for change in finding.change:
        yield from wrapped(change, " " * _INDENT + "-> ", hanging="   ")
    yield ""


def _operators(rows: Sequence[OperatorLine]) -> Iterator[str]:
    if not rows:
        return
    lines = [
        (
            cut(row.op_type),
            share_words(row.share) if row.time_ns else text.DASH,
            text.duration(row.time_ns) if row.time_ns else text.DASH,
            text.duration(row.baseline_ns) if row.baseline_ns else text.DASH,
        )
        for row in rows
    ]
    yield from columns(lines, ("time per operator", "share", "time", "fp32"), right=(1, 2, 3))
    yield "Under the runtime's profiler: shares, not latencies."
    yield ""


def _products(rows: Sequence[OperatorRow]) -> Iterator[str]:
    if not rows:
        return
    lines = [
        (
            cut(row.name),
            f"{row.op_type}.{row.activation_type}{row.weight_type}",
            share_words(row.error_rate),
            share_words(row.rate16),
        )
        for row in rows
    ]
    heads = ("worst products", "kernel", "wrong", "sums beyond 16 bits")
    yield from columns(lines, heads, right=(2, 3))
    yield ""


def _tensors(rows: Sequence[TensorRow]) -> Iterator[str]:
    if not rows:
        return
    lines = [
        (
            cut(row.name),
            text.DASH if row.clip is None else share_words(row.clip),
            text.DASH if row.clip_mass is None else share_words(row.clip_mass),
            text.DASH if row.sqnr_db is None else f"{row.sqnr_db:.0f} dB",
            text.DASH if row.range_util is None else share_words(row.range_util),
            text.DASH if row.outlier_ratio is None else f"{text.number(row.outlier_ratio, 2)}x",
        )
        for row in rows
    ]
    heads = ("worst tensors", "clipped", "lost", "noise", "range used", "outliers")
    yield from columns(lines, heads, right=range(1, len(heads)))
