"""Sessions of onnxruntime as production makes them, and what the library says when it refuses."""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import Any

from bitgauge.benchmarks.common.said import UNNAMED, said, words_of
from bitgauge.benchmarks.numerics import fp8
from bitgauge.benchmarks.numerics.decoded import decoded
from bitgauge.benchmarks.vocabulary.errors import BadInput, BitgaugeError, Code, Refused
from bitgauge.benchmarks.vocabulary.session_options import of_reference

from ..base import SessionOptions

PROVIDERS = ("CPUExecutionProvider",)

_NEWER = re.compile(
    r"till opset (?P<most>\d+)|max supported (?:onnx )?ir version:? (?P<ir>\d+)", re.IGNORECASE
)
_ENTRIES = "session."
_NO_MEMORY = (
    "failed to allocate memory",
    "bad_alloc",
    "bad allocation",
    "cudaerrormemoryallocation",
)
_EXTERNAL = "external data path"


def session_options(options: SessionOptions) -> Any:
    """Options of onnxruntime: those of production, whatever the session is made for."""
    import onnxruntime

    wanted = onnxruntime.SessionOptions()
    wanted.intra_op_num_threads = options.threads
    wanted.inter_op_num_threads = 1
    wanted.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    wanted.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    wanted.log_severity_level = 3
    wanted.enable_cpu_mem_arena = options.arena
    # Threads may spin inside a call, as in production, but not into the next block, which may
    # be the other artifact's (measurement.md A-8).
    wanted.add_session_config_entry("session.force_spinning_stop", "1")
    for option in of_reference(options.further):  # a provider adds its own
        if option.name.startswith(_ENTRIES):
            wanted.add_session_config_entry(option.name, option.value)
    return wanted


def _opened(model: Path | bytes, wanted: Any) -> Any:
    """The binding's session; of 8-bit floats without the passes that take them for integers."""
    import onnxruntime

    given = model if isinstance(model, bytes) else str(model)
    made = functools.partial(onnxruntime.InferenceSession, given, providers=list(PROVIDERS))
    try:
        return made(sess_options=wanted)
    except Exception as error:
        if not fp8.is_misfused(error):
            raise
    wanted.add_session_config_entry(*fp8.UNFUSED)
    return made(sess_options=wanted, disabled_optimizers=[*fp8.LEFT_OUT])


def inference(model: Path | bytes, wanted: Any) -> Any:
    """A session of the binding on the processor.

    Raises:
        BitgaugeError: the library refuses the model.
    """
    try:
        return _opened(model, wanted)
    except Exception as error:  # the binding raises a dozen types that share no base
        path = None if isinstance(model, bytes) else model
        raise explain(error, loading=True, path=path) from error


def tiny(options: SessionOptions, model: bytes, saved: Path | None) -> Any:
    """A session for a probe, which looks at what the binding raises; it may save its graph."""
    wanted = session_options(options)
    if saved is not None:
        wanted.optimized_model_filepath = str(saved)
    return _opened(model, wanted)


def explain(error: Exception, *, loading: bool, path: Path | None = None) -> BitgaugeError:
    """One sentence of what the runtime said, under the code of who must act.

    Args:
        error: what the binding raised.
        loading: while the session was made; else while it ran.
        path: of the model, to name a node that the runtime does not.
    """
    kind = type(error).__name__
    why = said(error)
    if path is not None and UNNAMED in why:
        why = said(error, decoded(path))
    sentence = f"ONNX Runtime says: {why}."
    text = words_of(error).lower()
    if loading and _NEWER.search(text):
        return Refused(Code.OPSET_TOO_NEW, sentence)
    if _EXTERNAL in text:
        return BadInput(Code.EXTERNAL_DATA, sentence)
    if any(word in text for word in _NO_MEMORY):
        return Refused(Code.OUT_OF_MEMORY, sentence)
    if kind == "NotImplemented":
        return Refused(Code.UNSUPPORTED_ARTIFACT, sentence)
    if loading:
        return BadInput(Code.BAD_MODEL, sentence)
    return Refused(Code.RUN_FAILED, sentence)
