"""Questions that nothing could answer are refused before anything is looked at."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..table.rows import is_named
from ..vocabulary.errors import BadInput, Code
from ..vocabulary.values.choices import SelectQuery
from ..vocabulary.values.rows import TableRow
from .limits import LIMITS
from .rejections import limit_name

_MOST_FILES = 8


def require_possible(query: SelectQuery) -> None:
    """Refuse a question whose limits nothing could ever keep.

    Raises:
        BadInput: `BAD_ARGUMENT`, naming the limit and what it may be.
    """
    rules: list[tuple[float | None, str, Callable[[float], bool], str]] = [
        *(
            (limit.value(query), f"limit on {limit_name(limit)}", lambda v: v > 0, "above 0")
            for limit in LIMITS
        ),
        (query.max_accuracy_loss_pp, "accuracy loss", lambda v: v >= 0, "at least 0"),
        (query.max_age_s, "age", lambda v: v > 0, "above 0"),
        (query.min_devices, "number of devices", lambda v: v >= 1, "at least 1"),
        (query.confidence, "confidence", lambda v: 0.5 < v < 1, "above 0.5 and below 1"),
        (query.inferences_per_day, "volume", lambda v: v > 0, "above 0"),
        (query.price_per_hour, "price per hour", lambda v: v >= 0, "at least 0"),
        (query.energy_price_per_kwh, "price of energy", lambda v: v >= 0, "at least 0"),
        (query.switch_cost, "cost of switching", lambda v: v >= 0, "at least 0"),
        (query.payback_days, "number of payback days", lambda v: v > 0, "above 0"),
    ]
    for value, name, good, words in rules:
        if value is not None and not good(value):
            raise BadInput(Code.BAD_ARGUMENT, f"The {name} is {value:g}; it must be {words}.")
    if query.price_per_hour is not None or query.energy_price_per_kwh is not None:
        return
    for value, what in (
        (query.switch_cost, "cost of switching"),
        (query.inferences_per_day, "volume"),
    ):
        if value is not None:
            raise BadInput(
                Code.BAD_ARGUMENT,
                f"A {what} can only be weighed against a price of time or of energy.",
            )


def of_file(word: str, rows: Sequence[TableRow]) -> tuple[TableRow, ...]:
    """The rows of the file that is called so, or whose digest begins so, and of its baseline.

    Raises:
        BadInput: `BAD_ARGUMENT`, there is none among these rows; some that are there are named.
    """
    models = {row.model_name for row in rows if is_named(row, word)}
    if not models:
        known = list(dict.fromkeys(row.own_name for row in rows if row.artifact is not None))
        more = [f"{len(known) - _MOST_FILES} more"] if len(known) > _MOST_FILES else []
        there = f"; there are {', '.join([*known[:_MOST_FILES], *more])}" if known else ""
        raise BadInput(Code.BAD_ARGUMENT, f"No file that was measured is called {word!r}{there}.")
    return tuple(
        row for row in rows if is_named(row, word) or (row.is_baseline and row.model_name in models)
    )
