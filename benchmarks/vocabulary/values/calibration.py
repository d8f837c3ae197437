"""Calibration sets as versioned objects, as plain frozen values.

Like `jobs`: each class has a message of the same name and field names in ``protos/v1``.
"""

from __future__ import annotations

from dataclasses import dataclass

from .digests import Digest

MAX_STRATA = 1000
"""Groups of samples that are named; the smallest beyond are counted together."""
MAX_PREPROCESSING = 4000
"""Characters of what a set says of its preprocessing; the set itself holds it in full."""
OTHERS = "(others)"
"""The strata that are not named, together."""


@dataclass(frozen=True, slots=True)
class StratumCount:
    """A group of samples: its name, and how many of them a set holds."""

    name: str
    samples: int


@dataclass(frozen=True, slots=True)
class CalibrationSet:
    """One version of a calibration set.

    Attributes:
        name: what all its versions are called.
        version: 1 for the first; the highest is the newest.
        digest: the file.
        samples: that it holds.
        source: where they are from, as whoever added it says.
        strata: groups of samples, or classes where it tells none; empty where neither.
        preprocessing: JSON, as the set says; cut where it is long; empty where it says nothing.
        owner: name of the token that added the first version.
        added_by: name of the token that added this one.
        added_unix_ns: UTC nanoseconds, coordinator clock.
        rows: how many rows of the table are of artifacts that were built with it.
    """

    name: str
    version: int
    digest: Digest
    samples: int
    source: str
    strata: tuple[StratumCount, ...] = ()
    preprocessing: str = ""
    owner: str = ""
    added_by: str = ""
    added_unix_ns: int = 0
    rows: int = 0

    @property
    def label(self) -> str:
        """How this version is named."""
        return f"{self.name}@{self.version}"


@dataclass(frozen=True, slots=True)
class Recalibration:
    """What was built with one calibration set is to be built again with another."""

    old: Digest
    new: Digest
