"""Which batch size a model takes: its inputs may not show the one that it holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bitgauge.benchmarks.common.said import said
from bitgauge.benchmarks.numerics.decoded import decoded
from bitgauge.benchmarks.quality.sets import EvaluationSet

from ..decisions.steps import wants_memory
from . import _sessions


@dataclass(frozen=True, slots=True)
class Taken:
    """What was found.

    Attributes:
        size: samples of a call; None when no size was taken.
        calls: samples of each call over a whole set, in its order.
        reason: why the first size was not taken; empty when it was.
    """

    size: int | None
    calls: tuple[int, ...] = ()
    reason: str = ""


def first_taken(model: str, samples: EvaluationSet, sizes: Sequence[int]) -> Taken:
    """The first of `sizes` that the ONNX file `model` takes, tried on the first samples of a set.

    A set smaller than a size is one call. What is left over at the end is a call of its own where
    the model takes it, and else left out.

    Raises:
        Exception: the model cannot be loaded; onnxruntime raises classes of its own.
    """
    session = _sessions.open_session(model)
    reason = ""
    for size in sizes:
        count = min(size, len(samples))
        why = _refusal(session, samples, count, model)
        if not why:
            full, left = divmod(len(samples), count)
            more = (left,) if left and not _refusal(session, samples, left, model) else ()
            return Taken(size, (count,) * full + more, reason)
        reason = reason or why
    return Taken(None, reason=reason or "its inputs fix different batches")


def _refusal(session: Any, samples: EvaluationSet, count: int, model: str) -> str:
    """Why a call of `count` samples fails; empty when it does not."""
    names = [one.name for one in session.get_inputs()]
    try:
        session.run(None, {name: samples.inputs[name][:count] for name in names})
    except Exception as error:  # onnxruntime's own classes, none public
        if wants_memory(error):
            raise
        return said(error, decoded(Path(model)))
    return ""
