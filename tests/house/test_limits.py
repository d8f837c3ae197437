"""docs/limits.md is the one page of limits, and each figure on it is the code's."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from .tree import modules, parsed

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/limits.md"
ROW = re.compile(r"^\| (?!bound|---)(.+?) \| (.+?) \| (.+?) \| (.+?) \| `([\w.]+)` \|$")
BYTES = ("bytes", "KiB", "MiB", "GiB", "TiB")
SECONDS = {"ns": 1e-9, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "days": 86_400.0}
BOUND = re.compile(r"(MAX|LONGEST)_[A-Z0-9_]+")
AGAINST_STRANGERS = (
    *(f"coordinator/{room}" for room in ("services", "lab", "access", "store", "decisions")),
    *(f"coordinator/{room}" for room in ("tasks", "models", "sets", "client")),
    *(f"coordinator/{room}" for room in ("environments", "builders")),
    *(f"benchmarks/{room}" for room in ("common", "quality", "raw", "refresh", "sandbox")),
    *(f"agents/{room}" for room in ("storage", "connection", "execution", "launcher", "config.py")),
)
"""Where a bound may be one on what somebody else sends."""
OF_NO_STRANGER = {
    "benchmarks.raw.anchors.MAX_FOREIGN_PCT": "statistics: when a reading is a lower bound only",
    "coordinator.decisions.care.MAX_ACCURACY_SHIFT_PP": "statistics: when a device has drifted",
    "coordinator.lab.alerts.LONGEST_PAUSE_S": "our own pace: attempts at the webhook",
    "coordinator.lab.campaigns.driver.LONGEST_TICK_S": "our own pace: looks at campaigns",
    "coordinator.lab.loops.LONGEST_TICK_S": "our own pace: looks at leases",
    "coordinator.services.edge.MAX_SENTENCE_BYTES": "layout of what we answer: it fits a header",
    "coordinator.store.sql.unreadable.MAX_WHY": "layout of what is said of an unreadable row",
    "coordinator.store.upkeep.stored.MAX_NAMED": "layout: unreadable rows that `check` names",
}
"""Constants of such a name that bound nothing which a stranger sends, and what they are."""


class Row(NamedTuple):
    """One line of the page."""

    bound: str
    figure: str
    protects: str
    moved_by: str
    written_in: str


def rows() -> list[Row]:
    found = [ROW.match(line) for line in PAGE.read_text().splitlines()]
    return [Row(*match.groups()) for match in found if match]


def value_at(path: str) -> object:
    """The constant, or the default of a class's field, at a dotted path below ``bitgauge``."""
    parts = path.split(".")
    for length in range(len(parts) - 1, 0, -1):
        try:
            found: object = importlib.import_module("bitgauge." + ".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for name in parts[length:]:
            fields = getattr(found, "__dataclass_fields__", {})
            found = fields[name].default if name in fields else getattr(found, name)
        return found
    raise AssertionError(f"docs/limits.md: there is no {path}")


def shown(value: float, unit: str) -> Iterator[str]:
    """How a figure may be written that is counted in the unit of its row."""
    yield f"{value:,g} {unit}".strip() if value < 1e6 else f"{value:,.0f} {unit}".strip()
    yield f"{value:,.0f} {unit}".strip()
    if unit in BYTES:
        yield f"{value / 1024 ** BYTES.index(unit):g} {unit}"
    if unit in SECONDS:
        for own in SECONDS.values():  # the constant's own unit: nanoseconds to days
            yield f"{value * own / SECONDS[unit]:g} {unit}"


def test_no_page_holds_marks_of_a_merge() -> None:
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        assert not re.search(r"^(<{7} |={7}$|>{7} )", page.read_text(), re.MULTILINE), page.name


def test_the_page_lists_bounds() -> None:
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    heads = [line for line in lines if line.startswith(("| bound", "| ---"))]
    assert len(rows()) == len(lines) - len(heads) > 0
    homes = [row.written_in for row in rows()]
    assert len(homes) == len(set(homes))


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.written_in)
def test_a_figure_is_the_code_s(row: Row) -> None:
    value = value_at(row.written_in)
    assert isinstance(value, int | float)
    unit = row.figure.partition(" ")[2]
    assert row.figure in set(shown(value, unit)), f"{row.written_in} is {value}"


def bounds() -> Iterator[str]:
    """Dotted paths of the constants that are named as bounds where strangers are met."""
    for place in AGAINST_STRANGERS:
        for path in [ROOT / place] if place.endswith(".py") else modules(place):
            home = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            for line in parsed(path).body:
                named = line.targets if isinstance(line, ast.Assign) else ()
                named = [line.target] if isinstance(line, ast.AnnAssign) else named
                for name in named:
                    if isinstance(name, ast.Name) and BOUND.fullmatch(name.id):
                        yield f"{home}.{name.id}"


def test_every_bound_is_on_the_page() -> None:
    listed, there = {row.written_in for row in rows()}, set(bounds())
    assert len(there) > 100, "the rooms have moved: AGAINST_STRANGERS"
    assert not sorted(there - listed - OF_NO_STRANGER.keys()), (
        "a row, or a reason why there is none"
    )
    assert not sorted(OF_NO_STRANGER.keys() - there), "reasons for what is no more"
    assert not sorted(OF_NO_STRANGER.keys() & listed), "either a row or a reason"
