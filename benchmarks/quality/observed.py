"""The outputs of one artifact, gathered call by call: shapes of all, rows of those that are judged.

Pure: calls are somebody else's. An agent gathers on the device, the coordinator its reference.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ..samples import Ints
from ..vocabulary.reasons import NO_CLASSES
from .heads import Head, Rows, head_of_values, matrix_of, predictions
from .outputs import (
    SEQUENCE,
    Judged,
    Output,
    OutputChoice,
    Shape,
    axis_problem,
    choose,
    facts_of_labels,
    settle,
)

_MOST_SHAPES = 64
"""Different shapes that are kept of one output; that there are several is what matters."""
_ROUNDING = 1e-3
"""Of the mean magnitude: what two sound calls with the same samples may differ by."""
_NEARER = 0.1
"""Of the differences between samples: what a row may differ by and still be its sample's."""
_NOISIER = 3.0
"""Times the difference between two equal calls: the same."""


class Observed:
    """What calls of one artifact returned.

    Args:
        names: of its outputs, in the order in which calls return them.
        samples: of the evaluation set.
    """

    def __init__(self, names: Sequence[str], samples: int) -> None:
        self.names = tuple(names)
        self._dtypes = dict.fromkeys(self.names, SEQUENCE)
        self._calls: dict[str, dict[tuple[int, Shape], None]] = {name: {} for name in self.names}
        self._unordered: set[str] = set()
        self._kept: dict[str, list[Rows]] = {}
        self._nonfinite = {name: np.zeros(samples, np.int64) for name in self.names}
        self._done = 0

    @property
    def outputs(self) -> tuple[Output, ...]:
        """All outputs, as far as they were seen."""
        return tuple(
            Output(
                name,
                self._dtypes[name],
                tuple(self._calls[name]),
                follows=name not in self._unordered,
            )
            for name in self.names
        )

    def look(self, returned: Sequence[Any], batch: int) -> None:
        """Note the shapes of a call whose rows do not count."""
        for name, output in self._named(returned):
            if isinstance(output, np.ndarray):
                self._dtypes[name] = str(output.dtype.name)
                calls = self._calls[name]
                if len(calls) < _MOST_SHAPES:
                    calls[batch, tuple(map(int, output.shape))] = None

    def look_reordered(
        self, returned: Sequence[Any], again: Sequence[Any], reversed_: Sequence[Any]
    ) -> None:
        """Hold a call against itself, and against it with its samples in the opposite order."""
        calls = zip(self._named(returned), again, reversed_, strict=True)
        for (name, plain), same, other in calls:
            if not _follows(plain, same, other):
                self._unordered.add(name)

    def keep(self, names: Iterable[str]) -> None:
        """Keep the rows of these outputs from now on."""
        self._kept = {name: [] for name in names}

    def keep_once(self, names: Iterable[str]) -> None:
        """`keep`, unless a call was taken in already."""
        if not self._done:
            self.keep(names)

    def add(self, returned: Sequence[Any], batch: int, count: int) -> None:
        """Take in a call of `batch` samples of which the first `count` are new."""
        self.look(returned, batch)
        for name, output in self._named(returned):
            if not isinstance(output, np.ndarray):
                continue
            has_rows = output.ndim > 0 and len(output) == batch
            self._count_nonfinite(name, output, count, has_rows=has_rows)
            if name in self._kept and has_rows:
                self._kept[name].append(np.array(output[:count]))
        self._done += count

    def rows(self, name: str) -> Rows:
        """All rows of an output that was kept and has rows of the samples, (samples, ...)."""
        return np.concatenate(self._kept[name])

    def nonfinite(self, name: str = "") -> Ints:
        """Values of each sample that are NaN or infinite, in one output or in all.

        What has no rows of the samples counts at the first sample of its call.
        """
        if name:
            return self._nonfinite[name]
        total: Ints = np.sum(list(self._nonfinite.values()), axis=0, dtype=np.int64)
        return total

    def is_whole(self, name: str) -> bool:
        """Whether every row of an output was kept."""
        return sum(map(len, self._kept.get(name, ()))) == self._done > 0

    def _named(self, returned: Sequence[Any]) -> list[tuple[str, Any]]:
        return list(zip(self.names, returned, strict=True))

    def _count_nonfinite(self, name: str, output: Rows, count: int, *, has_rows: bool) -> None:
        if output.dtype.kind in "biuUSO":
            return
        bad = ~np.isfinite(output.astype(np.float64, copy=False))
        if not bad.any():
            return
        if has_rows:
            each = bad[:count].reshape(count, -1).sum(axis=1, dtype=np.int64)
            self._nonfinite[name][self._done : self._done + count] = each
        else:
            self._nonfinite[name][self._done] += int(np.count_nonzero(bad))


