"""PyTorch on the CPU: programs of `torch.export`, eager, compiled or built ahead of time.

The parent only asks for versions; the library is imported by `load`, in the child.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.metadata
import importlib.util
from pathlib import Path

from bitgauge.benchmarks.vocabulary.enums import FormatFamily
from bitgauge.benchmarks.vocabulary.values.devices import (
    RuntimeDescription,
    StackItem,
)

from ..base import RuntimeMissing, SessionOptions, Traits
from . import executions, loading
from .session import TorchSession

NAME = "torch"
RANK = 3
HINT = "pip install 'bitgauge[torch]'"

_FAMILIES = (
    *(FormatFamily.FP32, FormatFamily.FP16, FormatFamily.BF16, FormatFamily.FP8),
    *(FormatFamily.INT8, FormatFamily.INT4),
)
_DISTRIBUTIONS = ("torch", "torchao", "numpy")


def probe() -> RuntimeDescription:
    """Versions of the installed packages; see `base.RuntimeModule.probe`."""
    versions = {name: found for name in _DISTRIBUTIONS if (found := _version(name))}
    if "torch" not in versions or importlib.util.find_spec("torch") is None:
        raise RuntimeMissing("PyTorch is not installed in the agent's environment.")
    return RuntimeDescription(
        name=NAME,
        version=versions["torch"],
        providers=("cpu",),
        families=_FAMILIES,
        versions=tuple(StackItem(name, value) for name, value in sorted(versions.items())),
    )


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def prepare() -> None:
    """Imports the library and what loads programs."""
    import torch
    import torch.export

    with contextlib.suppress(RuntimeError):  # once in the life of a process
        torch.set_num_interop_threads(1)


def load(path: Path, options: SessionOptions) -> TorchSession:
    """A session on a ``.pt2`` file; see `base.RuntimeModule.load`."""
    import torch

    prepare()
    torch.set_num_threads(options.threads)
    chosen = {one.name: one.value for one in options.further}
    execution = chosen.get(executions.EXECUTION, executions.EAGER)
    program = loading.described(path)
    explains = functools.partial(loading.explained, loading=False)
    made = {executions.EXECUTION: execution, "threads": str(options.threads), **_flags()}
    try:
        run = executions.eager(loading.load(path, program))
        if execution == executions.COMPILED:
            run = executions.Compiled(run, program)
    except MemoryError:
        raise
    except Exception as error:  # the library raises a dozen types that share no base
        raise loading.explained(error, loading=True) from error
    if program.keeps_state:
        made["deterministic"] = "no: a call changes what the next one computes"
    return TorchSession(run, program, made, explains)


def _flags() -> dict[str, str]:
    """What else decides about kernels, as the library has it now."""
    import torch

    return {
        "interop threads": str(torch.get_num_interop_threads()),
        "cpu capability": torch.backends.cpu.get_cpu_capability(),
        "mkldnn": str(torch.backends.mkldnn.is_available() and torch.backends.mkldnn.enabled),
        "float32 matmul precision": torch.get_float32_matmul_precision(),
        "quantized engine": torch.backends.quantized.engine,
        "deterministic algorithms": str(torch.are_deterministic_algorithms_enabled()),
        "checks of inputs": "outside the clock",
    }


def empty_artifact() -> bytes:
    """A program that takes the absolute value of one float."""
    from . import tiny

    return tiny.empty()


def sentinel_artifact() -> bytes:
    """A program of four matrix products; see `tiny`."""
    from . import tiny

    return tiny.sentinel()


TRAITS = Traits(
    artifact_kinds=("pt2",),
    sentinel=sentinel_artifact,
)
