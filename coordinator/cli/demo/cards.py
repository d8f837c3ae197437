"""What the demo measures on a graphics card beside the processor, and how to have one measured."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from bitgauge.benchmarks import zoo
from bitgauge.benchmarks.vocabulary.runtimes import DEFAULT_RUNTIME
from bitgauge.benchmarks.vocabulary.session_options import PROVIDER
from bitgauge.benchmarks.vocabulary.values.devices import DeviceView, StackItem
from bitgauge.benchmarks.vocabulary.values.jobs import Entry, JobSpec, Overrides, Selector

from ...client.upload import local_file
from ..orders import BASELINE_RECIPE

TORCH = "torch"
RUNTIMES = (DEFAULT_RUNTIME, TORCH)
"""What a card's formats are measured in: first that whose formats are built without an environment
of their own. Of PyTorch the zoo holds FP32 alone, and the answer says what to build next."""

_MODULE = "proc/driver/nvidia/version"
_DESCRIBE_S = 60.0
_ON_CARD = Overrides(session_options=(StackItem(f"{DEFAULT_RUNTIME}:{PROVIDER}", "cuda"),))


def has_driver(root: Path = Path("/")) -> bool:
    """Whether the kernel of this machine has NVIDIA's driver."""
    return (root / _MODULE).exists()


def names_of_cards(home: Path) -> tuple[str, ...]:
    """The cards that an agent on this machine will serve, by the names that they register with.

    The agent is asked in a process of its own; what it cannot say is no card.
    """
    command = [sys.executable, "-m", "bitgauge.agents.cli", "describe", "--json"]
    command += ["--home", str(home)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_DESCRIBE_S, check=False
        )
        found = json.loads(done.stdout)
        return tuple(one["name"] for one in found if one["hardware_class"].startswith("gpu_"))
    except (OSError, ValueError, LookupError, TypeError, subprocess.TimeoutExpired):
        return ()


def expected(home: Path, root: Path = Path("/")) -> tuple[str, ...]:
    """Names of the cards to wait for; a machine without a driver is not asked."""
    return names_of_cards(home) if has_driver(root) else ()


def runtime_on(device: DeviceView) -> str:
    """What a card's formats are measured in; empty where it executes none of these."""
    there = {one.name for one in device.description.runtimes}
    return next((one for one in RUNTIMES if one in there), "")


def note(devices: Sequence[DeviceView], root: Path = Path("/")) -> str:
    """One line about cards that are not measured, and how they would be; empty where all are."""
    cards = [one for one in devices if one.description.hardware_class.is_gpu]
    idle = [one.description.name for one in cards if not runtime_on(one)]
    if idle:
        return (
            f"{', '.join(idle)} executes nothing yet: install a runtime that computes on it, as"
            " bitgauge-agent describe says, beside Bitgauge"
        )
    if cards:
        return ""
    if not has_driver(root):
        return (
            "no GPU was found; with an NVIDIA GPU, its driver and pip install 'bitgauge[nvidia]' it"
            " is measured, too"
        )
    if find_spec("pynvml") is None:
        return "NVIDIA's driver is here and no GPU is served: pip install 'bitgauge[nvidia]'"
    return "NVIDIA's driver is here and no GPU is served: bitgauge-agent doctor says why"


def files_of(model: zoo.ZooModel, runtime: str) -> dict[str, Path]:
    """The files of a model that a card's runtime is given as they are, by recipe."""
    if runtime != TORCH:
        return {}
    return {BASELINE_RECIPE: model.form("pt2"), **model.built("pt2")}


def spec_on(spec: JobSpec, model: zoo.ZooModel, device: DeviceView) -> JobSpec | None:
    """The job of a model on a card; None where the card executes nothing of it at that batch.

    Args:
        spec: the job of the same model and batch on the processor, without another runtime's files.
        model: what is measured.
        device: the card.
    """
    runtime, selector = runtime_on(device), Selector(device=device.description.device_id)
    if runtime == DEFAULT_RUNTIME:
        return replace(spec, selector=selector, overrides=_ON_CARD)
    if runtime != TORCH or spec.workload.batch != 1:  # the programs hold one sample
        return None
    held = {recipe: local_file(path) for recipe, path in files_of(model, runtime).items()}
    return replace(
        spec,
        baseline=held[BASELINE_RECIPE].digest,
        entries=tuple(
            Entry(recipe, one.digest, one.path.name, runtime=runtime)
            for recipe, one in held.items()
        ),
        runtime=runtime,
        selector=selector,
        sources=(),
    )
