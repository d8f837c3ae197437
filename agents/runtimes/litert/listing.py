"""What LiteRT executes of a file, and whose kernels do it; Python is told no times."""

from __future__ import annotations

from pathlib import Path

from bitgauge.benchmarks.common.tflite.tables import FileGraph, FileOperator
from bitgauge.benchmarks.raw.operators import ListedOperator, OperatorProfile

from ..base import SessionOptions
from . import opening
from .graph import XNNPACK, names_of
from .placement import Placement
from .session import signature_of

WHY_NO_TIMES = (
    "LiteRT tells Python no time of an operator: its operators are listed with the kernels that"
    " execute each, and without times."
)
_SHORT = {"FLOAT": "f", "UINT": "u", "INT": "s", "BFLOAT": "bf"}


def listed(path: Path, options: SessionOptions) -> OperatorProfile:
    """The operators of a file in their order, each with where it runs.

    Raises:
        BitgaugeError: LiteRT refuses the file.
    """
    with opening.opened(path) as tables:
        made = opening.interpreter(path, options)
        where = opening.placed(made) or Placement((), frozenset(), 0)
        signature = signature_of(made)
        borders = {at: name for name, at in (signature.inputs | signature.outputs).items()}
        graph = tables.graphs[0]
        names = names_of(graph, borders)
        own = opening.own_kernels(opening.kernels_of(options))
        rows = tuple(
            ListedOperator(
                name=names[one.outputs[0]] if one.outputs else one.kind,
                op_type=one.kind,
                placed=XNNPACK if number in where.taken else own,
                inputs=_sides(graph, one.inputs),
                outputs=_sides(graph, one.outputs),
            )
            for number, one in enumerate(graph.operators)
            if not _of_constants(graph, one)
        )
    return OperatorProfile(why_not=WHY_NO_TIMES, listed=rows, pieces=where.pieces)


def _of_constants(graph: FileGraph, one: FileOperator) -> bool:
    """Whether it only widens a weight, which is done once and not at each call."""
    return one.kind == "DEQUANTIZE" and graph.tensors[one.inputs[0]].constant


def _sides(graph: FileGraph, numbers: tuple[int, ...]) -> str:
    """Types and shapes, such as ``s8[1,64] s8[512,64]``."""
    words = []
    for at in numbers:
        if at >= 0:
            one = graph.tensors[at]
            letters = one.kind.rstrip("0123456789")
            short = _SHORT.get(letters, letters.lower()) + one.kind[len(letters) :]
            words.append(f"{short}[{','.join(map(str, one.shape))}]")
    return " ".join(words)
