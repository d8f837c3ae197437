"""Format recipes: one canonical string for how a model was quantized.

Grammar: ``family[-scheme[-types-granularity][-options]]``, and ``family-own_name``.

Types are written activation first (`u8s8`: unsigned activations, signed weights); granularity is
that of the weights, `pt` per tensor or `pc` per channel, or `b32` for blocks of 32 elements. What
is usual is not written: calibration by minimum and maximum, `u8s8-pt` of `int8-dynamic`, floats at
the border of the model, and Q/DQ pairs in the graph. `groups.GROUPS` lists every spelling.

The known recipes are finite and enumerated, so that spelling and meaning cannot part: `parse` is
the inverse of `str` by construction. Being known here says that a recipe has a name, not that a
builder or a runtime takes it.

Beside them stand the names that a runtime has for formats of its own (`int4-q4_k_m`). Which there
are is for the builders to say (`RECIPES`); the spelling alone tells family, name and whether a
calibration set is needed, so that whoever has no such builder still reads a row of one.

``+NODE`` behind a recipe that quantizes leaves the layer of that name in float (`kept`).

`CUSTOM` stands beside all of it: the recipe of a file of its owner's that was made by none of
these. Its label and its digest say which one it is, and its family is recognised from the file.
"""

from __future__ import annotations

from .groups import GROUPS, RecipeGroup, known_recipes
from .kept import base_of, kept_names, with_kept
from .reading import CUSTOM, family_of, is_calibrated, nearest, parse
from .recipe import Granularity, GraphForm, RangeMethod, Recipe, Scheme
from .usual import DEFAULT_RECIPES, default_recipes

__all__ = (
    "CUSTOM",
    "DEFAULT_RECIPES",
    "GROUPS",
    "Granularity",
    "GraphForm",
    "RangeMethod",
    "Recipe",
    "RecipeGroup",
    "Scheme",
    "base_of",
    "default_recipes",
    "family_of",
    "is_calibrated",
    "kept_names",
    "known_recipes",
    "nearest",
    "parse",
    "with_kept",
)
