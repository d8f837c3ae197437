"""fp32 for LiteRT of an ONNX model, by onnx2tf in an environment of its own."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence

from bitgauge.benchmarks.vocabulary.enums import FormatFamily
from bitgauge.benchmarks.vocabulary.recipes import Recipe

from ..models.formats.onnx import facts as facts_of
from . import _sessions
from ._checks._samples import Feeds
from ._checks.onnx.graph import made, with_outputs
from ._conversion import Tensors, calls_for, require_equal
from ._outside import run
from .base import BuildRequest

VERSION = 1
MAKES, TAKES = "tflite", "onnx"
ENVIRONMENT = "onnx2tf"
DISTRIBUTIONS: tuple[str, ...] = ()
SCRIPT = "onnx2tf/from_onnx.py"


def accepts(recipe: Recipe) -> bool:
    """Only `fp32`: its files of integers do not load, or compute something else."""
    return recipe.family is FormatFamily.FP32


def build(request: BuildRequest) -> None:
    """Convert, axes and batch as they are, and compare both.

    Raises:
        Unsupported: the converter says so, or what it made differs.
    """
    facts = facts_of(request.baseline, "the model")
    calls, _ = calls_for(request, facts.inputs)
    with tempfile.TemporaryDirectory(prefix="converted-") as folder:
        spec = {
            "source": request.baseline,
            "output": request.output,
            "inputs": [one.name for one in facts.inputs],
            "folder": folder,
        }
        run(request, SCRIPT, spec)
    names = [one.name for one in facts.outputs]
    session = _sessions.open_session(str(request.baseline), as_it_stands=True)
    expected = [dict(zip(names, session.run(names, feeds), strict=True)) for feeds in calls]
    inner = _Inner(request)
    request.log.notes.append(require_equal(request.output, calls, expected, inner.values))


class _Inner:
    """Tensors of the model by name."""

    def __init__(self, request: BuildRequest) -> None:
        self._path = request.baseline

    def values(self, feeds: Feeds, names: Sequence[str]) -> Tensors:
        """Of those that it makes."""
        import onnx

        model = onnx.load(str(self._path))
        there = [name for name in names if name in made(model.graph)]
        tapped = with_outputs(model, there).SerializeToString()
        session = _sessions.open_session(tapped, as_it_stands=True)
        return dict(zip(there, session.run(there, feeds), strict=True))
