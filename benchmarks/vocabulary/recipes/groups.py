"""Every recipe that has a name here, in groups that mean one thing.

`docs/formats.md` prints the groups; a test holds that each pattern spells exactly its recipes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

from ..enums import FormatFamily
from .recipe import Granularity, GraphForm, RangeMethod, Recipe, Scheme

ACTIVATION_TYPES = ("u8", "s8", "u16", "s16")
FP8_TYPES = ("e4m3", "e5m2")
BLOCK_SIZES = (16, 32, 64, 128, 256)
_CHANNEL, _TENSOR = Granularity.PER_CHANNEL, Granularity.PER_TENSOR
_INTEGER_WEIGHTS = (("s8", _CHANNEL), ("s8", _TENSOR), ("u8", _TENSOR))
"""Unsigned weights carry a zero point, which the integer kernels take per tensor only."""
_BORDERS = (
    ("s8", "s8", _CHANNEL),
    ("s8", "s8", _TENSOR),
    ("s16", "s8", _CHANNEL),
    ("u8", "u8", _TENSOR),
)


@dataclass(frozen=True, slots=True)
class RecipeGroup:
    """Recipes that differ in parameters alone.

    Attributes:
        pattern: their spellings; `(a|b)` is a choice, `[...]` may be left out.
        meaning: one sentence about all of them.
        recipes: themselves, in the order in which they are listed.
    """

    pattern: str
    meaning: str
    recipes: tuple[Recipe, ...]


def _floats() -> Iterator[Recipe]:
    for family in (FormatFamily.FP32, FormatFamily.FP16, FormatFamily.BF16):
        yield Recipe(family)


def _fp8(scheme: Scheme) -> Callable[[], Iterator[Recipe]]:
    def made() -> Iterator[Recipe]:
        static = scheme is Scheme.STATIC
        ranges = RangeMethod.MIN_MAX if static else None
        for fp8, granularity in product(FP8_TYPES, Granularity):
            activation = fp8 if static else None
            yield Recipe(FormatFamily.FP8, scheme, activation, fp8, granularity, ranges)

    return made


def _static(activations: tuple[str, ...], form: GraphForm | None) -> Callable[[], Iterator[Recipe]]:
    def made() -> Iterator[Recipe]:
        for reduced, (weight, granularity) in product((False, True), _INTEGER_WEIGHTS):
            for ranges, activation in product(RangeMethod, activations):
                yield Recipe(
                    *(FormatFamily.INT8, Scheme.STATIC, activation, weight, granularity),
                    *(ranges, reduced),
                    form=form,
                )

    return made


def _static_borders() -> Iterator[Recipe]:
    for types in _BORDERS:
        yield Recipe(
            *(FormatFamily.INT8, Scheme.STATIC, *types),
            ranges=RangeMethod.MIN_MAX,
            form=GraphForm.INTEGER_BORDER,
        )


def _dynamic() -> Iterator[Recipe]:
    for reduced, types in product((False, True), _INTEGER_WEIGHTS):
        yield Recipe(FormatFamily.INT8, Scheme.DYNAMIC, "u8", *types, reduced_range=reduced)


def _dynamic_signed() -> Iterator[Recipe]:
    for granularity in (_CHANNEL, _TENSOR):
        yield Recipe(FormatFamily.INT8, Scheme.DYNAMIC, "s8", "s8", granularity)


def _int4_static() -> Iterator[Recipe]:
    for form in (None, GraphForm.INTEGER_BORDER):
        yield Recipe(
            *(FormatFamily.INT4, Scheme.STATIC, "s8", "s4", _CHANNEL),
            ranges=RangeMethod.MIN_MAX,
            form=form,
        )


def _int4_dynamic() -> Iterator[Recipe]:
    yield Recipe(FormatFamily.INT4, Scheme.DYNAMIC, "s8", "s4", _CHANNEL)
    for block in BLOCK_SIZES[1:]:  # what multiplies codes by blocks takes 32 at once
        yield Recipe(FormatFamily.INT4, Scheme.DYNAMIC, "s8", "s4", block=block)


def _weights_in_blocks() -> Iterator[Recipe]:
    for family, block in product((FormatFamily.INT8, FormatFamily.INT4), BLOCK_SIZES):
        yield Recipe(family, Scheme.WEIGHT_ONLY, block=block)


def _weights_by_channel() -> Iterator[Recipe]:
    for family in (FormatFamily.INT8, FormatFamily.INT4):
        yield Recipe(family, Scheme.WEIGHT_ONLY, granularity=_CHANNEL)


GROUPS: tuple[RecipeGroup, ...] = tuple(
    RecipeGroup(pattern, meaning, tuple(made()))
    for pattern, meaning, made in (
        (
            "(fp32|fp16|bf16)",
            "the model itself; its float tensors in half precision; its weights in bfloat16",
            _floats,
        ),
        (
            "fp8-static-(e4m3|e5m2)-(pt|pc)",
            "weights and activations in 8-bit floats, scales fixed by calibration",
            _fp8(Scheme.STATIC),
        ),
        ("fp8-wo-(e4m3|e5m2)-(pt|pc)", "weights alone in 8-bit floats", _fp8(Scheme.WEIGHT_ONLY)),
        (
            "int8-static-(u8|s8|u16|s16)(s8-pc|s8-pt|u8-pt)[-percentile|-entropy][-rr]",
            "integer weights and activations, scales fixed by calibration: by minimum and maximum,"
            " or what is named; `rr` keeps weights to 7 bits, so that 16-bit accumulators cannot"
            " saturate",
            _static(ACTIVATION_TYPES, None),
        ),
        (
            "int8-static-(u8|s8)(s8-pc|s8-pt|u8-pt)[-percentile|-entropy][-rr]-qop",
            "the same, written as integer operators in place of Q/DQ pairs",
            _static(("u8", "s8"), GraphForm.OPERATORS),
        ),
        (
            "int8-static-(s8s8-pc|s8s8-pt|s16s8-pc|u8u8-pt)-io",
            "the same, with integers at the border of the model too",
            _static_borders,
        ),
        (
            "int8-dynamic[-u8s8-pc|-u8u8-pt][-rr]",
            "integer weights; the scale of each activation is computed while running",
            _dynamic,
        ),
        ("int8-dynamic-s8s8-(pc|pt)", "the same, with signed activations", _dynamic_signed),
        (
            "int4-static-s8s4-pc[-io]",
            "weights of 4 bits, activations of 8, scales fixed by calibration",
            _int4_static,
        ),
        (
            "int4-dynamic-s8s4-(pc|b32|b64|b128|b256)",
            "weights of 4 bits, a scale per channel or block; the scale of each activation is"
            " computed while running",
            _int4_dynamic,
        ),
        (
            "(int8|int4)-wo-(b16|b32|b64|b128|b256)",
            "weights alone, in blocks of so many elements that share a scale",
            _weights_in_blocks,
        ),
        ("(int8|int4)-wo-pc", "weights alone, a scale per channel", _weights_by_channel),
    )
)
"""In the order in which recipes are listed."""


def known_recipes() -> tuple[Recipe, ...]:
    """Every recipe that has a name here; those of the builders come on top."""
    return tuple(recipe for group in GROUPS for recipe in group.recipes)
