"""What an answer does not speak of: models of which nothing can be compared, files of one model."""

from __future__ import annotations

from ..vocabulary import shown as text
from ..vocabulary.reasons import ADVICE
from ..vocabulary.shown import listed
from ..vocabulary.values.rows import TableRow
from .broken import Broke, Broken
from .gather import Gathered

_ALONE = "of no recipe that another model has; --model NAME asks about one model and its files"


def without(gathered: Gathered) -> str:
    """Which models an answer does not speak of."""
    unsound = sorted({_named(row, gathered) for row in gathered.unsound})
    broken = [one.model for one in gathered.broken]
    said = []
    if unsound:
        said.append(f"; without {listed(unsound)}, of which the baseline is not sound")
    if broken:
        said.append(f"; without {listed(broken)}, of which nothing can be compared")
    if gathered.unconfirmed:
        said.append(f"; without {listed(gathered.unconfirmed)}, which nobody has confirmed")
    if gathered.unjudged:
        said.append(f"; accuracy without {listed(gathered.unjudged)}, which could not be judged")
    return "".join(said)


def _named(row: TableRow, gathered: Gathered) -> str:
    """A model that was left out, and where, when it was not left out everywhere."""
    kept = row.model_name in {model for model, _, _ in gathered.units}
    return f"{row.model_name} on {row.device_name} with {row.runtime}" if kept else row.model_name


def warnings(gathered: Gathered) -> tuple[str, ...]:
    """Why models were left out."""
    own = dict.fromkeys(f"{row.full_name} of {row.model_name}" for row in gathered.own)
    return (
        *(f"left out, {fault}" for fault in faults(gathered)),
        *(f"left out, {one.model}: {_why(one)}" for one in gathered.broken),
        *([f"left out, {listed(tuple(own))}: {_ALONE}"] if own else []),
        *unconfirmed(gathered),
    )


def unconfirmed(gathered: Gathered) -> tuple[str, ...]:
    """What to do about devices that nobody has confirmed."""
    return tuple(
        f"left out, {name}: nobody has confirmed what it is; an admin does with"
        f" `bitgauge confirm {name}`"
        for name in gathered.unconfirmed
    )


def _why(broken: Broken) -> str:
    row = broken.row
    reason = row.reason.rstrip(".") if row.reason else row.state.value
    if broken.why is Broke.BASELINE:
        return f"its baseline could not be measured: {reason}"
    return f"nothing but its baseline could be measured; {row.full_name}: {reason}"


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
