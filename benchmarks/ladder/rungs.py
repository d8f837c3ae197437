"""Which formats are tried, in which order: most expected gain per device-second first. Pure.

    worth = chance of passing x gain / seconds

The chance is that of the cell: k of n models passed the default gate, with half a pass and half a
failure beforehand (Jeffreys). The gain is the logarithm of how many times smaller the objective
becomes. What was measured counts before figures from literature, and a recipe before its family.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..vocabulary.asked import split_runtime
from ..vocabulary.enums import CellState, FormatFamily
from ..vocabulary.recipes import family_of
from ..vocabulary.values.cells import Cell, Part

EVEN_CHANCE = 0.5
"""Of a format of which nothing is known, or only what literature says."""
HOPELESS = 0.05
"""Of a format that could not be built or run here before: tried last, and still tried."""
LEAST_GAIN = 0.02
"""So that a format without a known gain is tried, after every one that has one."""
SIZE = "size_ratio"
_FLOAT_BITS = 32


@dataclass(frozen=True, slots=True)
class Rung:
    """One format to try.

    Attributes:
        recipe: ``RECIPE[@RUNTIME]``.
        chance: that it passes, 0 to 1.
        gain: logarithm of how many times smaller the objective becomes; below 0 it grows.
        seconds: of the device, that trying it is expected to take.
        why: what its place rests on, in words.
        of: the rung that it was made from; empty: from the model alone.
    """

    recipe: str
    chance: float
    gain: float
    seconds: float
    why: str
    of: str = ""

    @property
    def worth(self) -> float:
        """Expected gain per device-second."""
        return self.chance * max(self.gain, LEAST_GAIN) / self.seconds


def ordered(
    recipes: Iterable[str], cells: Sequence[Cell], objective: str, seconds: float
) -> tuple[Rung, ...]:
    """The rungs of a ladder, the worthiest first; of equals the one that was named first.

    Args:
        recipes: ``RECIPE[@RUNTIME]``, each that can be built.
        cells: of the model's class on the device's hardware class.
        objective: key of the ratio that shall become small, such as `latency_ratio`.
        seconds: of the device, that one takes.
    """
    rungs = [_rung(recipe, cells, objective, seconds) for recipe in dict.fromkeys(recipes)]
    return tuple(sorted(rungs, key=lambda rung: -rung.worth))


def _rung(recipe: str, cells: Sequence[Cell], objective: str, seconds: float) -> Rung:
    name, runtime = split_runtime(recipe)
    family = family_of(name)
    found = [cell for cell in cells if cell.key.family is family]
    measured = [part for cell in found if cell.state.has_numbers for part in cell.recipes]
    own = [one for one in measured if name in one.recipes and _of(one, runtime)]
    if own:
        return _known(recipe, own, objective, seconds, f"measured as {name}")
    best = [cell.best for cell in found if cell.state.has_numbers and cell.best is not None]
    if best:
        return _known(recipe, best, objective, seconds, f"measured in its family {family.value}")
    failed = [one for one in found if one.state in (CellState.FAILED, CellState.UNSUPPORTED)]
    if failed:
        return Rung(recipe, HOPELESS, 0.0, seconds, f"{failed[0].state.value} here before")
    prior = [cell for cell in found if cell.best is not None]
    return _from_literature(recipe, family, prior, objective, seconds)


def _of(part: Part, runtime: str) -> bool:
    return not runtime or runtime in part.runtimes


def _known(recipe: str, parts: Sequence[Part], objective: str, seconds: float, said: str) -> Rung:
    passed = sum(part.pass_rate.passed for part in parts)
    judged = sum(part.pass_rate.judged for part in parts)
    chance = (passed + 0.5) / (judged + 1)
    gain = _gain(parts, objective)
    told = f"{said}: {passed} of {judged} models passed" if judged else said
    return Rung(recipe, chance, gain, seconds, f"{told}{_times(gain)}")


def _from_literature(
    recipe: str, family: FormatFamily, prior: Sequence[Cell], objective: str, seconds: float
) -> Rung:
    parts = [cell.best for cell in prior if cell.best is not None]
    gain = _gain(parts, objective)
    if not gain:
        told = f"nothing is known of {family.value} here"
        bits = "".join(filter(str.isdecimal, family.value))
        if objective == SIZE and bits:  # what its weights would take, whatever the file adds
            gain = math.log(_FLOAT_BITS / int(bits))
            told = f"{told} but the width of its weights"
        return Rung(recipe, EVEN_CHANCE, gain, seconds, told)
    return Rung(recipe, EVEN_CHANCE, gain, seconds, f"from literature alone{_times(gain)}")


def _gain(parts: Sequence[Part], objective: str) -> float:
    """Mean logarithm over parts; 0 where none tells it."""
    values = [part.metric(objective).value for part in parts]
    logs = [-math.log(value) for value in values if value is not None and value > 0]
    return sum(logs) / len(logs) if logs else 0.0


def _times(gain: float) -> str:
    if not gain:
        return ""
    return f", {math.exp(abs(gain)):.2g} times {'better' if gain > 0 else 'worse'}"
