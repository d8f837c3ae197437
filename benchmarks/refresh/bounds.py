"""How much one refresh may ask for: judged before any of it is looked at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from ..vocabulary.asked import canonical
from ..vocabulary.errors import BadInput, Code
from ..vocabulary.values.campaigns import RefreshOrder, Suite

MAX_MODELS = 1000
MAX_RECIPES = 100
MAX_WORKLOADS = 200
MAX_SELECTORS = 200
MAX_VOLUMES = 5000
MAX_ONLY = 1000
MAX_CELLS = 10_000


def bounded(order: RefreshOrder) -> RefreshOrder:
    """The order with nothing in it twice.

    Raises:
        BadInput: `BAD_SUITE` when it is too long, names nothing or a model twice; `BAD_RECIPE`.
    """
    if len(order.only) > MAX_ONLY:
        raise BadInput(
            Code.BAD_ARGUMENT, f"--only names {len(order.only)} things; it may name {MAX_ONLY}."
        )
    return order if order.suite is None else replace(order, suite=_suite(order.suite))


def _suite(suite: Suite) -> Suite:
    lists: tuple[tuple[str, Sequence[object], int], ...] = (
        ("models", suite.models, MAX_MODELS),
        ("recipes", (recipes := tuple(dict.fromkeys(suite.recipes))), MAX_RECIPES),
        ("workloads", (workloads := tuple(dict.fromkeys(suite.workloads))), MAX_WORKLOADS),
        ("selectors", (selectors := tuple(dict.fromkeys(suite.selectors))), MAX_SELECTORS),
        ("volumes", suite.volumes, MAX_VOLUMES),
    )
    empty = [name for name, found, _ in lists if not found and name not in ("recipes", "volumes")]
    if empty:
        raise _bad(suite, f"has no {' and no '.join(empty)}")
    for name, found, most in lists:
        if len(found) > most:
            raise _bad(suite, f"has {len(found)} {name}; it may have {most}")
    [(name, count)] = Counter(model.name for model in suite.models).most_common(1)
    if count > 1:
        raise _bad(suite, f"has model {name!r} twice")
    for recipe in recipes:
        canonical(recipe)
    return replace(suite, recipes=recipes, workloads=workloads, selectors=selectors)


def require_cells(suite: Suite, devices: int) -> None:
    """Refuse a suite whose parts are few and whose cells are many.

    Args:
        suite: with nothing in it twice.
        devices: how many of them, each by one runtime, it is measured on.

    Raises:
        BadInput: `BAD_SUITE`.
    """
    recipes = len(suite.recipes) + 1  # each job has its baseline
    cells = len(suite.models) * recipes * len(suite.workloads) * devices
    if cells > MAX_CELLS:
        raise _bad(
            suite,
            f"asks for {cells} cells ({len(suite.models)} models, {recipes} recipes,"
            f" {len(suite.workloads)} workloads, {devices} devices); a plan holds {MAX_CELLS}",
        )


def _bad(suite: Suite, what: str) -> BadInput:
    return BadInput(Code.BAD_SUITE, f"Suite {suite.name!r} {what}.")
