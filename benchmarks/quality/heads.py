"""What the rows of an output mean: classes, distributions and losses per sample, for each head.

A head is how an output tells classes. Shape and labels say which it may be (`outputs`); whether its
numbers are probabilities or what becomes them is seen in the numbers of the baseline.
"""

from __future__ import annotations

import enum
from typing import Any

import numpy as np
import numpy.typing as npt

from ..samples import Bools, Floats, Ints

Rows = npt.NDArray[Any]

_TINY = 1e-30
_ROUNDING = 1e-6
"""How far beyond 0 and 1 a probability may be rounded."""


class Head(str, enum.Enum):
    """How an output tells classes.

    `LOGITS` and `PROBABILITIES`: a number per class, the largest wins. `BINARY_...`: one number for
    the second of two classes. `MULTI_LABEL_...`: one number per class, each of which may hold.
    `CLASS_NUMBERS`: the class itself. `VALUES`: it tells none.
    """

    LOGITS = "logits"
    PROBABILITIES = "probabilities"
    BINARY_LOGIT = "binary_logit"
    BINARY_PROBABILITY = "binary_probability"
    MULTI_LABEL_LOGITS = "multi_label_logits"
    MULTI_LABEL_PROBABILITIES = "multi_label_probabilities"
    CLASS_NUMBERS = "class_numbers"
    VALUES = "values"

    @property
    def has_distribution(self) -> bool:
        """Whether it tells how likely each class is."""
        return self not in (Head.CLASS_NUMBERS, Head.VALUES)

    @property
    def several_labels(self) -> bool:
        """Whether each class may hold, whatever the others do."""
        return self in (Head.MULTI_LABEL_LOGITS, Head.MULTI_LABEL_PROBABILITIES)


_AS_PROBABILITIES = {
    Head.LOGITS: Head.PROBABILITIES,
    Head.BINARY_LOGIT: Head.BINARY_PROBABILITY,
    Head.MULTI_LABEL_LOGITS: Head.MULTI_LABEL_PROBABILITIES,
}
_ONE_COLUMN = (Head.BINARY_LOGIT, Head.BINARY_PROBABILITY, Head.CLASS_NUMBERS)
_MULTI_LABEL = (Head.MULTI_LABEL_LOGITS, Head.MULTI_LABEL_PROBABILITIES)
_MATRICES = (Head.LOGITS, Head.PROBABILITIES, *_MULTI_LABEL)


def matrix_of(head: Head, rows: Rows) -> Floats:
    """The rows in double precision: (samples, classes), (samples,) of one column, else as given."""
    values: Floats = np.asarray(rows).astype(np.float64)
    if head in _MATRICES:
        return values.reshape(len(values), -1)
    return values.reshape(-1) if head in _ONE_COLUMN else values


def head_of_values(head: Head, matrix: Floats, name: str) -> Head:
    """The head that shape and labels say, or its twin of probabilities where the numbers are some.

    One column between 0 and 1 is a probability, unless its name says that it is a logit.
    """
    twin = _AS_PROBABILITIES.get(head)
    if twin is None:
        return head
    if head is Head.LOGITS:
        return twin if _are_probabilities(matrix) else head
    finite = matrix[np.isfinite(matrix)]
    within = np.all((finite >= -_ROUNDING) & (finite <= 1 + _ROUNDING))
    return twin if finite.size and within and "logit" not in name.lower() else head


def predictions(head: Head, matrix: Floats) -> Ints:
    """The class of each sample, (samples,); of several labels whether each holds.

    The latter is (samples, classes). -1 where a number is not finite, or the head tells no class.
    """
    if head is Head.VALUES:
        return np.full(matrix.shape[0], -1, dtype=np.int64)
    finite = np.isfinite(matrix)
    safe = np.where(finite, matrix, 0.0)
    if head in (Head.LOGITS, Head.PROBABILITIES):
        whole = np.all(finite, axis=1)
        best = np.argmax(np.where(whole[:, None], matrix, 0.0), axis=1)
        return np.where(whole, best, -1).astype(np.int64)
    if head is Head.CLASS_NUMBERS:
        return np.where(finite, safe, -1).astype(np.int64)
    middle = 0.0 if head in (Head.BINARY_LOGIT, Head.MULTI_LABEL_LOGITS) else 0.5
    return np.where(finite, (safe > middle).astype(np.int64), -1)


