"""Detection: boxes with class and confidence; the mean average precision over IoU 0.50 to 0.95.

Matching and the 101 recall levels are those of COCO: per image and class, each detection in the
order of its confidence takes the free true box that it overlaps most, from the threshold on.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ...samples import Floats
from ..outputs import Output
from .base import Rows, Truth, lacks, misfit, too_many

NAME = "detection"
MEASURE = "mAP@50:95"
K = 100
"""Detections of an image that count, the most confident, as COCO has it."""
VERSION = 1
THRESHOLDS = np.arange(50, 100, 5) / 100
_LEVELS = np.linspace(0.0, 1.0, 101)
_ROLES = ("boxes", "scores", "classes")
_COLUMNS = 6
MOST_CLASSES = 1000


def problem(truth: Truth, samples: int) -> str:
    """It needs `truth/boxes`, (samples, most, 4), and `truth/classes`; class -1 is no box."""
    if why := lacks(truth, ("boxes", "classes")):
        return why
    boxes, classes = truth["boxes"], truth["classes"]
    sound = boxes.ndim == 3 and boxes.shape[2] == 4 and boxes.dtype.kind in "fiu"
    if not sound or classes.shape != boxes.shape[:2] or classes.dtype.kind not in "iu":
        return "truth/boxes is no (samples, most, 4), or truth/classes no class for each of them"
    there = classes >= 0
    if not there.any():
        return "truth/classes has no box in any sample"
    kept, last = boxes[there], int(classes.max())
    if not np.isfinite(kept).all() or not (kept[:, 2:] > kept[:, :2]).all():
        return "a box of truth/boxes has no area: it is x1 y1 x2 y2"
    if last >= MOST_CLASSES:
        return f"truth/classes names class {last}; {MOST_CLASSES} are taken at most"
    return too_many(samples, 3 * K + last + 1)


def outputs(there: Sequence[Output], wish: str) -> tuple[str, ...]:
    """Outputs `boxes`, `scores` and `classes`, or one of six columns with all of them."""
    names = {one.name for one in there}
    if not wish and names.issuperset(_ROLES):
        return _ROLES
    if wish:
        return (wish,) if wish in names else ()
    return (there[0].name,) if len(there) == 1 else ()


def figures(rows: Sequence[Rows], truth: Truth, k: int) -> Floats:
    """Of the `K` most confident detections confidence, class and thresholds that they match at.

    Then the true boxes of each class: (samples, 3 x K + classes). A class of -1 is no detection;
    matches are bits, the lowest threshold first.
    """
    boxes, scores, classes = _parts(rows)
    true_boxes, true_classes = truth["boxes"].astype(np.float64), truth["classes"].astype(np.int64)
    count = int(true_classes.max()) + 1
    made = np.zeros((len(true_boxes), 3 * K + count))
    made[:, K : 2 * K] = -1
    for at in range(len(true_boxes)):
        sound = np.isfinite(boxes[at]).all(axis=1) & np.isfinite(scores[at])
        sound &= (classes[at] >= 0) & (scores[at] > 0)
        places = np.flatnonzero(sound)
        order = places[np.argsort(-scores[at][places], kind="stable")][:K]
        own = true_classes[at] >= 0
        bits = np.zeros(order.size)
        for one in np.unique(classes[at][order]):
            mine = order[classes[at][order] == one]
            matched = _matched(boxes[at][mine], true_boxes[at][own & (true_classes[at] == one)])
            bits[classes[at][order] == one] = matched @ (1 << np.arange(THRESHOLDS.size))
        made[at, : order.size] = scores[at][order]
        made[at, K : K + order.size] = classes[at][order]
        made[at, 2 * K : 2 * K + order.size] = bits
        made[at, 3 * K :] = np.bincount(true_classes[at][own], minlength=count)
    return made


def _parts(rows: Sequence[Rows]) -> tuple[Floats, Floats, npt.NDArray[np.int64]]:
    if len(rows) == 1:
        whole = np.asarray(rows[0]).astype(np.float64)
        if whole.ndim != 3 or whole.shape[2] != _COLUMNS:
            raise misfit(
                f"The output has shape {whole.shape[1:]} a sample; detections are boxes, scores and"
                f" classes, or (boxes, {_COLUMNS}) of x1 y1 x2 y2 score class."
            )
        boxes, scores, classes = whole[:, :, :4], whole[:, :, 4], whole[:, :, 5]
    else:
        boxes, scores, classes = (np.asarray(one).astype(np.float64) for one in rows)
        if (
            boxes.ndim != 3
            or boxes.shape[2] != 4
            or not scores.shape == classes.shape == boxes.shape[:2]
        ):
            raise misfit(
                f"Outputs boxes {boxes.shape[1:]}, scores {scores.shape[1:]} and classes"
                f" {classes.shape[1:]} a sample are not (boxes, 4) and one of each a box."
            )
    return boxes, scores, np.where(np.isfinite(classes), classes, -1).astype(np.int64)


def _matched(boxes: Floats, truth: Floats) -> npt.NDArray[np.int64]:
    """Whether each box, in this order, takes a true one, by threshold: (boxes, thresholds)."""
    taken = np.zeros((len(truth), THRESHOLDS.size), bool)
    found = np.zeros((len(boxes), THRESHOLDS.size), np.int64)
    overlaps = _ious(boxes, truth)
    for at, row in enumerate(overlaps):
        for level, threshold in enumerate(THRESHOLDS):
            free = np.where(taken[:, level], -1.0, row)
            if free.size and free.max() >= threshold:
                taken[free.argmax(), level] = True
                found[at, level] = 1
    return found


def _ious(boxes: Floats, others: Floats) -> Floats:
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    both = np.prod(np.maximum(high - low, 0.0), axis=2)
    areas = [np.prod(np.maximum(one[:, 2:] - one[:, :2], 0.0), axis=1) for one in (boxes, others)]
    either = areas[0][:, None] + areas[1][None, :] - both
    found: Floats = np.zeros_like(both)
    np.divide(both, either, out=found, where=either > 0)
    return found


def score(figures: Floats, weights: Floats) -> float:
    """The mean over classes with true boxes, and thresholds."""
    precisions = _precisions(figures, weights)
    return float(precisions.mean()) if precisions.size else float("nan")


def details(figures: Floats, weights: Floats) -> dict[str, float]:
    """The mean average precision at 0.50 and at 0.75, in percent."""
    precisions = _precisions(figures, weights)
    if not precisions.size:
        return {}
    at_50, at_75 = (float(100 * precisions[:, level].mean()) for level in (0, 5))
    return {"map50_pct": at_50, "map75_pct": at_75}


def _precisions(figures: Floats, weights: Floats) -> Floats:
    """Average precision, (classes with true boxes, thresholds)."""
    confidence, classes, bits = (figures[:, at * K : (at + 1) * K] for at in range(3))
    truths = weights @ figures[:, 3 * K :]
    often = np.broadcast_to(weights[:, None], confidence.shape)
    rows = []
    for one in np.flatnonzero(truths > 0):
        mine = classes == one
        order = np.argsort(-confidence[mine], kind="stable")
        counted = often[mine][order]
        hits = bits[mine][order].astype(np.int64)[:, None] >> np.arange(THRESHOLDS.size) & 1
        right = (counted[:, None] * hits).cumsum(axis=0)
        total = counted.cumsum()[:, None]
        precision = np.divide(right, total, out=np.zeros_like(right), where=total > 0)
        # From the right the best that any greater recall has.
        precision = np.maximum.accumulate(precision[::-1], axis=0)[::-1]
        recall = right / truths[one]
        rows.append([_at_levels(recall[:, t], precision[:, t]) for t in range(THRESHOLDS.size)])
    return np.array(rows)


def _at_levels(recall: Floats, precision: Floats) -> float:
    places = np.searchsorted(recall, _LEVELS - 1e-12, side="left")
    return float(np.append(precision, 0.0)[np.minimum(places, precision.size)].mean())
