"""The check of a calibration set, as people read it."""

from __future__ import annotations

from ...sets.calibration.check import CalibrationCheck, Likeness
from ...sets.calibration.effects import LIMITS, Alike
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
    if found.strata:
        counts = [(one.name, str(one.calibration), str(one.reference)) for one in found.strata]
        lines += [
            "",
            *columns(counts[:_LISTED], ("stratum", "calibration", "reference"), ruled=True),
        ]
    return "\n".join(lines)
