"""The rooms: `docs/house.md` lists what is there, from the top; import-linter holds the order."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from .tree import MAPPED, PYPROJECT, ROOT, packages, shown

PAGE = (ROOT / "docs/house.md").read_text()
CONTRACTS: list[dict[str, Any]] = PYPROJECT["tool"]["importlinter"]["contracts"]
LAYERED = ("agents", "benchmarks", "coordinator")
PLUGINS = (
    *("agents/runtimes", "agents/meters", "agents/devices", "coordinator/builders"),
    "coordinator/builders/_checks",
    *("coordinator/models/formats", "coordinator/exports/formats"),
)
"""A folder in one of these is a plug-in, not a room."""


def floors(container: str) -> list[list[str]]:
    """The layers of a container from the top, each a list of neighbours."""
    found = [
        one["layers"]
        for one in CONTRACTS
        if one["type"] == "layers" and one.get("containers") == [container]
    ]
    assert len(found) == 1, f"one contract of layers for {container}, please"
    return [[name.strip() for name in layer.split("|")] for layer in found[0]]


def rows(package: str) -> list[tuple[str, str]]:
    """The table of a package on the page: path and sentence."""
    section = PAGE.split(f"\n## `{package}`", 1)[1].split("\n## ", 1)[0]
    return re.findall(rf"^\| `({package}/[\w./]+)` \| (.*) \|$", section, re.MULTILINE)


@pytest.mark.parametrize("package", LAYERED)
def test_a_contract_orders_every_room(package: str) -> None:
    contract = next(one for one in CONTRACTS if one.get("containers") == [f"bitgauge.{package}"])
    assert contract["exhaustive"] is True


def test_a_contract_orders_the_packages() -> None:
    (contract,) = [one for one in CONTRACTS if one["type"] == "layers" and "containers" not in one]
    named = {name for layer in contract["layers"] for name in re.findall(r"[\w.]+", layer)}
    assert named == {f"bitgauge.{package}" for package in MAPPED}


@pytest.mark.parametrize("package", LAYERED)
def test_the_page_lists_the_rooms_from_the_top(package: str) -> None:
    listed = [path.removeprefix(f"{package}/") for path, _ in rows(package)]
    outer = [path.rstrip("/").removesuffix(".py") for path in listed if path.count("/") <= 1]
    outer = [name for name in outer if "/" not in name]
    place = {
        name: floor for floor, names in enumerate(floors(f"bitgauge.{package}")) for name in names
    }
    assert sorted(outer) == sorted(place)
    assert [place[name] for name in outer] == sorted(place.values())


@pytest.mark.parametrize("package", LAYERED)
def test_the_page_lists_every_folder_and_no_other(package: str) -> None:
    listed = {path.rstrip("/") for path, _ in rows(package) if path.endswith("/")}
    there = {
        shown(folder)
        for folder in packages(package)
        if folder != ROOT / package and shown(folder.parent) not in PLUGINS
    }
    assert listed == there


@pytest.mark.parametrize("package", LAYERED)
def test_each_room_has_a_sentence(package: str) -> None:
    assert not [path for path, sentence in rows(package) if not re.fullmatch(r".{12,}\.", sentence)]


PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_paths_that_a_page_names_exist(page: Path) -> None:
    named = re.findall(rf"`((?:{'|'.join(MAPPED)}|tests|deploy|docs)/[\w./]*)`", page.read_text())
    assert not [path for path in named if not (ROOT / path).exists()]
