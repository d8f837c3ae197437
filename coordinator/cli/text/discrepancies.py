"""Samples, classes and layers where an artifact parts from its baseline, as people read them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bitgauge.benchmarks.numerics.ledger import Divergence
from bitgauge.benchmarks.quality.classes import FirstGuesses, OfClass
from bitgauge.benchmarks.quality.discrepancies import Discrepancy
from bitgauge.benchmarks.record.explain.parting import LossParts, NoiseOf
from bitgauge.benchmarks.vocabulary.shown import counted

from .layout import columns

if TYPE_CHECKING:
    from ...tasks.loss_split import LossStep
    from ..discrepancies import DiscrepancyReport

_LISTED = 20


def discrepancies_text(report: DiscrepancyReport) -> str:
    """The answer, then classes, strata, samples and layers."""
    changed = "" if report.flips is None else f", {report.flips} of them answered otherwise"
    lines = [f"{counted(report.samples, 'sample')}{changed} (run {report.run_id})"]
    if report.top5 is not None:
        lines.append(_first(report.top5))
    lines += [*_classes(report.classes), *_strata(report.strata), *_worst(report.worst)]
    return "\n".join([*lines, "", *_loss(report.loss), *_split(report.split)])


def _first(one: FirstGuesses) -> str:
    needed = one.decision.samples_needed
    more = "" if needed is None else f", {needed} more samples would decide"
    return (
        f"label among the first {one.k}: {one.candidate_pct:.2f} %, baseline"
        f" {one.baseline_pct:.2f} %: {one.decision.verdict}{more}"
    )


def _classes(found: Sequence[OfClass]) -> list[str]:
    if not found:
        return []
    shown = [one for one in found if one.margin_pp is not None or one.is_worse]
    shown += [one for one in found if one not in shown][: max(_LISTED - len(shown), 1)]
    cells = [
        (
            str(one.label),
            str(one.n),
            f"{one.baseline_pct:.1f} %",
            f"{one.delta_pp:+.1f}",
            str(one.b),
            str(one.c),
            _word(one),
        )
        for one in shown
    ]
    heads = ("class", "samples", "baseline", "points", "lost", "won", "")
    return ["", *columns(cells, heads, right=range(6))]


def _word(one: OfClass) -> str:
    words = []
    if one.margin_pp is not None:
        more = "" if one.samples_needed is None else f", {one.samples_needed} more samples"
        words.append(f"critical at {one.margin_pp:g}: {one.verdict}{more}")
    if one.is_worse:
        words.append("worse than chance explains")
    return "; ".join(words)


def _strata(found: Sequence[tuple[str, int, int, int]]) -> list[str]:
    if not found:
        return []
    cells = [(name, str(n), str(lost), str(won)) for name, n, lost, won in found[:_LISTED]]
    return ["", *columns(cells, ("stratum", "samples", "lost", "won"), right=(1, 2, 3))]


def _worst(found: Sequence[Discrepancy]) -> list[str]:
    if not found:
        return ["", "Both answer every sample alike."]
    cells = [
        (
            one.id,
            "-" if one.label is None else str(one.label),
            _said(one.baseline, one.baseline_confidence),
            _said(one.candidate, one.candidate_confidence),
            "-" if one.kl is None else f"{one.kl:.3g}",
            one.stratum,
            one.change,
        )
        for one in found
    ]
    heads = ("sample", "label", "baseline", "artifact", "KL", "stratum", "")
    return ["", *columns(cells, heads, right=(1, 4))]


def _said(told: int, confidence: float | None) -> str:
    return str(told) if confidence is None else f"{told} ({100 * confidence:.0f} %)"


def _loss(loss: LossParts) -> list[str]:
    if loss.why_not:
        return [f"Where it comes from is not known: {loss.why_not}."]
    lines = [_parting(one) for one in loss.parting]
    lines = lines or ["No layer parts from the float model by more than those before it."]
    parts = (
        ("rounding", loss.rounding, ""),
        ("clipping", loss.clipping, "of its magnitude lost"),
        ("kernel", loss.kernel, "of its outputs more than a step off"),
    )
    for name, found, words in parts:
        lines.append(f"{name}: {', '.join(_noise(one, words) for one in found) or 'none'}")
    return lines


def _split(found: Sequence[LossStep]) -> list[str]:
    if not found:
        return []
    cells = [
        (
            one.name,
            f"{one.before_pct:.2f} %",
            f"{one.after_pct:.2f} %",
            f"{one.delta_pp:+.2f} [{one.low_pp:+.2f}, {one.high_pp:+.2f}]",
        )
        for one in found
    ]
    heads = ("loss by", "accuracy before", "after", "points [95 %]")
    return ["", *columns(cells, heads, right=(1, 2))]


def _parting(one: Divergence) -> str:
    what = "the float model" if one.against == "baseline" else "the exact integer result"
    before = "no noise" if one.before_db is None else f"{one.before_db:.1f} dB"
    return f"It parts from {what} at {one.tensor}: {one.sqnr_db:.1f} dB, before {before}."


def _noise(one: NoiseOf, words: str) -> str:
    share = f"{one.share:.2%} {words}" if words else ""
    told = ", ".join(part for part in (_decibel(one.sqnr_db), share) if part)
    return f"{one.name} ({told})"


def _decibel(value: float | None) -> str:
    return "" if value is None else f"{value:.1f} dB"
