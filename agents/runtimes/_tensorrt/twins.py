"""Two builds of one artifact, held against one another; and an answer against a reference.

TensorRT times its candidates while it builds, so that two builds of the same file on the same card
may take other kernels, and answer and last otherwise. Pure: engines and answers are plain values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bitgauge.benchmarks.vocabulary.errors import Code, Refused
from bitgauge.benchmarks.vocabulary.session_options import BUILDS_DIFFER

from .layers import EngineLayer

if TYPE_CHECKING:
    import numpy.typing as npt

    Answers = Sequence[npt.NDArray[Any]]

SAME_BYTES = "two builds gave the same bytes"
MOST_OFF = 0.25
"""Largest error of an answer that quantization explains: root of the sum of squared differences by
that of the reference (measurement.md D.2 holds the formats to far less; this finds another sum)."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What is known of one build.

    Attributes:
        engine: its bytes.
        layers: as the inspector tells them.
        answers: to the canary's inputs.
        median_ns: of the device for a call of those; 0 where it was not timed.
    """

    engine: bytes
    layers: Sequence[EngineLayer]
    answers: Answers
    median_ns: float = 0.0


def spread(one: Trial, other: Trial) -> str:
    """How two builds differ, as a note."""
    if one.engine == other.engine:
        return SAME_BYTES
    parts = []
    kernels, count = _other_kernels(one.layers, other.layers)
    if count:
        parts.append(f"{kernels} of {count} layers in other kernels")
    off = largest_difference(one.answers, other.answers)
    parts.append("the same answers" if not off else f"answers up to {off:.2g} apart")
    if one.median_ns > 0 and other.median_ns > 0:
        slower = max(one.median_ns, other.median_ns) / min(one.median_ns, other.median_ns)
        parts.append(f"{(slower - 1) * 100:.1f} % apart in time")
    return f"{BUILDS_DIFFER}: {', '.join(parts)}"


def _other_kernels(one: Sequence[EngineLayer], other: Sequence[EngineLayer]) -> tuple[int, int]:
    """Layers of the first that the second has not, or with another kernel; and all of them."""
    known = {(layer.name, layer.tactic) for layer in other}
    return sum((layer.name, layer.tactic) not in known for layer in one), len(one)


def largest_difference(one: Answers, other: Answers) -> float:
    """Of any value; infinite where shapes differ or one alone is a number."""
    import numpy as np

    worst = 0.0
    for a, b in zip(one, other, strict=True):
        if a.shape != b.shape:
            return float("inf")
        if not a.size:
            continue
        finite = np.isfinite(a.astype(np.float64))
        if not np.array_equal(finite, np.isfinite(b.astype(np.float64))):
            return float("inf")
        off = a.astype(np.float64)[finite] - b.astype(np.float64)[finite]
        worst = max(worst, float(np.abs(off).max(initial=0.0)))
    return worst


def require_sane(
    library: str, names: Sequence[str], answers: Answers, wanted: Mapping[str, Any]
) -> None:
    """The canary: an engine that answers with no numbers, or far off, is not measured.

    Args:
        library: its name in sentences.
        names: of the outputs.
        answers: of the engine.
        wanted: the reference's by name; those that are not there are held to being finite alone.

    Raises:
        Refused: `run_failed`.
    """
    import numpy as np

    for name, answer in zip(names, answers, strict=True):
        if answer.dtype.kind != "f":
            continue
        reference = wanted.get(name)
        expected = True if reference is None else bool(np.isfinite(reference).all())
        if expected and not np.isfinite(answer).all():
            raise Refused(
                Code.RUN_FAILED,
                f"The engine that {library} built answers with NaN or infinity in {name[:80]!r}"
                " where the reference does not: it is not measured.",
            )
        if reference is None or not expected or reference.shape != answer.shape:
            continue
        exact = reference.astype(np.float64)
        size = float(np.sqrt(np.square(exact).sum()))
        off = float(np.sqrt(np.square(answer.astype(np.float64) - exact).sum()))
        if size and off > MOST_OFF * size:
            raise Refused(
                Code.RUN_FAILED,
                f"The engine that {library} built is off by {off / size:.0%} in {name[:80]!r}"
                " against the same file on the processor: it is not measured.",
            )
