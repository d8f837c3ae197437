"""What the builders that wrap onnxruntime's tools share."""

from __future__ import annotations

import contextlib
import io
import logging
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bitgauge.benchmarks.common.said import said
from bitgauge.benchmarks.numerics.decoded import decoded
from bitgauge.benchmarks.numerics.external_data import copy_model, is_large
from bitgauge.benchmarks.numerics.onnx_operators import graphs
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError

from ..decisions.steps import wants_memory
from .base import BuildRequest, Unsupported


@contextlib.contextmanager
def quiet_tools() -> Iterator[None]:
    """Keep onnxruntime's quantizers from talking, and from changing this process's logging.

    They advise through the root logger (to run a preprocessing that was run, or that the axis of
    a rank-1 weight is ignored), print the progress of histograms, and `matmul_nbits_quantizer`
    configures the root logger to INFO when it is imported. Errors still pass.
    """
    root = logging.getLogger()
    handlers, level, disabled = root.handlers[:], root.level, root.manager.disable
    root.addHandler(logging.NullHandler())  # basicConfig leaves a logger with handlers alone
    logging.disable(max(disabled, logging.WARNING))
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        logging.disable(disabled)


def on_preprocessed(request: BuildRequest, work: Callable[[Path], None]) -> None:
    """Do `work` on a copy of the baseline with inferred shapes and folded constants.

    The quantizers want it (BatchNormalization folded into Conv, a shape on every tensor), and
    they leave files beside the model they read. A step of it that fails is left out, and all of
    them where the quantizer fails on what they made; the request's log says so.

    Raises:
        Exception: what failed first, when `work` fails on the baseline as it is too.
    """
    first: Exception | None = None
    worked_on = False
    with tempfile.TemporaryDirectory(prefix="bitgauge-build-") as folder:
        for number, (steps, words) in enumerate(_WAYS):
            if worked_on and steps:
                continue
            path = Path(folder) / f"{number}.onnx"
            try:
                _prepare(request.baseline, path, steps)
                worked_on = True
                work(path)
            except Exception as error:  # of an optional step, or of the quantizer
                if isinstance(error, (Unsupported, BitgaugeError)) or wants_memory(error):
                    raise
                first = first or error
                continue
            if first is not None:
                request.log.notes.append(f"built {words}: {said(first, decoded(request.baseline))}")
            return
    assert first is not None, "a copy can always be written"
    raise first


_STEPS = ("symbolic_shape", "optimization", "onnx_shape")
"""What onnxruntime's preprocessing does, by the names of its switches."""
_WAYS = (
    (_STEPS, "with all of its preprocessing"),
    (("optimization", "onnx_shape"), "without symbolic shape inference"),
    (("symbolic_shape", "onnx_shape"), "without optimisation"),
    (("onnx_shape",), "without symbolic shape inference and optimisation"),
    ((), "without preprocessing"),
)
"""In the order in which they are tried; the last is the model as it is."""


def _prepare(baseline: Path, path: Path, steps: tuple[str, ...]) -> None:
    if not steps:
        copy_model(baseline, path)
        return
    from onnxruntime.quantization.shape_inference import quant_pre_process

    skipped: dict[str, Any] = {f"skip_{step}": step not in steps for step in _STEPS}
    if is_large(baseline):
        skipped |= {"save_as_external_data": True, "all_tensors_to_one_file": True}
        skipped["external_data_location"] = f"{path.name}.data"
    quant_pre_process(str(baseline), str(path), **skipped)
    _forget_shapes_of_constants(path)


def _forget_shapes_of_constants(path: Path) -> None:
    """Drop what a model notes of the shapes of its initializers.

    Folding a Reshape or Transpose of a weight leaves such a note. The dynamic quantizer turns the
    weight of a Gemm and not the note, and then finds that both contradict each other.
    """
    import onnx

    model = onnx.load(str(path), load_external_data=False)
    stored = {tensor.name for tensor in model.graph.initializer}
    noted = [value for value in model.graph.value_info if value.name in stored]
    for value in noted:
        model.graph.value_info.remove(value)
    if noted:
        path.write_bytes(model.SerializeToString())


def require_operators(request: BuildRequest, operators: frozenset[str], reason: str) -> None:
    """Refuse, for `reason`, an artifact without any operator that a quantization leaves.

    Raises:
        Unsupported: none of `operators` is in the graph.
    """
    import onnx

    model = onnx.load(str(request.output), load_external_data=False)
    nodes = (node for graph in graphs(model.graph) for node in graph.node)
    if operators.isdisjoint(node.op_type for node in nodes):
        require_float32(request.baseline)
        raise Unsupported(reason)


def require_float32(baseline: Path) -> None:
    """Refuse a model all of whose weight matrices are float64: no quantizer here takes them.

    Raises:
        Unsupported: the sentence names one.
    """
    import onnx

    model = onnx.load(str(baseline), load_external_data=False)
    stored = [tensor for graph in graphs(model.graph) for tensor in graph.initializer]
    kinds = {tensor.data_type for tensor in stored if len(tensor.dims) >= 2}
    if onnx.TensorProto.DOUBLE in kinds and onnx.TensorProto.FLOAT not in kinds:
        one = next(tensor for tensor in stored if tensor.data_type == onnx.TensorProto.DOUBLE)
        raise Unsupported(
            f"The model's weights are float64 (as {one.name!r}), and the quantizer takes float32."
        )
