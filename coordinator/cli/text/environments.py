"""Environments of builders, as people read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bitgauge.benchmarks.vocabulary.shown import DASH, counted, size

from ...environments.definition import Cost
from ...environments.overview import ABSENT, OLD, READY, EnvironmentView
from .layout import columns, notes

_HEADS = ("environment", "state", "size", "made", "last used", "gives")
_UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"))


def environments_text(seen: Sequence[EnvironmentView], folder: str, now_ns: int) -> str:
    """One line for each, then where they are and what to do."""
    lines = [
        (
            one.name,
            one.state,
            _size(one),
            _ago(now_ns - one.made_unix_ns) if one.made_unix_ns else DASH,
            _ago(now_ns - one.used_unix_ns) if one.used_unix_ns else DASH,
            _families(one.gives) if one.state != OLD else "made from another lock or Python",
        )
        for one in seen
    ]
    if not lines:
        return "No builder here needs an environment of its own."
    held = sum(one.size_bytes for one in seen if one.state != ABSENT)
    told = [f"They are in {folder}: {size(held)}."]
    told += [
        f"{one.name}, when made: {one.path}" if one.state == ABSENT else f"{one.name}: {one.path}"
        for one in seen
    ]
    if any(one.state == ABSENT for one in seen):
        told.append(
            "What is absent is made when something is built in it first; or now, with"
            " `bitgauge environments make NAME`."
        )
    if any(one.state == OLD for one in seen):
        told.append("Nothing is built in an old one: `bitgauge environments remove NAME` frees it.")
    return "\n".join([*columns(lines, _HEADS, ruled=True), *notes(told)])


def doctor_text(seen: Sequence[EnvironmentView]) -> str:
    """A sentence for each: ready, or what it takes, or what is in its way."""
    return "\n".join(line for one in seen if one.state != OLD for line in notes([_sentence(one)]))


def expected_text(name: str, packages: int, cost: Cost | None) -> str:
    """What is going to happen, before it does."""
    takes = f"; it takes about {_cost(cost.size_bytes, cost.seconds)}" if cost else ""
    return f"{name}: {counted(packages, 'package')}{takes}."


def removed_text(gone: Mapping[str, tuple[bool, int]]) -> str:
    """What is gone, and what is not because somebody works in it."""
    if not gone:
        return "There was none."
    return "\n".join(
        f"Removed {name}: {size(freed)}." if done else f"{name} is in use, and stays."
        for name, (done, freed) in gone.items()
    )


def _sentence(one: EnvironmentView) -> str:
    if one.state == READY:
        return (
            f"{one.name}: ready, {size(one.size_bytes)}, Python {one.python};"
            f" gives {_families(one.gives)}."
        )
    if not one.python:
        return (
            f"{one.name}: cannot be made here: its packages want Python {one.wants}, and no such"
            f" python3.N is on the PATH; would give {_families(one.gives)}."
        )
    cost = f", which takes about {_cost(one.size_bytes, one.seconds)}" if one.size_bytes else ""
    return (
        f"{one.name}: absent; would give {_families(one.gives)}. Make it with"
        f" `bitgauge environments make {one.name}`{cost}."
    )


def _families(gives: Mapping[str, Sequence[str]]) -> str:
    """Artifact kinds, each with the families of its recipes."""
    if not gives:
        return "nothing yet: no builder works in it"
    return "; ".join(
        f"{kind}: {' '.join(dict.fromkeys(recipe.partition('-')[0] for recipe in recipes))}"
        for kind, recipes in gives.items()
    )


def _size(one: EnvironmentView) -> str:
    if not one.size_bytes:
        return DASH
    return f"about {size(one.size_bytes)}" if one.state == ABSENT else size(one.size_bytes)


def _cost(size_bytes: int, seconds: float) -> str:
    return f"{size(size_bytes)} and {counted(max(1, round(seconds / 60)), 'minute')}"


def _ago(age_ns: int) -> str:
    for seconds, unit in _UNITS:
        if age_ns >= seconds * 1_000_000_000:
            return f"{counted(age_ns // (seconds * 1_000_000_000), unit)} ago"
    return "now"
