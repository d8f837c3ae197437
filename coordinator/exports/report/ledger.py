"""The overflow ledger as a report shows it: worst first, with tiny histograms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bitgauge.benchmarks.numerics.ledger import (
    COMPUTES,
    Histogram,
    fix_words,
    worst_operators,
    worst_tensors,
)
from bitgauge.benchmarks.record.numerics import ledger_of
from bitgauge.benchmarks.record.sources import Sources
from bitgauge.benchmarks.vocabulary.enums import PassName
from bitgauge.benchmarks.vocabulary.reasons import REASONS
from bitgauge.benchmarks.vocabulary.session_options import session_words
from bitgauge.benchmarks.vocabulary.shown import DASH, number

SPARK_WIDTH, SPARK_HEIGHT = 96, 22
_LEAST_SHARE = 1e-5


@dataclass(frozen=True, slots=True)
class TensorLine:
    """One tensor: its cells, and the outlines of its histograms ("" for none)."""

    name: str
    kind: str
    cells: tuple[str, ...]
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class LedgerView:
    """Tensors and operators, or why there are none."""

    words: str
    tensors: tuple[TensorLine, ...] = ()
    operators: tuple[tuple[str, ...], ...] = ()
    fixes: tuple[tuple[str, str], ...] = ()


def ledger_view(sources: Sources) -> LedgerView:
    """The ledger of a run."""
    ledger = ledger_of(sources.raw_files)
    if ledger is None:
        otherwise = sources.metric("clip_pct").reason or "pass_missing"
        reason = sources.raw_files.why_none(PassName.NUMERICS, otherwise)
        return LedgerView(f"Not shown: {REASONS.get(reason, reason)}.")
    if ledger.why_not:
        return LedgerView(f"Not shown: {ledger.why_not}")
    words = f"{ledger.samples} samples through the production kernels."
    for one in ledger.divergences:
        words += (
            f" Against the {one.against} the signal first falls by more than 6 dB at"
            f" {one.tensor} ({one.sqnr_db:.1f} dB)."
        )
    operators = worst_operators(ledger)
    total = sum(row.macs for row in operators) or 1
    needed = sorted({row.fix for row in operators if row.fix})
    exact = session_words(sources.runtime.exact_options) if sources.runtime else ""
    return LedgerView(
        words=words,
        tensors=tuple(
            TensorLine(
                row.name,
                f"{row.dtype} of {row.producer}",
                (
                    percent(row.clip),
                    percent(row.clip_mass),
                    percent(row.rail_rate),
                    percent(row.range_util),
                    _plain(row.sqnr_db, 1),
                    _plain(row.outlier_ratio, 2),
                    str(row.nan + row.inf),
                ),
                outline(row.before),
                outline(row.after),
            )
            for row in worst_tensors(ledger)
        ),
        operators=tuple(
            (
                row.name,
                row.op_type,
                COMPUTES.get(row.compute, row.compute),
                f"{100 * row.macs / total:.1f}",
                percent(row.rate16 if row.pairs else None),
                percent(row.errors0 / row.elements if row.elements else None),
                percent(row.errors1 / row.elements if row.elements else None),
                row.fix.replace("_", " ") or row.why or DASH,
            )
            for row in operators
        ),
        fixes=tuple((fix.replace("_", " "), fix_words(fix, exact)) for fix in needed),
    )


def outline(histogram: Histogram | None) -> str:
    """The outline of a histogram as the path of a tiny plot, heights as square roots.

    Roots, because the few values beyond a rail are what a reader looks for.
    """
    if histogram is None or not any(histogram.counts):
        return ""
    heights = _heights(histogram.counts)
    step = SPARK_WIDTH / len(heights)
    points = [f"M0 {SPARK_HEIGHT}"]
    for at, height in enumerate(heights):
        points.append(f"V{SPARK_HEIGHT - height:.1f}H{(at + 1) * step:.1f}")
    return "".join([*points, f"V{SPARK_HEIGHT}Z"])


def _heights(counts: Sequence[int]) -> list[float]:
    most = max(counts)
    return [SPARK_HEIGHT * (count / most) ** 0.5 for count in counts]


def percent(share: float | None) -> str:
    """A share of 1 in per cent, with two significant digits where those are not noise."""
    if share is None:
        return DASH
    if 0 < share < _LEAST_SHARE:
        return f"< {100 * _LEAST_SHARE:g}"  # more zeros say nothing more
    return "0" if share == 0 else number(100 * share, 2)


def _plain(value: float | None, decimals: int) -> str:
    return DASH if value is None else f"{value:.{decimals}f}"
