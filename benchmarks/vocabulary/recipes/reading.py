"""From a spelling to the recipe."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import SequenceMatcher

from ..enums import FormatFamily
from ..errors import BadInput, Code
from .groups import known_recipes
from .kept import base_of, divided, with_kept
from .recipe import CALIBRATED, Recipe

CUSTOM = "custom"
"""What a file was made with that is in no known recipe; only a file can be of it."""
LONGEST_OWN_NAME = 40
"""Characters of a runtime's own name for a format."""

_KNOWN = {str(recipe): recipe for recipe in known_recipes()}
_FLATTENED = frozenset(text.replace("-", "_") for text in _KNOWN)
_OWN = re.compile(
    rf"(?P<family>{'|'.join(one.value for one in FormatFamily if one is not FormatFamily.FP32)})"
    rf"-(?P<name>[a-z][a-z0-9]*(?:_[a-z0-9]+)+)(?P<calibrated>-{CALIBRATED})?"
)
"""An underscore is what tells a runtime's own name: none of the words of the grammar has one."""
_PREFERRED = ("fp32", "fp16", "int8-dynamic", "int8-static-u8s8-pc", "int4-wo-b32")
"""What is suggested first."""


def parse(text: str, own: Iterable[str] = ()) -> Recipe:
    """The recipe spelled `text`.

    Args:
        text: a spelling of the grammar, or a runtime's own name in its shape.
        own: own names that there are builders of; they are suggested too.

    Raises:
        BadInput: BAD_RECIPE; the sentence names the nearest known spelling.
    """
    if text == CUSTOM:
        raise BadInput(
            Code.BAD_RECIPE,
            "Nothing can be built as custom: it is what a file of your own is called that is in no"
            " known recipe; give the file.",
        )
    base, kept = divided(text)
    recipe = _KNOWN.get(base) or _own(base)
    if recipe is None:
        raise _unknown(text, nearest(base, own))
    found = with_kept(recipe, kept)
    if str(found) != text:
        raise _unknown(text, str(found))
    return found


def _unknown(text: str, meant: str) -> BadInput:
    shown = text if len(text) <= 60 else f"{text[:57]}..."
    return BadInput(
        Code.BAD_RECIPE,
        f"There is no recipe {shown!r}; the nearest known spelling is {meant!r}.",
    )


def family_of(text: str, recognised: FormatFamily | None = None) -> FormatFamily:
    """The format family of a recipe.

    Args:
        text: its spelling.
        recognised: of a custom artifact, what its file is; a known recipe names its own.

    Raises:
        BadInput: BAD_RECIPE, there is no such recipe.
    """
    if text == CUSTOM:
        return recognised or FormatFamily.MIXED
    return parse(text).family


def is_calibrated(text: str) -> bool:
    """Whether `text` spells a recipe whose scales come from a calibration set."""
    base = base_of(text)
    recipe = _KNOWN.get(base) or _own(base)
    return recipe is not None and recipe.needs_calibration


def nearest(text: str, own: Iterable[str] = ()) -> str:
    """The most similar spelling; a usual one that it begins, then the shortest."""
    wanted = text.strip().lower()[:60]
    flat = wanted.replace("_", "-")
    begun = [known for known in _PREFERRED if flat and known.startswith(flat)]
    if begun:
        return begun[0]
    spellings = [*_PREFERRED, *sorted(_KNOWN, key=len), *own]
    return max(
        spellings,
        key=lambda known: SequenceMatcher(None, known, wanted if "_" in known else flat).ratio(),
    )


def _own(text: str) -> Recipe | None:
    """A runtime's own name, unless a spelling of the grammar was meant."""
    found = _OWN.fullmatch(text)
    if found is None or len(found["name"]) > LONGEST_OWN_NAME:
        return None
    if text.replace("-", "_") in _FLATTENED:
        return None
    family = FormatFamily(found["family"])
    return Recipe(family, own=found["name"], own_calibrated=found["calibrated"] is not None)
