"""Selection decides in values; English stands in the modules that have the words alone."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from bitgauge.benchmarks.selection import select

ROOM = Path(select.__file__).parent
WORDS = {"left_out", "rejections", "sentences"}
REFUSALS = {"possible"}
"""What refuses a question says why, as every refusal does."""


def modules() -> dict[str, ast.Module]:
    return {path.stem: ast.parse(path.read_text()) for path in sorted(ROOM.glob("*.py"))}


def said(tree: ast.Module) -> Iterator[str]:
    """Every text of a module that reads as English; docstrings and errors for us aside."""
    silent = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.Raise)
        or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        for part in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            words = node.value.split()
            if len(words) > 1 and id(node) not in silent and not words[0].startswith("--"):
                yield node.value


def test_only_the_modules_of_words_hold_english() -> None:
    found = {
        name: texts
        for name, tree in modules().items()
        if name not in WORDS | REFUSALS and (texts := list(said(tree)))
    }
    assert found == {"command": ["bitgauge run"]}
    assert all(list(said(modules()[name])) for name in WORDS)


def test_words_are_put_to_an_outcome_once_at_the_end() -> None:
    users: dict[str, set[str]] = {}
    for name, tree in modules().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.level == 1:
                told = [node.module] if node.module else [one.name for one in node.names]
                for module in told:
                    users.setdefault(str(module), set()).add(name)
    assert users["sentences"] == {"answer"}
    assert users["rejections"] == {"answer", "possible", "sentences"}
    assert users["answer"] == {"select"}
