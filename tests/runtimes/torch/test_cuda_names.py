"""Every name of `torch.cuda` that is used exists, and takes what it is given.

The installed library is one for processors, and has all of its modules in Python: a wrong name need
not wait for a card. Read are the sources, by syntax, and the card that stands in for one here.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from bitgauge.agents.runtimes import _cuda_queue
from bitgauge.agents.runtimes import torch as runtime

from . import fake_cards

HERE = Path(__file__)
CAPTURE = HERE.parents[2] / "gpu"
SOURCES = sorted(
    (
        Path(_cuda_queue.__file__),
        *Path(runtime.__file__).parent.glob("*.py"),
        *CAPTURE.rglob("*.py"),
    )
)
MODULE = ("cuda", "self._cuda", "cuda()", "torch.cuda", "cards")
"""How sources spell the module."""


def test_there_are_sources() -> None:
    assert any(path.name == "place.py" for path in SOURCES)
    assert sum(1 for path in SOURCES for _ in used(path)) > 15


def spelled(node: ast.expr) -> str:
    """``torch.cuda`` of such a name; a call without arguments too."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{spelled(node.value)}.{node.attr}"
    if isinstance(node, ast.Call) and not node.args and not node.keywords:
        return f"{spelled(node.func)}()"
    return "?"


def used(path: Path) -> Iterator[tuple[str, ast.Call | None]]:
    """Names below `torch` that a source uses, each with its call where it is called."""
    tree = ast.parse(path.read_text())
    calls = {id(one.func): one for one in ast.walk(tree) if isinstance(one, ast.Call)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute):
            continue
        name = spelled(node)
        if name.startswith(("torch._inductor", "torch._dynamo", "torch.utils")):
            continue  # imported where they are used
        owner, _, attribute = name.rpartition(".")
        if owner in MODULE:
            yield f"torch.cuda.{attribute}", calls.get(id(node))
        elif name.startswith(("torch.backends.", "torch.cuda.")):
            yield name, calls.get(id(node))


def found(name: str) -> Any:
    value: Any = torch
    for part in name.split(".")[1:]:
        value = getattr(value, part)
    return value


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_name_exists_and_takes_what_it_is_given(path: Path) -> None:
    for name, call in used(path):
        try:
            value = found(name)
        except AttributeError:
            pytest.fail(f"{path.name}: torch has no {name}")
        if call is None or any(isinstance(one, ast.Starred) for one in call.args):
            continue
        try:
            wanted = inspect.signature(value.__new__ if inspect.isclass(value) else value)
        except (TypeError, ValueError):
            continue  # made by C++, which tells no signature
        given = [None] * (len(call.args) + inspect.isclass(value))
        named = {one.arg: None for one in call.keywords if one.arg}
        wanted.bind(*given, **named)


METHODS = {
    fake_cards.FakeEvent: torch.cuda.Event,
    fake_cards.FakeStream: torch.cuda.Stream,
    fake_cards.FakeGraph: torch.cuda.CUDAGraph,
}


def test_the_card_that_stands_in_has_no_name_that_a_real_one_lacks() -> None:
    ours = {name for name in vars(fake_cards.FakeCards) if not name.startswith("_")}
    assert ours - {"device", "said"} <= set(dir(torch.cuda))
    for ours_of, theirs in METHODS.items():
        methods = {name for name, one in vars(ours_of).items() if inspect.isfunction(one)}
        assert {name for name in methods if not name.startswith("_")} <= set(dir(theirs))


def test_a_wrong_name_would_be_found(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.py"
    wrong.write_text("import torch\ntorch.cuda.max_memory_alocated()\n")
    with pytest.raises(pytest.fail.Exception, match="max_memory_alocated"):
        test_every_name_exists_and_takes_what_it_is_given(wrong)
    wrong.write_text("import torch\ntorch.cuda.Event(timing=True)\n")
    with pytest.raises(TypeError, match="timing"):
        test_every_name_exists_and_takes_what_it_is_given(wrong)
