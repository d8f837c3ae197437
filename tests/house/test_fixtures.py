"""A whole value of the domain is made by `tests/labs/values.py`; a test says what differs."""

from __future__ import annotations

import ast
from pathlib import Path

from .tree import modules, parsed, shown

HOME = "tests/labs/values.py"
WHOLE = {"DeviceDescription", "DeviceView", "JobView", "RawOrigin", "RunFacts", "TableRow"}
EXCEPTIONS = {
    "tests/bench/synthetic_store.py": "a store of a given size, of values of its own",
    "tests/gpu/capture/driven.py": "facts of a run on a machine without the extras",
    "tests/processes/agent/test_odd_models.py": "facts of a run that a real agent reported",
    "tests/processes/agent/test_ort.py": "facts of a run that a real agent reported",
}


def made(path: Path) -> set[str]:
    """Which of these a module makes itself."""
    text = path.read_text()
    if not any(f"{name}(" in text for name in WHOLE):
        return set()
    calls = (node.func for node in ast.walk(parsed(path)) if isinstance(node, ast.Call))
    return WHOLE & {one.id for one in calls if isinstance(one, ast.Name)}


def test_whole_values_have_one_home() -> None:
    found = {shown(path): names for path in modules("tests") if (names := made(path))}
    assert found.pop(HOME) == WHOLE
    assert found.keys() == EXCEPTIONS.keys(), found
