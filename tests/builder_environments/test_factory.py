"""A function of the user's makes the program that is measured, in an interpreter with torch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from bitgauge.benchmarks.common.exported import program
from bitgauge.coordinator.client.factories import made_here
from bitgauge.coordinator.environments.shelf import Ready, python_of

pytestmark = pytest.mark.timeout(600)

MODELS = """
import torch

class Tiny(torch.nn.Module):
    def __init__(self, fixed=False):
        super().__init__()
        self.layer, self.fixed = torch.nn.Linear(4, 3), fixed

    def forward(self, x):
        if self.fixed:
            assert x.shape[0] == 2
        return {"y": torch.relu(self.layer(x))}

def free(): return Tiny(), {"x": torch.zeros(2, 4)}
def fixed(): return Tiny(True), (torch.zeros(2, 4),)
def program(): return torch.export.export(Tiny().eval(), (torch.zeros(5, 4),))
"""


@pytest.mark.parametrize(("name", "batch"), [("free", None), ("fixed", 2), ("program", 5)])
def test_its_program_is_plain_and_keeps_names(
    name: str,
    batch: int | None,
    environment: Callable[[str], Ready],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "models.py").write_text(MODELS)
    monkeypatch.chdir(tmp_path)
    python, told = python_of(environment("torch").path), list[str]()
    with made_here([Path(f"models:{name}")], python, told.append, trusted=True) as (path,):
        assert path.name == f"{name}.pt2"
        found = program.read(path, "it")
    assert found.pickled == ()
    assert found.inputs["x"].shape == (batch, 4)
    assert [*found.outputs] == ["y"]
    assert bool(told) == (name == "fixed")
    assert not path.exists()
