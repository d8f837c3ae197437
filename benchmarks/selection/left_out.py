"""Models that an answer does not speak of, because nothing can be compared with their baseline."""

from __future__ import annotations

from ..vocabulary import shown as text
from ..vocabulary.reasons import ADVICE
from ..vocabulary.shown import listed
from ..vocabulary.values.rows import TableRow
from .gather import Gathered


def without(gathered: Gathered) -> str:
    """Which models an answer does not speak of."""
    names = sorted({_named(row, gathered) for row in gathered.unsound})
    return f"; without {listed(names)}, of which the baseline is not sound" if names else ""


def _named(row: TableRow, gathered: Gathered) -> str:
    """A model that was left out, and where, when it was not left out everywhere."""
    kept = row.model_name in {model for model, _, _ in gathered.units}
    return f"{row.model_name} on {row.device_name} with {row.runtime}" if kept else row.model_name


def warnings(gathered: Gathered) -> tuple[str, ...]:
    """Why models were left out."""
    return tuple(f"left out, {fault}" for fault in faults(gathered))


def advice(gathered: Gathered) -> tuple[str, ...]:
    """What to do about baselines that are not sound."""
    codes = dict.fromkeys(row.unsound.reason or "" for row in gathered.unsound if row.unsound)
    return tuple(ADVICE[code] for code in codes)


def faults(gathered: Gathered) -> tuple[str, ...]:
    """Of each model that was left out why, once."""
    said = (
        f"{_named(row, gathered)}: {text.reason(row.unsound)}"
        for row in gathered.unsound
        if row.unsound is not None
    )
    return tuple(dict.fromkeys(said))
