"""Calibration sets and their check, as people read them."""

from __future__ import annotations

from collections.abc import Sequence

from bitgauge.benchmarks.vocabulary.shown import counted, moment
from bitgauge.benchmarks.vocabulary.values.calibration import CalibrationSet

from ...sets.calibration.check import CalibrationCheck, Likeness
from ...sets.calibration.coverage import ActivationCheck
from ...sets.calibration.effects import LIMITS, Alike
from ...sets.calibration.pooled import REJECTS
from .layout import columns

_LISTED = 12
_SAID = {
    Likeness.PASSED: "stands for",
    Likeness.WARNED: "may stand for",
    Likeness.FAILED: "does not stand for",
}


def checked_text(name: str, against: str, found: CalibrationCheck) -> str:
    """The answer, the reasons, and the features that are farthest apart."""
    mine, theirs = found.samples
    lines = [f"{name} ({mine} samples) {_SAID[found.verdict]} {against} ({theirs})."]
    lines += [f"  - {reason}" for reason in found.reasons]
    cells = [
        (
            one.feature,
            f"{one.sizes.ks:.3f}",
            f"{one.sizes.wasserstein:.3f}",
            f"{one.sizes.psi:.3f}",
            f"{one.p_value:.2g}",
            "" if one.found is Alike.ALIKE else one.found.value,
        )
        for one in found.effects[:_LISTED]
    ]
    heads = ("feature of a sample", "KS", "W/sigma", "PSI", "p", "")
    lines += ["", *columns(cells, heads, ruled=True)]
    if (more := len(found.effects) - _LISTED) > 0:
        lines.append(f"and {more} more that are nearer")
    lines.append(
        f"Above {LIMITS.ks:g} a size matters; shifted is also beyond what chance gives, unclear is"
        " not. p is corrected for the number of features and decides nothing."
    )
    lines += [
        f"A test on all values of {one.input} together (KS {one.ks:.3f}, p {one.p_value:.2g}) would"
        f" {'reject' if one.p_value < REJECTS else 'take'} this set: it misleads, for values of one"
        " sample depend on each other."
        for one in found.pooled
    ]
    if found.activations is not None:
        lines += ["", *_activations(found.activations)]
    if found.strata:
        counts = [(one.name, str(one.calibration), str(one.reference)) for one in found.strata]
        lines += [
            "",
            *columns(counts[:_LISTED], ("stratum", "calibration", "reference"), ruled=True),
        ]
    return "\n".join(lines)


def _activations(found: ActivationCheck) -> list[str]:
    """The model's own tensors, the worst first."""
    mine, theirs = found.samples
    cells = [
        (
            one.tensor,
            f"{one.low:.4g}",
            f"{one.high:.4g}",
            f"{one.clipped:.3%}",
            f"{one.held_out:.3%}",
            f"{one.scale_spread:.1%}",
            "clipped" if one.is_clipped else "loose" if one.is_loose else "",
        )
        for one in found.tensors[:_LISTED]
    ]
    heads = ("tensor of the model", "low", "high", "clipped", "held out", "scale moves", "")
    lines = columns(cells, heads, ruled=True)
    if (more := len(found.tensors) - _LISTED) > 0:
        lines.append(f"and {more} more that are better")
    lines.append(
        f"Ranges ({found.method}) are frozen on {mine} samples; clipped: values of {theirs} of the"
        " reference outside; held out: of one half outside the other half's; scale moves: its"
        " standard deviation when the set is drawn anew."
    )
    return lines


def sets_text(sets: Sequence[CalibrationSet]) -> str:
    """One line per version."""
    if not sets:
        return "There is no calibration set; `bitgauge calibration add NAME SET` records one."
    cells = [
        (
            one.label,
            str(one.samples),
            str(len(one.strata)),
            str(one.rows),
            moment(one.added_unix_ns),
            one.owner,
            one.source,
        )
        for one in sets
    ]
    heads = ("set", "samples", "strata", "rows", "added", "owner", "source")
    return "\n".join(columns(cells, heads, right=(1, 2, 3)))


def set_text(one: CalibrationSet) -> str:
    """One version of a set."""
    lines = [
        f"{one.label}: {counted(one.samples, 'sample')} from {one.source}",
        f"  sha256 {one.digest.sha256}, {one.digest.size_bytes} bytes",
        f"  added {moment(one.added_unix_ns)} by {one.added_by}; {one.name} belongs to {one.owner}",
        f"  {counted(one.rows, 'row')} of the table built with it",
        f"  preprocessing: {one.preprocessing or 'not told'}",
    ]
    if one.strata:
        named = [(f"  {group.name}", str(group.samples)) for group in one.strata[:_LISTED]]
        lines += columns(named, ("  stratum", "samples"), right=(1,))
        if (more := len(one.strata) - _LISTED) > 0:
            lines.append(f"  and {more} more")
    return "\n".join(lines)
