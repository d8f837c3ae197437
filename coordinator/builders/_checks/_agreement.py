"""Whether a built graph computes what the float graph does, within what its steps explain.

How far the outputs are off tells nothing by itself: rounding adds up along a deep graph, and that
is what a format costs. So when outputs differ, every point is computed from the float model's own
values and is off by what one layer does. That is compared with how far the layer moves when its
weights and inputs are moved by a step: a sound layer lies well within, whatever its format.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

GIVEN = "/given"
"""What the name of a tensor that is handed in, in place of the one computed, ends with."""
NEAR = 0.05
"""Outputs that are off by less than this share of their size are never a broken build."""
FLOOR = 0.2
"""Nor is a layer that is off by less than this share."""
EXPLAINED = 3.0
"""How many times what a step on every weight and input moves; a sound layer stays near 0.4."""
_ROUNDING = 0.75
"""Root mean square of an error of half a step, with room: it is 0.29 of a step."""
_MOVED = 0.25
"""Share of codes that a disturbed copy moves up by one, and as many down."""
_HALF = 6e4
"""What float16 holds, with room."""

Array = npt.NDArray[Any]
Tensors = Mapping[str, Array]


@dataclass(frozen=True, slots=True)
class Quantizer:
    """What one QuantizeLinear with a fixed scale does to its tensor.

    Attributes:
        tensor: what it reads.
        scale_name: of the initializer that holds its scale.
        step: difference of two neighbouring codes; the largest one per channel.
        low: smallest value that a code stands for.
        high: largest value that a code stands for.
    """

    tensor: str
    scale_name: str
    step: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Counterpart:
    """A tensor of the built graph and the tensor of the float graph that it stands for.

    Attributes:
        name: in the built graph.
        of: in the float graph.
        quantizer: what lies between both, if anything does.
        dynamic: whether a reader computes its scale from the values.
    """

    name: str
    of: str
    quantizer: Quantizer | None = None
    dynamic: bool = False


class Weights(enum.Enum):
    """What happens to stored weights before a graph computes, by about one step each."""

    AS_BUILT = "as built"
    SHIFTED = "each up, down or not at all"
    UP = "all up"

    @property
    def generator(self) -> np.random.Generator | None:
        """For `shifts`."""
        return np.random.default_rng(0) if self is Weights.SHIFTED else None


Computes = Callable[[Mapping[str, npt.NDArray[Any]], Weights], Mapping[str, npt.NDArray[Any]]]
"""Points by their names in the built graph, each computed of values of them that are handed in."""


@dataclass(frozen=True, slots=True)
class Deviation:
    """How far one tensor is off.

    Attributes:
        tensor: name in the float model.
        relative: norm of the error over the norm of the values.
        explained: the same of what steps explain.
    """

    tensor: str
    relative: float
    explained: float


def relative_error(found: Array, expected: Array) -> float | None:
    """Norm of the difference over the norm of `expected`; None where that cannot be said.

    NaN and infinity in `expected` are left out; in `found` alone they are an infinite error.
    """
    if found.shape != expected.shape or expected.dtype.kind != "f" or found.dtype.kind != "f":
        return None
    kept = np.isfinite(expected)
    expected, found = expected[kept].astype(np.float64), found[kept].astype(np.float64)
    size = float(np.linalg.norm(expected))
    if size == 0 or not found.size:
        return None
    if not np.isfinite(found).all():
        return float("inf")
    return float(np.linalg.norm(found - expected)) / size


def distance(before: Array, after: Array) -> float:
    """Norm of the difference; infinite where what changed is or becomes infinite or NaN."""
    changed = (before != after) & ~(np.isnan(before) & np.isnan(after))
    before, after = before[changed], after[changed]
    if not (np.isfinite(before).all() and np.isfinite(after).all()):
        return float("inf")
    return float(np.linalg.norm(after - before))


def gap(found: Tensors, expected: Tensors) -> float:
    """The largest relative difference of an output."""
    return max((relative_error(found[name], expected[name]) or 0.0 for name in found), default=0.0)


def differs(found: Tensors, expected: Tensors) -> bool:
    """Whether an output is off by more than `NEAR`, or one that is no float at all."""
    for name, wanted in expected.items():
        if name not in found:
            continue
        if wanted.dtype.kind == "f":
            if (relative_error(found[name], wanted) or 0.0) > NEAR:
                return True
        elif not np.array_equal(found[name], wanted):
            return True
    return False


@dataclass(frozen=True, slots=True, eq=False)
class Forced:
    """A built model whose points are computed from the float model's values.

    Attributes:
        compute: runs the built graph with its points handed in.
        points: where it is compared.
        kinds: numpy element type of each point in the built model, by its name there.
        expected: values of the float model by its own names.
        clamps: whether the recipe's ranges leave values out on purpose.
    """

    compute: Computes
    points: Sequence[Counterpart]
    kinds: Mapping[str, np.dtype[Any]]
    expected: Tensors
    clamps: bool

    def worst(self) -> Deviation | None:
        """The first point that is off by more than steps explain; None when all are sound."""
        if self.beyond_half:
            return None
        calm = self._values()
        off = self._off(calm)
        moved = self._moved(off, calm) if off else {}
        for point, error in off.items():
            explained = moved[point] + self._rounding(point)
            if error > EXPLAINED * explained:
                return Deviation(point.of, error, explained)
        return None

    def _moved(self, concerned: Iterable[Counterpart], calm: Tensors) -> dict[Counterpart, float]:
        """How far each point moves when weights and inputs do, by size of what is expected."""
        moved = dict.fromkeys(concerned, 0.0)
        for weights in (Weights.SHIFTED, Weights.UP):
            noisy = self._values(weights, np.random.default_rng(1))
            for point in moved:
                before, after = (one[point.name].astype(np.float64) for one in (calm, noisy))
                if before.shape == after.shape:
                    moved[point] = max(moved[point], distance(before, after) / self._size(point))
        return moved

    def _size(self, point: Counterpart) -> float:
        """The norm of what is expected of a point."""
        wanted = self._wanted(point).astype(np.float64)
        return float(np.linalg.norm(wanted[np.isfinite(wanted)])) or 1.0

    def _rounding(self, point: Counterpart) -> float:
        """What the step between a point and its tensor explains, as `Deviation.explained`."""
        if point.quantizer is None:
            return 0.0
        values = self._wanted(point).size
        return float(_ROUNDING / EXPLAINED * point.quantizer.step * values**0.5 / self._size(point))

    def _off(self, found: Tensors) -> dict[Counterpart, float]:
        """Points that are off by more than `FLOOR`, in the order of the graph."""
        off = {}
        for point in self.points:
            if point.name not in found:
                continue
            error = relative_error(found[point.name], self._wanted(point))
            if error is not None and error > FLOOR:
                off[point] = error
        return off

    def _wanted(self, point: Counterpart) -> Array:
        value = self.expected[point.of]
        if self.clamps and point.quantizer is not None:
            return np.clip(value, point.quantizer.low, point.quantizer.high)
        return value

    @property
    def beyond_half(self) -> bool:
        """Whether float16 cannot hold a value: what follows is a fact of the format.

        One infinity may make any later value anything, so that no layer can be judged.
        """
        halves = [point for point in self.points if self.kinds[point.name] == np.float16]
        values = (self.expected[point.of] for point in halves)
        return any(bool(np.abs(value).max(initial=0.0) > _HALF) for value in values)

    def _values(
        self, weights: Weights = Weights.AS_BUILT, inputs: np.random.Generator | None = None
    ) -> Tensors:
        """The points as the built model computes them.

        Args:
            weights: what is done to them before.
            inputs: moves what is handed in by a step; None leaves it.
        """
        given = {point.name: self._given(point, inputs) for point in self.points}
        return self.compute(given, weights)

    def _given(self, point: Counterpart, generator: np.random.Generator | None) -> Array:
        value, kind = self.expected[point.of], self.kinds[point.name]
        if generator is not None and value.dtype.kind == "f" and value.size:
            value = value + self._step(point, value) * shifts(value.shape, generator)
        with np.errstate(over="ignore"):  # float16 holds less
            return np.asarray(value).astype(kind)

    def _step(self, point: Counterpart, value: Array) -> Any:
        """Size of a step of the tensor, as its readers see it."""
        if point.quantizer is not None:
            return point.quantizer.step
        if point.dynamic:
            finite = value[np.isfinite(value)]
            return float(finite.max(initial=0.0) - finite.min(initial=0.0)) / 255
        if self.kinds[point.name] == np.float16:
            return np.abs(value) * 2.0**-10
        return 0.0


def shifts(shape: tuple[int, ...], generator: np.random.Generator | None) -> Array:
    """By how many steps each value of a disturbed array is moved."""
    if generator is None:
        return np.ones(shape, np.int16)
    drawn = generator.random(shape)
    return (drawn < _MOVED).astype(np.int16) - (drawn > 1 - _MOVED).astype(np.int16)
