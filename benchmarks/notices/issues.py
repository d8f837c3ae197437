"""Which known issues touch a row: of its runtime's version, its recipe and its kind. Pure.

A version that cannot be read as one, or is not known, is in every range: a notice too many is read,
one too few ships what is wrong.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from ..vocabulary.enums import ModelClass
from ..vocabulary.reasons import KNOWN_ISSUE
from ..vocabulary.values.devices import StackItem


@dataclass(frozen=True, slots=True)
class KnownIssue:
    """One notice; a condition that is empty always holds.

    Attributes:
        id: short, for flags.
        title: what is wrong, in one line.
        advice: what to do.
        source: where it was seen or told.
        runtime: what executes it.
        versions: of that runtime, a range as pip writes it.
        recipes: patterns, of which one must fit.
        kinds: artifact kinds, of which one must be its.
        model_classes: of which one must be its.
        options: session options, each with the values that are touched; one that is not set is not.
    """

    id: str
    title: str
    advice: str
    source: str
    runtime: str = ""
    versions: str = ""
    recipes: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    model_classes: tuple[ModelClass, ...] = ()
    options: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @property
    def flag(self) -> str:
        """What a row has that it touches."""
        return f"{KNOWN_ISSUE}:{self.id}"


@dataclass(frozen=True, slots=True)
class Touched:
    """What of a run an issue may be bound to."""

    runtime: str
    version: str
    recipe: str
    kind: str
    model_class: ModelClass
    options: tuple[StackItem, ...] = ()


def touching(issues: Iterable[KnownIssue], one: Touched) -> tuple[KnownIssue, ...]:
    """The issues that touch it, in the order of the file."""
    return tuple(issue for issue in issues if _touches(issue, one))


def _touches(issue: KnownIssue, one: Touched) -> bool:
    given = {item.name: item.value for item in one.options}
    return (
        issue.runtime in ("", one.runtime)
        and (not issue.recipes or any(fnmatchcase(one.recipe, each) for each in issue.recipes))
        and (not issue.kinds or not one.kind or one.kind in issue.kinds)
        and (not issue.model_classes or one.model_class in issue.model_classes)
        and all(given.get(name) in values for name, values in issue.options)
        and _within(one.version, issue.versions)
    )


def _within(version: str, versions: str) -> bool:
    if not version or not versions:
        return True
    from packaging.specifiers import SpecifierSet  # only where the rest holds
    from packaging.version import InvalidVersion, Version

    try:
        found = Version(version)
    except InvalidVersion:
        return True
    return SpecifierSet(versions).contains(found, prereleases=True)
