"""What the coordinator itself executes, with onnxruntime on this machine's CPU.

It serves references and predictions; nothing is timed here.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bitgauge.benchmarks.numerics import fp8
from bitgauge.benchmarks.vocabulary.errors import Code, Refused

from .registry import version_of

EXACT_MODE = "session.x64quantprecision=1"
"""What makes its integer kernels exact on every host."""

_NAME = "onnxruntime"


def toolchain() -> str:
    """What shapes its answers, as part of the key of a build."""
    return f"{_NAME}={version_of(_NAME)}"


def open_session(
    model: str | bytes,
    saved: Path | None = None,
    *,
    as_it_stands: bool = False,
    exact: bool = False,
    level: str = "",
    without: Sequence[str] = (),
) -> Any:
    """A session on one thread.

    Args:
        model: path of a file, or its content.
        saved: where the graph goes that is really executed.
        as_it_stands: without any optimisation of the graph.
        exact: with integer kernels that are exact on every host.
        level: of optimisation, a name of `GraphOptimizationLevel`; all where empty.
        without: optimisers by name that are left out.

    Raises:
        Refused: `RUNTIME_MISSING`, onnxruntime is not installed.
        Exception: it cannot load the model; onnxruntime raises classes of its own, none public.
    """
    try:
        import onnxruntime
    except ModuleNotFoundError as error:
        raise Refused(
            Code.RUNTIME_MISSING,
            "A prediction needs ONNX Runtime; run: pip install 'bitgauge[onnxruntime]'.",
        ) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    if saved is not None:
        options.optimized_model_filepath = str(saved)
    if as_it_stands:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    if level:
        options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, level)
    if exact:
        options.add_session_config_entry(*EXACT_MODE.split("="))
    providers = ["CPUExecutionProvider"]
    more = {"disabled_optimizers": list(without)} if without else {}
    try:
        return onnxruntime.InferenceSession(model, options, providers=providers, **more)
    except Exception as error:
        if not fp8.is_misfused(error):
            raise
    options.add_session_config_entry(*fp8.UNFUSED)
    more = {"disabled_optimizers": [*without, *fp8.LEFT_OUT]}
    return onnxruntime.InferenceSession(model, options, providers=providers, **more)
