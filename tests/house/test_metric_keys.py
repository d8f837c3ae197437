"""No module but the registry writes down a set of metric keys: it asks `keys` or `placed`.

A set is a literal tuple, list, set or dict with at least three keys among its items, those of
literals within it counted, or one text of nothing but keys, as in ``"a b c".split()``. What stands
in a call counts for that call alone: code that does something with one metric after the other
names each of them, and a record such as `Limit` is about one.

SQL is no such text, and a view of the database may name what it shows: a view's columns are
published, each with its own unit, and a step of the schema must not change with the registry.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from bitgauge.benchmarks.vocabulary.metrics import METRICS

ROOT = Path(__file__).parents[2]
REGISTRY = ROOT / "benchmarks" / "vocabulary" / "metrics.py"
MOST = 2
"""Keys that may stand together, as a value and its ratio do."""

Literal = ast.Tuple | ast.List | ast.Set | ast.Dict


def literal_keys(node: ast.AST) -> Iterator[str]:
    """The keys among the items of a literal, and of literals within it."""
    if isinstance(node, ast.Constant) and node.value in METRICS:
        yield str(node.value)
    elif isinstance(node, ast.Starred):
        yield from literal_keys(node.value)
    elif isinstance(node, (ast.Tuple, ast.List, ast.Set, ast.Dict)):
        for item in ast.iter_child_nodes(node):
            yield from literal_keys(item)


def listed(node: ast.AST) -> set[str]:
    """The keys that a piece of a program lists, if it is a list of some kind."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        words = node.value.replace(",", " ").split()
        return set(words) if all(word in METRICS for word in words) else set()
    return set(literal_keys(node)) if isinstance(node, Literal) else set()


def lists_in(program: str) -> list[tuple[int, list[str]]]:
    """Line and keys of every list of keys."""
    if sum(key in program for key in METRICS) <= MOST:
        return []
    found = ((node, listed(node)) for node in ast.walk(ast.parse(program)))
    return [(getattr(node, "lineno", 0), sorted(keys)) for node, keys in found if len(keys) > MOST]


def test_no_other_module_lists_metrics() -> None:
    offenders = [
        f"{path.relative_to(ROOT)}:{line} lists {', '.join(keys)}"
        for package in ("agents", "benchmarks", "coordinator")
        for path in sorted((ROOT / package).rglob("*.py"))
        if path != REGISTRY
        for line, keys in lists_in(path.read_text("utf-8"))
    ]
    assert offenders == [], "say it in the registry and ask for it with `keys` or `placed`"


@pytest.mark.parametrize(
    "program",
    [
        'A = ("size_bytes", "size_ratio", "energy_mj")',
        'A = frozenset({"size_bytes", "size_ratio", "energy_mj"})',
        'A = ["size_bytes", *("size_ratio", "energy_mj")]',
        'A = {"size_bytes": 1, "size_ratio": 2, "energy_mj": 3}',
        'A = {1: "size_bytes", 2: "size_ratio", 3: "energy_mj"}',
        'A = (("size", "size_bytes"), ("ratio", "size_ratio"), ("energy", "energy_mj"))',
        'A = {"one": "size_bytes size_ratio energy_mj"}',
        'A = "size_bytes, size_ratio, energy_mj".split(", ")',
        'if key in ("size_bytes", "size_ratio", "energy_mj"): pass',
    ],
)
def test_a_list_is_seen(program: str) -> None:
    assert [keys for _, keys in lists_in(program)][:1] == [
        ["energy_mj", "size_bytes", "size_ratio"]
    ]


@pytest.mark.parametrize(
    "program",
    [
        'A = ("energy_mj", "energy_ratio")',
        'A = [f("size_bytes"), f("size_ratio"), f("energy_mj")]',
        "A = keys(lambda metric: metric.timed)",
        '"""`size_bytes`, `size_ratio` and `energy_mj` stand here."""',
        'A = "SELECT size_bytes, size_ratio, energy_mj FROM t"',
    ],
)
def test_nothing_else_is(program: str) -> None:
    assert lists_in(program) == []
