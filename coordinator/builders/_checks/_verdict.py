"""What a look at a built artifact finds, whatever its kind."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..base import Unsupported
from ._share import Share, words


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found of an artifact that passed.

    Attributes:
        share: what was quantized of its products.
        calibration_samples: how many the ranges were held against; None where none are fixed.
        notes: what could not be looked at, with the reason.
    """

    share: Share | None
    calibration_samples: int | None = None
    notes: tuple[str, ...] = ()

    @property
    def words(self) -> tuple[str, ...]:
        """All of it in few words each, the same for equal artifacts."""
        found = () if self.share is None else words(self.share)
        seen = self.calibration_samples
        ranges = () if seen is None else (f"scales held against {seen} calibration samples",)
        return (*found, *ranges, *self.notes)


def broken(what: str) -> Unsupported:
    """A build that cannot be used, and why."""
    return Unsupported(f"The built artifact cannot be used: {what}.")


def percent(share: float) -> str:
    """In words."""
    return f"{100 * share:.0f} %" if np.isfinite(share) else "more than any number"
