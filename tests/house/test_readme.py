"""README and docs: every command is named, what is named exists, and every page can be reached."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from bitgauge.coordinator.cli.app import app

from .test_stamps import MAKEFILE
from .tree import ROOT

README = ROOT / "README.md"
PAGES = (README, *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "deploy").rglob("*.md")))

page = pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))


def _name(command: object) -> str:
    name = getattr(command, "name", None)
    callback = getattr(command, "callback", None)
    return str(name or getattr(callback, "__name__", "")).replace("_", "-")


def commands() -> set[str]:
    """The commands that there are."""
    known = {_name(command) for command in app.registered_commands}
    return known | {str(group.name) for group in app.registered_groups}


def named(path: Path) -> set[str]:
    """The commands that a page names."""
    text = path.read_text()
    found = set(re.findall(r"`bitgauge ([a-z-]+)", text))
    return found | set(re.findall(r"^(?:\.venv/bin/)?bitgauge ([a-z-]+)", text, re.MULTILINE))


def test_readme_names_every_command_and_no_other() -> None:
    assert named(README) == commands()


@page
def test_a_page_names_no_command_that_there_is_not(page: Path) -> None:
    shown = {"fleet"} if page.name == "adding.md" else set()  # its example adds one
    assert not named(page) - commands() - shown


@page
def test_a_page_names_no_target_that_there_is_not(page: Path) -> None:
    targets = set(re.findall(r"^([\w-]+):", MAKEFILE, re.MULTILINE))
    assert not set(re.findall(r"`make ([\w-]+)", page.read_text())) - targets


@page
def test_links_lead_somewhere(page: Path) -> None:
    links: list[str] = re.findall(r"\]\(([^)#]+)", page.read_text())
    inside = [link for link in links if "://" not in link]
    assert not [link for link in inside if not (page.parent / link).exists()]


def test_every_page_can_be_reached_from_the_readme() -> None:
    linked = {
        (ROOT / link).resolve() for link in re.findall(r"\]\(([^)#:]+)\)", README.read_text())
    }
    assert not [str(path) for path in PAGES[1:] if path not in linked]
