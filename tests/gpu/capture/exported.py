"""Networks as artifacts: exported once, in a folder that all steps share."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from bitgauge.benchmarks import zoo
from bitgauge.benchmarks.vocabulary.enums import FormatFamily

from . import nets
from .driven import Artifact, inputs

RECIPES = {
    "fp32": "fp32",
    "fp16": "fp16",
    "bf16": "bf16",
    "int8": "int8-dynamic",
    "fp8": "custom",
    "tf32": "fp32",
}
"""By the name of a format here; TF32 is an option, and its artifact that of FP32."""
_FAMILIES = {"custom": FormatFamily.FP8}


def artifact(work: Path, net: str, name: str, *, small: bool) -> Artifact:
    """The file of a network in a format.

    Raises:
        ValueError: it cannot be had in it.
    """
    work.mkdir(parents=True, exist_ok=True)
    name = "fp32" if name == "tf32" else name
    path = work / f"{net}-{name}.pt2"
    if not path.exists():
        module, example = nets.made(net, small=small)
        saved(nets.in_format(module, name), example, path)
    return _called(path, name)


def _called(path: Path, name: str) -> Artifact:
    recipe = RECIPES[name]
    family = _FAMILIES.get(recipe) or FormatFamily(recipe.partition("-")[0])
    return Artifact(path, recipe, family)


def saved(module: torch.nn.Module, example: Any, path: Path) -> None:
    """As a program with the sizes of its example."""
    with torch.no_grad():
        program = torch.export.export(module, (example,))
    program._example_inputs = None
    fresh = path.with_suffix(".new.pt2")
    torch.export.save(program, str(fresh))
    fresh.replace(path)


def of_zoo(work: Path, path: Path, name: str, batch: int) -> Artifact:
    """A model of the zoo in a format: its own program, or that in another type.

    Raises:
        ValueError: its program has no layers that could be replaced.
    """
    if name in ("fp32", "tf32"):
        return _called(path, name)
    if name not in ("fp16", "bf16"):
        raise ValueError(f"the zoo's programs have no layers that can be had in {name} here")
    work.mkdir(parents=True, exist_ok=True)
    made = work / f"{path.stem}-{name}.pt2"
    if not made.exists():
        dtype = torch.float16 if name == "fp16" else torch.bfloat16
        inner = torch.export.load(str(path)).module(check_guards=False)
        saved(_Of(inner.to(dtype), dtype), torch.zeros(batch, 1, 8, 8), made)
    return _called(made, name)


class _Of(torch.nn.Module):
    """A program of the zoo that computes in another type; its input and output stay float32."""

    def __init__(self, inner: torch.nn.Module, dtype: torch.dtype) -> None:
        super().__init__()
        self.inner, self.dtype = inner, dtype

    def forward(self, pixels: Any) -> Any:
        return {name: one.float() for name, one in self.inner(pixels=pixels.to(self.dtype)).items()}


def zoo_programs() -> Mapping[str, Path]:
    """Of each model, its program."""
    folder = zoo.evaluation_path().parent
    return {one.name: folder / f"{one.name}.pt2" for one in zoo.models()}


def evaluation(work: Path, net: str, *, small: bool) -> tuple[Path, int]:
    """Inputs for a network, and how many it takes in a call."""
    work.mkdir(parents=True, exist_ok=True)
    _, example = nets.made(net, small=small)
    path = work / f"{net}.npz"
    return (path if path.exists() else inputs(path, "x", example)), len(example)
