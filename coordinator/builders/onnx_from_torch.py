"""fp32 for ONNX Runtime of a `torch.export` program, by the library's own exporter."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from bitgauge.benchmarks.common.said import said
from bitgauge.benchmarks.vocabulary.enums import FormatFamily
from bitgauge.benchmarks.vocabulary.recipes import Recipe

from . import _sessions
from ._checks._agreement import Array
from ._checks._samples import Feeds
from ._checks._verdict import broken, percent
from ._checks.onnx.graph import with_outputs
from ._conversion import TOLERANCE, calls_for, off_by
from ._outside import run
from .base import BuildRequest
from .torch.source import float_program

VERSION = 1
MAKES, TAKES = "onnx", "pt2"
ENVIRONMENT = "torch"
DISTRIBUTIONS = ("onnx", "onnxruntime")
SCRIPT = "torch/to_onnx.py"


def accepts(recipe: Recipe) -> bool:
    """Only `fp32`."""
    return recipe.family is FormatFamily.FP32


def build(request: BuildRequest) -> None:
    """Convert, and hold what the file computes against what the program does.

    Raises:
        Unsupported: the program is not FP32, the exporter says so, or what it made differs.
    """
    facts = float_program(request)
    calls, calibrated = calls_for(request, facts.inputs)
    feeds = calls[0]
    with tempfile.TemporaryDirectory(prefix="converted-") as folder:
        files = {name: Path(folder) / f"{name}.npz" for name in ("samples", "expected", "inner")}
        np.savez(files["samples"], allow_pickle=False, **feeds)
        spec = {"source": request.baseline, "output": request.output, **files}
        answer = run(request, SCRIPT, spec)
        expected, inner = (_read(files[name]) for name in ("expected", "inner"))
    require_equal(request.output, feeds, expected, inner)
    kind = "samples of the calibration set" if calibrated else "made samples"
    count = len(next(iter(feeds.values())))
    request.log.notes.append(
        f"operators of opset {answer['opset']}; returns what the program does on {count} {kind}"
    )


def _read(path: Path) -> dict[str, Array]:
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def require_equal(
    made: Path, feeds: Feeds, expected: Mapping[str, Array], inner: Mapping[str, Array]
) -> None:
    """Hold a converted file against what its source computes.

    Args:
        made: the ONNX file.
        feeds: inputs of a call.
        expected: what the source returns for them.
        inner: what it computes on the way, in that order, by names that the file may have too.

    Raises:
        Unsupported: it does not run, returns others, or computes something else; the first tensor
            that differs is named.
    """
    import onnx

    model = onnx.load(str(made))
    names = [one.name for one in model.graph.output]
    if sorted(names) != sorted(expected) or {one.name for one in model.graph.input} != {*feeds}:
        raise broken(f"its outputs are {', '.join(names)}, the model's {', '.join(expected)}")
    try:
        found = _run(model, names, feeds)
    except Exception as error:  # onnxruntime raises classes of its own, none public
        raise broken(f"it does not run: {said(error, model)}") from error
    for name, wanted in expected.items():
        if (off := off_by(found[name], wanted)) > TOLERANCE:
            raise broken(
                f"its output {name!r} is off by {percent(off)} of its size, where rounding explains"
                f" {percent(TOLERANCE)}; {_first_apart(model, feeds, inner)}"
            )


def _first_apart(model: Any, feeds: Feeds, inner: Mapping[str, Array]) -> str:
    """The first tensor of the file that differs from the program's of its name."""
    makers = {name: node.op_type for node in model.graph.node for name in node.output}
    shared = [name for name in inner if name in makers]
    found = _run(model, shared, feeds) if shared else {}
    for name in shared:
        if found[name].shape == inner[name].shape:
            off = off_by(found[name], inner[name])
            if off > TOLERANCE:
                return (
                    f"the first tensor that differs is {name!r} of {makers[name]}, by"
                    f" {percent(off)}"
                )
    return "no inner tensor that goes by one name in both differs"


def _run(model: Any, names: list[str], feeds: Feeds) -> dict[str, Array]:
    copy = with_outputs(model, names)
    session = _sessions.open_session(copy.SerializeToString(), as_it_stands=True)
    return dict(zip(names, session.run(names, feeds), strict=True))
