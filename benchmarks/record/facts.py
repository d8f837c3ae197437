"""Small helpers that make facts: a value where there is one, else the reason."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, TypeVar

from ..raw.files import RawFiles
from ..raw.given import given_of
from ..vocabulary.enums import PassName, RawRole
from ..vocabulary.reasons import NO_RAW_DATA, NOT_RECORDED
from ..vocabulary.values.runs import MetricValue
from .record import Fact

T = TypeVar("T")


def known(value: T) -> Fact[T]:
    """A fact that always has a value."""
    return Fact(value)


def text_fact(value: str | None, reason: str) -> Fact[str]:
    """A text; null when there is none or it is empty."""
    return Fact(value) if value else Fact(reason=reason)


def first_text(values: Mapping[str, str], names: tuple[str, ...], reason: str) -> Fact[str]:
    """The first of `names` that has a text."""
    return text_fact(next((values[name] for name in names if values.get(name)), None), reason)


def number_fact(value: float | str | None, reason: str) -> Fact[float]:
    """A finite number, also from the text of a detail; null when it is none."""
    try:
        number = math.nan if value is None else float(value)
    except ValueError:
        number = math.nan
    return Fact(number) if math.isfinite(number) else Fact(reason=reason)


def count_fact(value: int | str | None, reason: str) -> Fact[int]:
    """A whole number, also from the text of a detail; null when it is none."""
    found = number_fact(value, reason)
    return Fact(reason=reason) if found.value is None else Fact(int(found.value))


class Details:
    """How a metric came about, as facts; what it does not say is null for the reason given."""

    def __init__(self, metric: MetricValue, reason: str) -> None:
        """Read the details of `metric`; `reason` is a key of `reasons.REASONS`."""
        self._said = {item.name: item.value for item in reversed(metric.detail)}
        self._reason = reason

    def text(self, name: str) -> Fact[str]:
        """The detail called `name`."""
        return text_fact(self._said.get(name), self._reason)

    def number(self, name: str) -> Fact[float]:
        """The same as a number."""
        return number_fact(self._said.get(name), self._reason)

    def count(self, name: str) -> Fact[int]:
        """The same as a whole number."""
        return count_fact(self._said.get(name), self._reason)


def raw_digests(raw_files: RawFiles, pass_name: PassName, reason: str) -> Fact[tuple[str, ...]]:
    """Digests of a pass's raw files about the run's own artifact, readable or not."""
    own = (RawRole.CANDIDATE, RawRole.BOTH)
    found = tuple(one.ref.digest.sha256 for one in raw_files.of(pass_name) if one.ref.role in own)
    return Fact(found) if found else Fact(reason=reason)


Order = tuple[tuple[PassName, RawRole], ...]

ALONE_FIRST: Order = (
    (PassName.ABSOLUTE, RawRole.CANDIDATE),
    (PassName.PAIR, RawRole.BOTH),
    (PassName.MEMORY, RawRole.CANDIDATE),
    (PassName.THROUGHPUT, RawRole.CANDIDATE),
    (PassName.QUALITY, RawRole.BOTH),
    (PassName.NUMERICS, RawRole.BOTH),
)
"""Where a fact about the artifact is looked for: first where nothing else was loaded."""

QUADS_FIRST: Order = (ALONE_FIRST[1], ALONE_FIRST[0], *ALONE_FIRST[2:])
"""Where a fact about the comparison is looked for."""


def given_fact(raw_files: RawFiles, name: str, order: Order = ALONE_FIRST) -> Fact[Any]:
    """A field of `raw_given.Given`: that of the first launch, in this order, which tells it."""
    files = [one.raw for where in order for one in raw_files.of(*where) if one.raw is not None]
    for raw in files:
        found = getattr(given_of(raw), name)
        if found is not None:
            return Fact(found)
    return Fact(reason=NOT_RECORDED if files else NO_RAW_DATA)
