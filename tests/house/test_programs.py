"""Programs and plug-ins that tests and the documentation hold as text import what there is."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from .tree import ROOT, modules, parsed, shown

_FROM = re.compile(r"from (bitgauge(?:\.\w+)+|tests(?:\.\w+)+) import (\([^)]*\)|[^\n;\"]+)")


def _texts() -> Iterator[tuple[str, str]]:
    """Every text that holds an import of ours, with its place."""
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        yield shown(page), page.read_text()
    for path in modules("tests"):
        if path.name == Path(__file__).name:
            continue
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield f"{shown(path)}:{node.lineno}", node.value


def _file(module: str) -> Path | None:
    """Where a module is written."""
    base = ROOT / module.removeprefix("bitgauge.").replace(".", "/")
    return next(
        (one for one in (base.with_suffix(".py"), base / "__init__.py") if one.exists()), None
    )


def _names(path: Path) -> set[str]:
    """What a module binds at its top, and the modules beside an `__init__`."""
    bound = {one.stem for one in path.parent.glob("*")} if path.name == "__init__.py" else set()
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            bound |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            bound.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            bound.add(node.id)
    return bound


def lacking(text: str) -> list[str]:
    """The imports of a text that lead nowhere."""
    wrong = []
    for module, listed in _FROM.findall(text):
        names = set(re.findall(r"(?:^|,)\s*(\w+)", listed.strip("()")))
        path = _file(module)
        if path is None:
            folder = ROOT / module.replace(".", "/")
            there = {one.stem for one in folder.glob("*.py")} if folder.is_dir() else set()
        else:
            there = _names(path)
        wrong += [f"from {module} import {name}" for name in sorted(names - there)]
    return wrong


def test_imports_in_texts_lead_somewhere() -> None:
    wrong = {place: found for place, text in _texts() if (found := lacking(text))}
    assert not wrong


def test_one_that_leads_nowhere_is_noticed() -> None:
    moved = "from bitgauge.agents.execution.failures import (\n    failure_of, gone\n)\n"
    assert lacking(moved) == ["from bitgauge.agents.execution.failures import gone"]
    assert lacking("from bitgauge.agents.process import group_of; group_of(1)") == [
        "from bitgauge.agents.process import group_of"
    ]
