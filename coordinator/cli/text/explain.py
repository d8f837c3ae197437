"""An explanation as text. Pure: values in, lines out."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from bitgauge.benchmarks.numerics.ledger import OperatorRow, TensorRow
from bitgauge.benchmarks.record.explain.explain import Explanation, OperatorLine
from bitgauge.benchmarks.record.explain.types import NOTE, SLOW, WRONG, Finding, share_words
from bitgauge.benchmarks.vocabulary import shown as text

from .layout import WIDTH

_LABELS = {WRONG: "WRONG", SLOW: "SLOW", NOTE: "note"}
_INDENT = 7
_NAME = 36


def explanation_text(found: Explanation, title: str) -> str:
    """Headline, findings, then the evidence in tables.

    Args:
        found: what there is to say.
        title: which run, on which device.
    """
    lines = [*_wrapped(title, ""), *_wrapped(found.headline, ""), ""]
    for finding in found.findings:
        lines += _finding(finding)
    if not found.findings and not found.missing:
        lines += ["Nothing is wrong: no saturation, no clipping, no time lost to conversions.", ""]
    lines += [f"  {line}" for one in found.missing for line in _wrapped(one, "")]
    lines += _operators(found.operators)
    lines += _products(found.products)
    lines += _tensors(found.tensors)
    return "\n".join(line.rstrip() for line in lines).rstrip()


def _wrapped(words: str, indent: str, hanging: str | None = None) -> list[str]:
    after = indent if hanging is None else hanging
    return textwrap.wrap(words, WIDTH, initial_indent=indent, subsequent_indent=after)


def _finding(finding: Finding) -> Iterator[str]:
    label = f"{_LABELS[finding.severity]:<{_INDENT}}"
    yield from _wrapped(finding.what, label, " " * _INDENT)
    for change in finding.change:
        yield from _wrapped(change, " " * _INDENT + "-> ", " " * (_INDENT + 3))
    yield ""


def _operators(rows: Sequence[OperatorLine]) -> Iterator[str]:
    if not rows:
        return
    yield f"{'time per operator':<{_NAME}}{'share':>8}{'time':>11}{'fp32':>11}"
    for row in rows:
        share = share_words(row.share) if row.time_ns else text.DASH
        own = text.duration(row.time_ns) if row.time_ns else text.DASH
        other = text.duration(row.baseline_ns) if row.baseline_ns else text.DASH
        yield f"{_cut(row.op_type):<{_NAME}}{share:>8}{own:>11}{other:>11}"
    yield "Under the runtime's profiler: shares, not latencies."
    yield ""


def _products(rows: Sequence[OperatorRow]) -> Iterator[str]:
    if not rows:
        return
    yield f"{'worst products':<{_NAME}}{'kernel':<22}{'wrong':>8}{'sums beyond 16 bits':>21}"
    for row in rows:
        kernel = f"{row.op_type}.{row.activation_type}{row.weight_type}"
        wrong = share_words(row.error_rate)
        yield f"{_cut(row.name):<{_NAME}}{kernel:<22}{wrong:>8}{share_words(row.rate16):>21}"
    yield ""


def _tensors(rows: Sequence[TensorRow]) -> Iterator[str]:
    if not rows:
        return
    yield (
        f"{'worst tensors':<{_NAME}}{'clipped':>9}{'lost':>9}{'noise':>9}{'range used':>12}"
        f"{'outliers':>10}"
    )
    for row in rows:
        clipped = text.DASH if row.clip is None else share_words(row.clip)
        lost = text.DASH if row.clip_mass is None else share_words(row.clip_mass)
        noise = text.DASH if row.sqnr_db is None else f"{row.sqnr_db:.0f} dB"
        used = text.DASH if row.range_util is None else share_words(row.range_util)
        outliers = (
            text.DASH if row.outlier_ratio is None else f"{text.number(row.outlier_ratio, 2)}x"
        )
        yield f"{_cut(row.name):<{_NAME}}{clipped:>9}{lost:>9}{noise:>9}{used:>12}{outliers:>10}"


def _cut(name: str) -> str:
    """The end of a long name tells more than its beginning."""
    return name if len(name) < _NAME else f"...{name[-(_NAME - 5) :]}"
