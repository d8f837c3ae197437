"""Products of a program become layers that a quantizer knows, whatever operators say them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from bitgauge.coordinator.environments.definition import definition
from torch import nn

SCRIPTS = definition("torch").folder


@pytest.fixture(scope="module", autouse=True)
def scripts() -> Iterator[None]:
    """The scripts of the environment find each other beside themselves."""
    sys.path.insert(0, str(SCRIPTS))
    yield
    sys.path.remove(str(SCRIPTS))


class Products(nn.Module):
    """A weight and a bias, multiplied in a way that is given."""

    def __init__(self, way: Callable[[Any, Any, Any, Any], Any]) -> None:
        super().__init__()
        self.way = way
        generator = torch.Generator().manual_seed(0)
        self.weight = nn.Parameter(torch.randn(6, 6, generator=generator))
        self.bias = nn.Parameter(torch.randn(6, generator=generator))
        self.other = nn.Parameter(torch.randn(6, 6, generator=generator))

    def forward(self, x: Any) -> Any:
        return self.way(x, self.weight, self.bias, self.other)


WAYS: dict[str, tuple[Callable[..., Any], int]] = {
    "linear": (lambda x, w, b, _: nn.functional.linear(x, w, b), 1),
    "without a bias": (lambda x, w, _, __: nn.functional.linear(x, w), 1),
    "matmul": (lambda x, w, _, __: x @ w, 1),
    "turned": (lambda x, w, _, __: x @ w.t(), 1),
    "addmm": (lambda x, w, b, _: torch.addmm(b, x, w), 1),
    "shared": (lambda x, w, b, _: nn.functional.linear(nn.functional.linear(x, w, b), w, b), 1),
    "both ways": (lambda x, w, _, __: x @ w @ w.t(), 2),
    "of activations": (lambda x, w, _, __: x @ x.t(), 0),
    "of weights": (lambda x, w, _, other: x + (w @ other)[0], 0),
    "computed weight": (lambda x, w, b, _: nn.functional.linear(x, w * 2, b), 0),
}


@pytest.mark.parametrize("way", WAYS)
def test_layers_compute_what_products_did(way: str) -> None:
    import linears

    function, count = WAYS[way]
    x = torch.randn(3, 6, generator=torch.Generator().manual_seed(1))
    module = torch.export.export(Products(function), (x,)).module()
    before = module(x)
    names = linears.with_layers(module)
    assert len(names) == count
    assert all(isinstance(module.get_submodule(name), nn.Linear) for name in names)
    assert torch.equal(module(x), before) or torch.allclose(module(x), before, atol=1e-6)


def test_a_pickle_in_a_program_is_not_loaded(tmp_path: Path) -> None:
    import programs

    path = tmp_path / "with-samples.pt2"
    made = torch.export.export(Products(WAYS["linear"][0]), (torch.zeros(3, 6),))
    torch.export.save(made, path)
    found = programs.read(str(path))
    assert not found.example_inputs
    assert torch.load.__name__ == "load"


def test_what_is_written_names_nobody(tmp_path: Path) -> None:
    import writing

    path = tmp_path / "plain.pt2"
    made = torch.export.export(Products(WAYS["linear"][0]), (torch.zeros(3, 6),))
    writing.write(made, str(path))
    assert b"test_layers" not in path.read_bytes()
