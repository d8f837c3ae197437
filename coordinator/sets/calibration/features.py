"""What is compared of a sample: a few numbers of each, never its pixels or tokens. Pure.

Values within one sample depend on each other, so that a test over all of them claims far more
evidence than there is (measurement.md, E-6); a number per sample keeps n the count of samples.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from bitgauge.benchmarks.quality.sets import EvaluationSet
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code

Feature = npt.NDArray[np.float64]

MOST_CHANNELS = 4
"""Of an image: gray, colours, and one that is transparent."""
_IMAGE_AXES = 4
_LARGEST = 1e150
"""Beyond it the spread of a feature, a sum of squares, is no number in double precision."""
_AT_ONCE = 1 << 22
"""Values that are looked at in one go."""


def features_of(samples: EvaluationSet) -> dict[str, Feature]:
    """Numbers that describe each sample, by name, each of shape (samples,).

    Of real numbers the mean, the spread and both ends, and the mean of each channel of an image;
    of whole numbers, which are tokens or codes, how many are not 0, their mean and how many are
    different. Of an input of one number it is that number.

    Raises:
        BadInput: BAD_CALIBRATION_SET, values are so large that their mean or spread is no number.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        found = _every(samples)
    for name, feature in found.items():
        if not (np.abs(feature) < _LARGEST).all():
            raise BadInput(
                Code.BAD_CALIBRATION_SET,
                f"Values are too large to be compared: of a sample {name} is {_LARGEST:g} or more.",
            )
    return found


def _every(samples: EvaluationSet) -> dict[str, Feature]:
    found: dict[str, Feature] = {}
    for name, values in sorted(samples.inputs.items()):
        rows = values.reshape(len(values), -1)
        if rows.shape[1] == 1:
            found[name] = rows[:, 0].astype(np.float64)
            continue
        parts = [_of_rows(part) for part in _parts(rows)]
        for key in parts[0]:
            found[f"{name} {key}"] = np.concatenate([part[key] for part in parts])
        if values.dtype.kind == "f":
            found |= {f"{name} {key}": one for key, one in _channels(values).items()}
    return found


def _parts(rows: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
    step = max(1, _AT_ONCE // rows.shape[1])
    return [rows[at : at + step] for at in range(0, len(rows), step)]


def _of_rows(rows: npt.NDArray[Any]) -> dict[str, Feature]:
    if rows.dtype.kind == "f":
        wide = rows.astype(np.float64)
        return {
            "mean": wide.mean(axis=1),
            "spread": wide.std(axis=1),
            "least": wide.min(axis=1),
            "most": wide.max(axis=1),
        }
    ordered = np.sort(rows, axis=1)
    return {
        "not 0": np.count_nonzero(rows, axis=1).astype(np.float64),
        "mean": rows.mean(axis=1, dtype=np.float64),
        "different": 1.0 + np.count_nonzero(np.diff(ordered, axis=1), axis=1),
    }


def _channels(values: npt.NDArray[Any]) -> dict[str, Feature]:
    """The mean of each channel of images, which stands before or after height and width."""
    if values.ndim != _IMAGE_AXES:
        return {}
    for axis, others in ((1, (2, 3)), (3, (1, 2))):
        if 1 < values.shape[axis] <= MOST_CHANNELS:
            means = values.mean(axis=others, dtype=np.float64)
            return {f"channel {at}": means[:, at] for at in range(means.shape[1])}
    return {}
