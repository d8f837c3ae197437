"""No module but those of runtimes and builders knows a runtime by its name, except as a value."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from .tree import MAPPED, ROOT, modules

ITS_OWN = ("agents/runtimes/", "coordinator/builders/")
WORDS = ("onnxruntime", "x64quantprecision")
EXCEPTIONS = {
    "benchmarks/vocabulary/runtimes.py": "the runtime of a job whose user named none: one home",
    "coordinator/store/sql/entry_runtimes.py": "what older databases hold of it, from before it"
    " could say it itself",
}


def spoken(path: Path) -> Iterator[str]:
    """Where code says one of the words: imports, names and texts, but not what explains them."""
    text = path.read_text()
    if not any(word in text.lower() for word in WORDS):
        return
    tree = ast.parse(text)
    explains = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            found = f"{node.module}"
        elif isinstance(node, ast.alias):
            found = node.name
        elif isinstance(node, ast.Name):
            found = node.id
        elif isinstance(node, ast.Attribute):
            found = node.attr
        elif isinstance(node, ast.Constant) and id(node) not in explains:
            found = str(node.value)
        else:
            continue
        if any(word in found.lower() for word in WORDS):
            yield found


def test_a_runtime_is_known_by_its_own_rooms_alone() -> None:
    told = {}
    for path in modules(*MAPPED):
        name = str(path.relative_to(ROOT))
        if not name.startswith(ITS_OWN) and (found := list(spoken(path))):
            told[name] = found
    assert told.keys() == EXCEPTIONS.keys(), told


def test_what_explains_is_told_apart(tmp_path: Path) -> None:
    for text, count in (
        ('"""As onnxruntime does."""\n', 0),
        ('NAMES = ()\n"""Those of onnxruntime."""\n', 0),
        ('if runtime == "onnxruntime":\n    pass\n', 1),
        ("import onnxruntime\n", 1),
        ("from onnxruntime.tools import x\n", 1),
        ("def f():\n    return onnxruntime_options\n", 1),
    ):
        (tmp_path / "module.py").write_text(text)
        assert len(list(spoken(tmp_path / "module.py"))) == count, text
