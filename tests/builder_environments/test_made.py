"""Our environments from their locks: complete, of the versions that they name, and usable."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable

import pytest
from bitgauge.coordinator.environments.definition import definition, definitions
from bitgauge.coordinator.environments.making import size_of
from bitgauge.coordinator.environments.shelf import Ready, python_of
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

NAMES = tuple(definitions([]))
LISTS = """
import importlib.metadata as m, json
print(json.dumps({one.metadata["Name"]: one.version for one in m.distributions()}))
"""
USES = {
    "onnx2tf": "import onnx2tf, onnx",
    "litert": "import torch, litert_torch\nfrom ai_edge_quantizer import quantizer, recipe",
    "genai": "import torch, transformers, onnx, onnx_ir, onnxruntime_genai",
    "llmcompressor": "import torch, transformers, datasets\nfrom llmcompressor import oneshot",
    "torch": "import torch, torchao\nfrom torchao.quantization import quantize_",
}
"""What a script of each begins with."""


def said(ready: Ready, script: str) -> str:
    done = subprocess.run(
        [str(python_of(ready.path)), "-I", "-c", script],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.timeout(1200)
def test_it_holds_what_its_lock_names_and_nothing_else(
    name: str, environment: Callable[[str], Ready]
) -> None:
    lines = definition(name).lock.decode().splitlines()
    wanted = [Requirement(line) for line in lines if line and not line.startswith("#")]
    found = json.loads(said(environment(name), LISTS))
    versions = {canonicalize_name(one): version for one, version in found.items()}
    assert {canonicalize_name(one.name): str(one.specifier) for one in wanted} == {
        one: f"=={version}" for one, version in versions.items()
    }


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.timeout(1200)
def test_what_its_scripts_import_is_there(name: str, environment: Callable[[str], Ready]) -> None:
    said(environment(name), USES[name])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.timeout(1200)
def test_its_cost_is_what_people_are_told(name: str, environment: Callable[[str], Ready]) -> None:
    cost, ready = definition(name).cost, environment(name)
    assert cost is not None
    assert ready.note.size_bytes == pytest.approx(cost.size_bytes, rel=0.1)
    assert ready.note.size_bytes == pytest.approx(size_of(ready.path), rel=0.02)
