"""PyTorch: programs of `torch.export`, eager, compiled, built ahead of time, or as CUDA graphs.

The parent only asks for versions; the library is imported by `load`, in the child.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import importlib.util
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from bitgauge.benchmarks.common.exported.program import Program
from bitgauge.benchmarks.vocabulary.enums import FormatFamily
from bitgauge.benchmarks.vocabulary.values.devices import (
    RuntimeDescription,
    RuntimeOption,
    StackItem,
)

from .._installed import versions
from ..base import RuntimeMissing, SessionOptions, Traits
from . import ahead, executions, graphed, loading
from .place import CPU, GRAPH, ComputePlace, here, offer
from .profile import ProfiledTorchSession
from .session import TorchSession

if TYPE_CHECKING:
    from ..base import OpenGraph

NAME = "torch"
RANK = 3
HINT = "pip install 'bitgauge[torch]'"

_FAMILIES = (
    *(FormatFamily.FP32, FormatFamily.FP16, FormatFamily.BF16, FormatFamily.FP8),
    *(FormatFamily.INT8, FormatFamily.INT4),
)
_OF_FREE_SIZES = (
    *("torch._functorch.aot_autograd", "torch._dynamo.precompile_context"),
    *("torch._export.passes.collect_tracepoints_pass", "torch._export.db.logging"),
)
_DISTRIBUTIONS = ("torch", "torchao", "numpy")


def probe() -> RuntimeDescription:
    """Versions of the installed packages; see `base.RuntimeModule.probe`."""
    installed = versions(_DISTRIBUTIONS)
    if "torch" not in installed or importlib.util.find_spec("torch") is None:
        raise RuntimeMissing("PyTorch is not installed in the agent's environment.")
    return RuntimeDescription(
        name=NAME,
        version=installed["torch"],
        providers=("cpu",),
        families=_FAMILIES,
        versions=tuple(StackItem(name, value) for name, value in sorted(installed.items())),
    )


def prepare() -> None:
    """Imports the library and what loads programs, so that no import is a program's memory.

    Two things are not: torchao, which only programs with its tensors need, and the compiler.
    """
    import torch

    _load_once()
    with contextlib.suppress(RuntimeError):  # once in the life of a process
        torch.set_num_interop_threads(1)


@functools.cache
def _load_once() -> None:
    """Loads the smallest program: the library imports hundreds of modules at its first one."""
    for name in _OF_FREE_SIZES:
        importlib.import_module(name)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "first.pt2")
        path.write_bytes(empty_artifact())
        executions.Eager(loading.load(path, loading.described(path)))


def load(path: Path, options: SessionOptions) -> TorchSession:
    """A session on a ``.pt2`` file; see `base.RuntimeModule.load`."""
    return _session(TorchSession, path, options)


def open_graph(path: Path, options: SessionOptions, folder: Path) -> OpenGraph:
    """A program whose tensors are shown where it runs eager; see `base.Traits`."""
    from .interpreted import TorchGraph

    def plain(of: Path) -> tuple[TorchSession, Any]:
        eager = replace(options, further=())
        made = _session(TorchSession, of, eager)
        return made, made.module

    session = _session(TorchSession, path, options)
    return TorchGraph(session, _execution(options), session.module, plain)


def open_profiled(path: Path, options: SessionOptions, folder: Path) -> ProfiledTorchSession:
    """A session under the library's profiler; see `base.Traits`."""
    return _session(ProfiledTorchSession, path, options)


_Kind = TypeVar("_Kind", bound=TorchSession)


def _session(
    kind: type[_Kind], path: Path, options: SessionOptions, device: str | None = None
) -> _Kind:
    """A session on the device of this process, unless one is named."""
    import torch

    prepare()
    torch.set_num_threads(options.threads)
    execution = _execution(options)
    program = loading.described(path)
    place = ComputePlace(device or here(), {one.name: one.value for one in options.further})
    made = {executions.EXECUTION: execution, "threads": str(options.threads), **_flags()}
    if program.keeps_state:
        made["deterministic"] = "no: a call changes what the next one computes"
    try:
        place.take_effect()
        made |= place.told()
        run = _executed(execution, path, program, options, place)
    except MemoryError:
        raise
    except Exception as error:  # the library raises a dozen types that share no base
        raise loading.explained(error, loading=True, written_by=program.written_by) from error
    return kind(run, program, made, functools.partial(loading.explained, loading=False), place)


def _execution(options: SessionOptions) -> str:
    chosen = {one.name: one.value for one in options.further}
    return chosen.get(executions.EXECUTION, executions.EAGER)


def _executed(
    execution: str, path: Path, program: Program, options: SessionOptions, place: ComputePlace
) -> executions.Execution:
    if execution == executions.AOTI:
        return ahead.Ahead(path, options.threads, place)
    plain = executions.Eager(place.moved(loading.load(path, program)))
    if execution == executions.COMPILED:
        return executions.Compiled(plain.ready(()), program, options.batch, place)
    if execution == GRAPH:
        return graphed.opened(plain.ready(()), program, place)
    return plain


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


def probe_kernels() -> dict[str, str]:
    """What the kernels do here; see `base.Traits`."""
    if here() != CPU:
        from . import accumulators

        return accumulators.modes(here())
    from . import kernels

    return kernels.modes()


def measure_anchors() -> dict[str, float]:
    """The most operations per second here; see `base.Traits`."""
    from ...host import anchoring
    from . import anchors

    if here() != CPU:
        return anchors.of_card(here())
    return anchors.peaks() | anchoring.of_the_host()


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
    options=(
        RuntimeOption(
            executions.EXECUTION,
            (executions.AOTI, executions.COMPILED),
            "kernels made for the program, integer ones too; needs g++ and up to a minute",
        ),
    ),
    graph=open_graph,
    profile=open_profiled,
    kernels=probe_kernels,
    anchors=measure_anchors,
    sentinel=sentinel_artifact,
    placing=offer,
)
