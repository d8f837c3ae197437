"""Plain values into typed ones: what does not fit is said with its place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import pytest
from bitgauge.benchmarks.common.fits import Amount, Finite, Misfit, Sha256, Whole, dotted, fitted


@dataclass(frozen=True)
class Part:
    name: str
    counts: tuple[Whole, ...] = ()


@dataclass(frozen=True)
class Thing:
    parts: tuple[Part, ...]
    words: dict[str, str]


def misfit(values: Any, kind: Any) -> Misfit:
    with pytest.raises(Misfit) as caught:
        fitted(values, kind)
    return caught.value


def test_what_fits_is_that_kind() -> None:
    assert fitted({"parts": [{"name": "a", "counts": [1]}], "words": {"x": "y"}}, Thing) == Thing(
        (Part("a", (1,)),), {"x": "y"}
    )


def test_what_does_not_says_where() -> None:
    inner = misfit({"parts": [{"name": "a"}, {"name": "b", "counts": [1, -1]}], "words": {}}, Thing)
    assert inner.path == ("parts", 1, "counts", 1)
    assert str(inner) == "parts[2].counts[2]: Expected `int` >= 0"
    assert misfit({"parts": []}, Thing).path == ()
    assert str(misfit([], Thing)) == "Expected `object`, got `array`"
    assert misfit({"parts": [], "words": {"x": 1}}, Thing).path == ("words",)
    assert misfit({"parts": [], "words": {3: "x"}}, Thing).path == ("words",)
    assert misfit("no - at `$.kind`\n`", Literal["a"]).path == ()


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (float("nan"), Finite),
        (float("inf"), Finite),
        (float("-inf"), Finite),
        (10**400, Finite),
        (True, Finite),
        (float("nan"), Amount),
        (-0.5, Amount),
        (True, Whole),
        (1.0, Whole),
        (-1, Whole),
        ("a" * 63, Sha256),
        ("A" * 64, Sha256),
        ("a" * 64 + "\n", Sha256),
    ],
)
def test_ranges_and_shapes_are_checked(value: Any, kind: Any) -> None:
    misfit(value, kind)


def test_a_path_as_people_write_it() -> None:
    assert dotted(("model", 1, "class")) == "model[2].class"
    assert dotted(("name",)) == "name"
    assert dotted(()) == ""
