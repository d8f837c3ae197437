"""Segmentation: a class for each pixel; the mean over classes of intersection over union."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...samples import Floats
from .base import Rows, Truth, lacks, misfit, one_output, too_many

NAME = "segmentation"
MEASURE = "mIoU"
K = 0
VERSION = 1
MOST_CLASSES = 1000
outputs = one_output


def problem(truth: Truth, samples: int) -> str:
    """It needs `truth/mask`, (samples, height, width) of classes; below 0 is not judged."""
    if why := lacks(truth, ("mask",)):
        return why
    mask = truth["mask"]
    if mask.ndim != 3 or mask.dtype.kind not in "iu":
        return "truth/mask is no class for each pixel, (samples, height, width)"
    if mask.max() >= MOST_CLASSES:
        return f"truth/mask names class {mask.max()}; {MOST_CLASSES} classes are taken at most"
    if not (mask >= 0).any():
        return "truth/mask judges no pixel"
    return too_many(samples, 2 * (int(mask.max()) + 1))


def figures(rows: Sequence[Rows], truth: Truth, k: int) -> Floats:
    """Pixels in the intersection and in the union of each class: (samples, 2 x classes)."""
    mask = truth["mask"].astype(np.int64)
    told = _classes(np.asarray(rows[0]), mask.shape)
    classes = int(mask.max()) + 1
    made = np.zeros((len(mask), 2 * classes))
    for at in range(len(mask)):
        judged = mask[at] >= 0
        own, one = mask[at][judged], told[at][judged]
        truly = np.bincount(own, minlength=classes)
        said = np.bincount(one[(one >= 0) & (one < classes)], minlength=classes)
        both = np.bincount(own[own == one], minlength=classes)
        made[at, :classes], made[at, classes:] = both, truly + said - both
    return made


def _classes(output: Rows, shape: tuple[int, ...]) -> Rows:
    """The class of each pixel: told itself, or by a number for each class before or behind."""
    if output.shape == shape:
        return np.where(np.isfinite(output), output, -1).astype(np.int64)
    if output.ndim == 4:
        for axis in (1, 3):
            if tuple(np.delete(output.shape, axis)) == shape:
                safe = np.where(np.isfinite(output), output, -np.inf)
                found = safe.argmax(axis=axis)
                return np.where(np.isfinite(safe.max(axis=axis)), found, -1).astype(np.int64)
    raise misfit(
        f"The output has shape {output.shape[1:]} a sample, truth/mask {shape[1:]}: it needs a"
        " class, or a number for each class, per pixel."
    )


def score(figures: Floats, weights: Floats) -> float:
    """The mean over classes that anybody sees, of sums over all pixels."""
    ious = _ious(figures, weights)
    return float(ious.mean()) if ious.size else float("nan")


def details(figures: Floats, weights: Floats) -> dict[str, float]:
    """The worst class."""
    ious = _ious(figures, weights)
    return {"worst_class_iou": float(ious.min())} if ious.size else {}


def _ious(figures: Floats, weights: Floats) -> Floats:
    both, either = np.split(weights @ figures, 2)
    found: Floats = both[either > 0] / either[either > 0]
    return found
