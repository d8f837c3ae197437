"""Facts: a value where there is one, else the reason."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from ..vocabulary.values.runs import MetricValue

T = TypeVar("T")


@dataclass(frozen=True)  # slots are at odds with what typing adds to a generic's instances
class Fact(Generic[T]):
    """A value, or the reason (a key of `reasons.REASONS`) why there is none; never both."""

    value: T | None = None
    reason: str | None = None

    def __post_init__(self) -> None:
        if (self.value is None) == (self.reason is None):
            raise ValueError("a fact has either a value or a reason why it has none")


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

    def of(self, group: type) -> dict[str, Any]:
        """The texts and numbers of a group whose facts are called as the details are."""
        read = {"Fact[str]": self.text, "Fact[float]": self.number, "Fact[int]": self.count}
        named = {name: read.get(kind) for name, kind in group.__annotations__.items()}
        return {name: fact(name) for name, fact in named.items() if fact is not None}
