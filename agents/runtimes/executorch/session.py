"""Method `forward` of one program; see `base.Session`."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bitgauge.benchmarks.common.pte.program import FORWARD, PteProgram
from bitgauge.benchmarks.common.said import said
from bitgauge.benchmarks.vocabulary.errors import BadInput, BitgaugeError, Code, Refused

from .._fitting import require_fitting
from ..base import SessionOptions

if TYPE_CHECKING:
    from bitgauge.benchmarks.quality.sets import InputSpec

    from ..base import Feeds, Outputs

_NO_MEMORY = ("0x21", "bad_alloc", "out of memory")
"""`Error::MemoryAllocationFailed` of runtime/core/error.h, and what else says so."""


class ExecuTorchSession:
    """One loaded method.

    Args:
        path: of the file.
        found: what it holds, read before the library is given it.
        options: of the session.

    Raises:
        BitgaugeError: the library refuses it, or lacks what it needs.
    """

    def __init__(self, path: Path, found: PteProgram, options: SessionOptions) -> None:
        module = library()
        runtime = module.Runtime.get()
        _require_there(found, runtime)
        threads = _with_threads(options.threads)
        try:
            self._program = runtime.load_program(
                str(path), verification=module.Verification.InternalConsistency
            )
            self._method = self._program.load_method(FORWARD)
        except Exception as error:  # the binding raises RuntimeError for all
            raise explain(error, loading=True) from error
        self._found = found
        delegates = [f"{name} in {count}" for name, count in found.delegates.items()]
        self._made = {
            "threads": str(threads),
            "steps": str(len(found.steps)),
            "delegated pieces": ", ".join(delegates) or "none",
        }

    @property
    def input_specs(self) -> tuple[InputSpec, ...]:
        """What a call needs."""
        from bitgauge.benchmarks.quality.sets import InputSpec

        return tuple(InputSpec(one.name, one.dtype, one.shape) for one in self._found.inputs)

    @property
    def output_names(self) -> tuple[str, ...]:
        """The names that the file keeps, else `output_0` and on."""
        return tuple(one.name for one in self._found.outputs)

    def options_set(self) -> dict[str, str]:
        """Threads as the library has them, and in how many pieces its delegates execute it."""
        return dict(self._made)

    def bind(self, feeds: Feeds) -> Callable[[], None]:
        """Views of the inputs, the method, which copies inputs and outputs, and views of those."""
        import torch

        self._tensors(feeds)  # what does not fit is said here
        given = [feeds[one.name] for one in self._found.inputs]
        execute, view = self._method.execute, torch.from_numpy

        def call() -> None:
            for one in execute([view(array) for array in given]):
                one.numpy()

        return call

    def run(self, feeds: Feeds) -> Outputs:
        """One call."""
        tensors = self._tensors(feeds)
        try:
            return [one.numpy() for one in self._method.execute(tensors)]
        except Exception as error:  # as above
            raise explain(error, loading=False) from error

    def _tensors(self, feeds: Feeds) -> list[Any]:
        """Views of the inputs: nothing is copied here."""
        import torch

        specs = self.input_specs
        require_fitting(specs, feeds)
        return [torch.from_numpy(feeds[one.name]) for one in specs]

    def close(self) -> None:
        """Drops method and program, and with them their memory."""
        self._method = self._program = None


def library() -> Any:
    """The module; while it is imported it warns of what it does itself."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module("executorch.runtime")


def _require_there(found: PteProgram, runtime: Any) -> None:
    """Refuse a program that needs what this build of the library has not.

    Raises:
        Refused: `unsupported_artifact`; the library itself names nothing.
    """
    own = set(runtime.operator_registry.operator_names)
    lacking = [name for name in found.operators if name not in own]
    lacking += [name for name in found.delegates if not runtime.backend_registry.is_available(name)]
    if lacking:
        raise Refused(
            Code.UNSUPPORTED_ARTIFACT,
            f"The program needs {', '.join(lacking[:5])}, which ExecuTorch's package here has not.",
        )


def _with_threads(wanted: int) -> int:
    """How many threads delegates compute with from now on, all of this process.

    Raises:
        Refused: `unsupported_artifact`, it has not so many.
    """
    from executorch.extension.pybindings import portable_lib

    # There is no other way to say it from Python; no method runs meanwhile.
    if portable_lib._threadpool_get_thread_count() != wanted:
        portable_lib._unsafe_reset_threadpool(wanted)
    there = int(portable_lib._threadpool_get_thread_count())
    if there != wanted:
        raise Refused(
            Code.UNSUPPORTED_ARTIFACT,
            f"ExecuTorch was asked for {wanted} threads and takes {there} here.",
        )
    return there


def explain(error: Exception, *, loading: bool) -> BitgaugeError:
    """One sentence of what ExecuTorch said, under the code of who must act.

    Args:
        error: what the binding raised; details it prints to stderr alone.
        loading: while the program was loaded; else while it ran.
    """
    sentence = f"ExecuTorch says: {said(error)}."
    if any(one in str(error) for one in _NO_MEMORY):
        return Refused(Code.OUT_OF_MEMORY, sentence)
    if loading:
        return BadInput(Code.BAD_MODEL, sentence)
    return Refused(Code.RUN_FAILED, sentence)