def log_probabilities(head: Head, matrix: Floats) -> Floats | None:
    """Logarithms of what each class is given, NaN for samples of which not all is finite.

    (samples, classes); of several labels (samples, classes, 2): that it does not hold, and that it
    does. None where the head tells no distribution.
    """
    if not head.has_distribution:
        return None
    if head in (Head.LOGITS, Head.PROBABILITIES):
        return _of_classes(matrix, already=head is Head.PROBABILITIES)
    finite = np.isfinite(matrix)
    safe = np.where(finite, matrix, 0.0)
    if head in (Head.BINARY_LOGIT, Head.MULTI_LABEL_LOGITS):
        both = np.stack([-np.logaddexp(0.0, safe), -np.logaddexp(0.0, -safe)], axis=-1)
    else:
        held = np.clip(safe, 0.0, 1.0)
        both = np.log(np.maximum(np.stack([1.0 - held, held], axis=-1), _TINY))
    result: Floats = np.where(finite[..., None], both, np.nan)
    return result


def ranks(head: Head, matrix: Floats, labels: Ints) -> Ints | None:
    """The place of each label among the classes of its sample, 0 for the best, (samples,).

    Of classes with the same number the first comes first, as in `predictions`. -1 where a number is
    not finite or the label is no class; None where the head gives no number for each class.
    """
    if head not in (Head.LOGITS, Head.PROBABILITIES) or labels.ndim != 1:
        return None
    places = np.arange(matrix.shape[1])
    known = (labels >= 0) & (labels < places.size) & np.all(np.isfinite(matrix), axis=1)
    safe = np.where(known, labels, 0)
    own = matrix[np.arange(len(matrix)), safe][:, None]
    with np.errstate(invalid="ignore"):
        before = (matrix > own) | ((matrix == own) & (places < safe[:, None]))
    return np.where(known, before.sum(axis=1), -1).astype(np.int64)


def confidences(logs: Floats | None, told: Ints) -> Floats | None:
    """The probability of what each sample is told to be, (samples,); NaN where there is none.

    None where the head tells no distribution over classes.
    """
    if logs is None or logs.ndim != 2 or told.ndim != 1:
        return None
    found = np.full(len(told), np.nan)
    known = (told >= 0) & (told < logs.shape[1])
    found[known] = np.exp(logs[known, told[known]])
    return found


def losses(logs: Floats | None, labels: Ints) -> Floats:
    """Cross-entropy of each sample in nats, summed over several labels; NaN where undefined."""
    loss: Floats = np.full(len(labels), np.nan)
    if logs is None:
        return loss
    if labels.ndim == 2:
        of_truth = np.take_along_axis(logs, labels[..., None], axis=-1)
        return np.asarray(-of_truth.reshape(len(labels), -1).sum(axis=1), dtype=np.float64)
    known = (labels >= 0) & (labels < logs.shape[1])
    loss[known] = -logs[known, labels[known]]
    return loss


def divergences(ref: Floats | None, cand: Floats | None, samples: int) -> Floats:
    """KL divergence of each sample in nats, summed over several labels; NaN without logs."""
    if ref is None or cand is None:
        return np.full(samples, np.nan)
    parts = (np.exp(ref) * (ref - cand)).reshape(len(ref), -1)
    # Rounding can leave a sum of -1e-17 where the distributions are equal.
    divergence: Floats = np.maximum(np.sum(parts, axis=1), 0.0)
    return divergence


def right(told: Ints, labels: Ints) -> Bools:
    """Whether the prediction of each sample is its label, or all of its labels."""
    same: Bools = (told == labels).reshape(len(labels), -1).all(axis=1)
    return same


def as_numbers(*told: Ints | None) -> tuple[Ints | None, ...]:
    """Sets of labels as one number each, the same for equal sets, so that they compare as classes.

    Arrays (samples, classes) become (samples,), those of one axis stay; -1 stays what it is.
    """
    sets = [one for one in told if one is not None and one.ndim == 2]
    if not sets:
        return told
    _, numbers = np.unique(np.concatenate(sets), axis=0, return_inverse=True)
    parts = iter(np.split(numbers.reshape(-1), np.cumsum([len(one) for one in sets])[:-1]))
    return tuple(
        one if one is None or one.ndim == 1 else _numbered(one, next(parts)) for one in told
    )


def _numbered(sets: Ints, numbers: Ints) -> Ints:
    return np.where((sets < 0).any(axis=1), -1, numbers).astype(np.int64)


def _are_probabilities(outputs: Floats) -> bool:
    finite = outputs[np.all(np.isfinite(outputs), axis=1)]
    sums = finite.sum(axis=1)
    return bool(finite.size and np.all(finite >= 0) and np.all(np.abs(sums - 1) < 1e-3))


def _of_classes(outputs: Floats, *, already: bool) -> Floats:
    finite = np.all(np.isfinite(outputs), axis=1)
    safe = np.where(finite[:, None], outputs, 0.0)
    if already:
        total = np.maximum(safe.sum(axis=1, keepdims=True), _TINY)
        logs = np.log(np.maximum(safe / total, _TINY))
    else:
        shifted = safe - safe.max(axis=1, keepdims=True)
        logs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    result: Floats = np.where(finite[:, None], logs, np.nan)
    return result
