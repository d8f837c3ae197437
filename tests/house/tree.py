"""The tree as the tests of this folder look at it."""

from __future__ import annotations

import ast
import functools
import sys
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
MAPPED = ("agents", "benchmarks", "coordinator", "protos")
"""The folders that install as `bitgauge.NAME`."""
PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())


def modules(*folders: str) -> list[Path]:
    """Every Python file below `folders` that somebody wrote."""
    return sorted(
        path
        for folder in folders
        for path in (ROOT / folder).rglob("*.py")
        if "_pb2" not in path.name
    )


SOURCES = modules(*MAPPED)


@functools.cache
def parsed(path: Path) -> ast.Module:
    """The syntax of one file, read once."""
    return ast.parse(path.read_text())


def shown(path: Path) -> str:
    """A path as a list of offenders names it."""
    return path.relative_to(ROOT).as_posix()


def packages(*roots: str) -> list[Path]:
    """Every folder below `roots`, these included, that Python imports as a package."""
    return sorted(path.parent for root in roots for path in (ROOT / root).rglob("__init__.py"))
