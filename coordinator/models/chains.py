"""From the sources of a model to an artifact: which builders, one after the other.

Pure, on the kinds of artifact that each builder takes and makes. A builder of `fp32` that makes
another kind than it takes is a converter; with converters a source can be made that the builder of
a recipe takes.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Link:
    """One build of a chain: from an artifact kind to an artifact kind."""

    takes: str
    makes: str

    def __str__(self) -> str:
        return f"{self.takes} -> {self.makes}"


@dataclass(frozen=True, slots=True)
class Chain:
    """How an artifact is made.

    Attributes:
        source: kind of the source that it begins with.
        links: conversions, and last what builds the recipe; empty: the source is the artifact.
    """

    source: str
    links: tuple[Link, ...] = ()

    @property
    def makes(self) -> str:
        """The kind of what comes out of it."""
        return self.links[-1].makes if self.links else self.source


def chain(
    there: Sequence[str],
    converters: Collection[Link],
    lasts: Collection[Link],
    kinds: Sequence[str],
    *,
    plain: bool = False,
) -> Chain | None:
    """The shortest chain to an artifact; None when there is none.

    Of two as short the one that makes the better kind is taken, then the one that begins with a
    form that was given beside the baseline, since a model is rather converted from where it comes
    from; then that with the earlier source, then the first in the alphabet: equal questions have
    equal answers.

    Args:
        there: kinds of the sources, the baseline's first.
        converters: what makes an FP32 artifact of another kind.
        lasts: what builds the recipe.
        kinds: those that will do, the best first; any when none is named.
        plain: whether a source is itself the artifact, because the recipe is `fp32`.
    """
    found = [Chain(kind) for kind in there if plain and (not kinds or kind in kinds)]
    for sources in _reached(there, converters):
        found += [
            Chain(one.source, (*one.links, last))
            for one in sources
            for last in lasts
            if last.takes == one.makes and (not kinds or last.makes in kinds)
        ]
        if found:
            break
    return min(found, key=lambda one: _preference(one, there, kinds)) if found else None


def _preference(one: Chain, there: Sequence[str], kinds: Sequence[str]) -> tuple[object, ...]:
    better = kinds.index(one.makes) if kinds else 0
    place = there.index(one.source)
    return len(one.links), better, place == 0, place, one.links


def _reached(there: Sequence[str], converters: Collection[Link]) -> list[list[Chain]]:
    """Every source that there is or can be made, by the number of conversions it takes."""
    steps, known = [[Chain(kind) for kind in dict.fromkeys(there)]], set(there)
    while steps[-1]:
        new = [
            Chain(one.source, (*one.links, link))
            for one in steps[-1]
            for link in sorted(converters)
            if link.takes == one.makes and link.makes not in known
        ]
        known |= {one.makes for one in new}
        steps.append(new)
    return steps[:-1]


def would_do(converters: Collection[Link], lasts: Collection[Link]) -> tuple[str, ...]:
    """The kinds of source with which there would be a chain, in alphabetical order."""
    wanted = {last.takes for last in lasts}
    while more := {link.takes for link in converters if link.makes in wanted} - wanted:
        wanted |= more
    return tuple(sorted(wanted))
