"""docs/formats.md says every spelling, and each pattern on it spells its recipes and no other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest
from bitgauge.benchmarks.vocabulary.recipes import GROUPS, RecipeGroup

PAGE = Path(__file__).parents[3] / "docs/formats.md"
PIECE = re.compile(r"\((?P<choice>[^)]*)\)|\[(?P<option>[^]]*)\]|(?P<plain>[^[(]+)")


def spelled(pattern: str) -> Iterator[str]:
    """Every text that a pattern stands for."""
    choices = []
    for piece in PIECE.finditer(pattern):
        if piece["choice"] is not None:
            choices.append(piece["choice"].split("|"))
        elif piece["option"] is not None:
            choices.append(["", *piece["option"].split("|")])
        else:
            choices.append([piece["plain"]])
    return map("".join, product(*choices))


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.pattern)
def test_a_pattern_spells_its_recipes(group: RecipeGroup) -> None:
    spellings = list(spelled(group.pattern))
    assert sorted(spellings) == sorted(map(str, group.recipes))
    assert len(set(spellings)) == len(spellings)


def test_the_page_has_a_line_for_each_group() -> None:
    table, *_ = PAGE.read_text().split("\n## ")  # what follows are formats of single runtimes
    found = re.findall(r"^\| `(.+?)` \| (.+?) \|$", table, re.MULTILINE)
    assert [(pattern.replace("\\|", "|"), meaning) for pattern, meaning in found] == [
        (group.pattern, group.meaning) for group in GROUPS
    ]
