"""Whether calibration has reached every tensor that is quantized with a fixed scale."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping

import numpy as np

from ._agreement import Quantizer, Tensors

LIMIT_S = 20.0
"""After this the rest of a calibration set is not looked at, and no range is called too wide."""
WIDEST = 3.5
"""How many times what the whole set reaches a range may be: a power of two, and both signs."""
_SET_BY_FORMULA = frozenset(
    (
        *("Softmax", "LogSoftmax", "Sigmoid", "Tanh", "HardSigmoid"),
        *("SOFTMAX", "LOG_SOFTMAX", "LOGISTIC", "TANH", "L2_NORMALIZATION"),
    )
)
"""What makes tensors whose range a quantizer takes from the formula, not from the set."""


def peaks(
    run: Callable[[Tensors], Tensors], batches: Iterable[Tensors]
) -> tuple[dict[str, float], int, bool]:
    """The largest magnitude of each tensor over a set.

    Args:
        run: one call of the float model; the tensors that are looked at.
        batches: the set.

    Returns:
        Magnitudes of those that had a value, how many samples were seen, and whether that was all.
    """
    found: dict[str, float] = {}
    end, seen = time.monotonic() + LIMIT_S, 0
    for feeds in batches:
        if time.monotonic() > end:
            return found, seen, False
        for name, value in run(feeds).items():
            if value.size and value.dtype.kind == "f":
                finite = np.abs(value[np.isfinite(value)])
                found[name] = max(found.get(name, 0.0), float(finite.max(initial=0.0)))
        seen += len(next(iter(feeds.values())))
    return found, seen, True


def uncalibrated(
    quantizers: Iterable[Quantizer],
    reached: Mapping[str, float],
    makers: Mapping[str, str],
) -> tuple[Quantizer, str] | None:
    """The first quantized tensor whose scale the set does not explain, and why.

    Args:
        quantizers: of the artifact, those whose tensors the float model has.
        reached: largest magnitudes over the whole set.
        makers: operator types of the float model by the tensors that they make.
    """
    every = tuple(quantizers)
    shared: dict[str, float] = {}
    formula = {one.scale_name for one in every if makers.get(one.tensor) in _SET_BY_FORMULA}
    for one in every:
        shared[one.scale_name] = max(shared.get(one.scale_name, 0.0), reached.get(one.tensor, 0.0))
    for one in every:
        if one.tensor not in reached:
            return one, "no sample of the calibration set gives it a value"
        peak, limit = shared[one.scale_name], max(abs(one.low), abs(one.high))
        if not np.isfinite(limit) or limit <= 0:
            return one, "its scale is no positive number"
        if peak > 0 and limit > WIDEST * peak and one.scale_name not in formula:
            return one, f"its range reaches {limit:.3g}, the calibration set only {peak:.3g}"
    return None
