"""Recipes that leave named layers in float: ``RECIPE+NODE+NODE``.

The names are part of the spelling, sorted, so that two such builds are two recipes wherever a
recipe tells rows, builds and answers apart. Characters that mean something else in a spelling, or
between recipes, are written as in a URL.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from urllib.parse import quote, unquote

from ..errors import BadInput, Code
from .recipe import AND_FLOAT, Recipe

LONGEST_KEPT = 200
"""Characters of a recipe with the layers that it leaves in float."""
_PLAIN = "/:._-"


def with_kept(recipe: Recipe, names: Iterable[str]) -> Recipe:
    """`recipe` with the nodes called `names` left in float.

    Raises:
        BadInput: BAD_RECIPE, it quantizes nothing, or names more than fits.
    """
    kept = tuple(sorted({quote(name, safe=_PLAIN) for name in names if name}))
    if not kept:
        return recipe
    if recipe.scheme is None:
        raise BadInput(
            Code.BAD_RECIPE,
            f"{recipe} quantizes no layer, so that none can be left in float; name a recipe such as"
            " int8-static-u8s8-pc.",
        )
    found = replace(recipe, kept=kept)
    if len(str(found)) > LONGEST_KEPT:
        raise BadInput(
            Code.BAD_RECIPE,
            f"{recipe} with {len(kept)} layers left in float is longer than {LONGEST_KEPT}"
            " characters; leave fewer in float.",
        )
    return found


def kept_names(recipe: Recipe) -> tuple[str, ...]:
    """The nodes that it leaves in float, by the names that they have in the model."""
    return tuple(map(unquote, recipe.kept))


def divided(text: str) -> tuple[str, tuple[str, ...]]:
    """The recipe that a spelling begins with, and the names after it as they are in the model."""
    base, *names = text.split(AND_FLOAT)
    return base, tuple(map(unquote, names))


def base_of(text: str) -> str:
    """The spelling without what is left in float: what tells which builder makes it."""
    return text.partition(AND_FLOAT)[0]
