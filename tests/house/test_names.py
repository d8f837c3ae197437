"""One name, one thing: no two public classes of the product are called alike."""

from __future__ import annotations

import ast

from .tree import SOURCES, parsed, shown

TWO_ENDS = {"Connection"}
"""Both ends of the wire have one, and never import each other."""


def test_no_two_classes_share_a_name() -> None:
    homes: dict[str, list[str]] = {}
    for path in SOURCES:
        for node in parsed(path).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes.setdefault(node.name, []).append(shown(path))
    shared = {name: places for name, places in homes.items() if len(places) > 1}
    assert set(shared) == TWO_ENDS, shared