def judged_output(
    seen: Observed, labels: Ints | None, wish: str = ""
) -> tuple[Judged, Head | None]:
    """Which output of a baseline is judged, once all its calls were taken in.

    Args:
        seen: the baseline's outputs, with the rows kept that `choose` named before.
        labels: of the evaluation set.
        wish: the name that a person chose.

    Returns:
        What is judged, and its head; None when no rows can be held against others.
    """
    outputs = seen.outputs
    choice = choose(outputs, facts_of_labels(labels), wish)
    heads, told = _read(choice, seen)
    kept = tuple(one for one in choice.candidates if one.name in told)
    choice = settle(OutputChoice(kept, choice.why, choice.reason, choice.contested), told, labels)
    if not choice.candidates:
        others = tuple(output.words for output in outputs)
        return Judged("", "", choice.why, others, choice.reason or _why_none(outputs)), None
    name = choice.candidates[0].name
    others = tuple(output.words for output in outputs if output.name != name)
    return Judged(name, heads[name].value, choice.why, others, choice.reason), heads[name]


def predicted(seen: Observed, labels: Ints | None) -> dict[str, Ints]:
    """What every output that may be judged predicts, by its name; see `heads.predictions`."""
    choice = choose(seen.outputs, facts_of_labels(labels))
    heads, told = _read(choice, seen)
    return {name: one for name, one in told.items() if heads[name] is not Head.VALUES}


def _read(choice: OutputChoice, seen: Observed) -> tuple[dict[str, Head], dict[str, Ints]]:
    """Head and predictions of every candidate of which all rows were kept."""
    heads, told = {}, {}
    for one in choice.candidates:
        if seen.is_whole(one.name):
            matrix = matrix_of(one.head, seen.rows(one.name))
            heads[one.name] = head_of_values(one.head, matrix, one.name)
            told[one.name] = predictions(heads[one.name], matrix)
    return heads, told


def _why_none(outputs: Sequence[Output]) -> str:
    return next(filter(None, map(axis_problem, outputs)), NO_CLASSES)


def _follows(plain: Any, again: Any, other: Any) -> bool:
    """Whether rows turn with their samples, as far as the model repeats itself at all."""
    calls = (plain, again, other)
    if not all(isinstance(one, np.ndarray) and one.dtype.kind in "fiub" for one in calls):
        return True
    if plain.ndim == 0 or not plain.shape == again.shape == other.shape:
        return True
    first, second, turned = (one.astype(np.float64) for one in calls)
    with np.errstate(invalid="ignore", over="ignore"):
        apart, noise, spread = (
            np.abs(one) for one in (turned - first[::-1], second - first, first - first[::-1])
        )
    known = np.isfinite(apart) & np.isfinite(noise) & np.isfinite(spread)
    if not known.any():
        return True
    rounding = _ROUNDING * float(np.abs(first[::-1][known]).mean())
    allowed = _NEARER * spread[known].mean() + _NOISIER * noise[known].mean() + rounding
    return bool(apart[known].mean() <= allowed)
