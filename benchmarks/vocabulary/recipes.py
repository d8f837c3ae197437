"""Format recipes: one canonical string for how a model was quantized.

Grammar: ``family[-scheme[-types-granularity][-options]]``.

    fp32  fp16  bf16
    fp8-static-TYPE-GRANULARITY
    int8-static-ACTIVATIONWEIGHT-GRANULARITY[-percentile|-entropy][-rr]
    int8-dynamic[-ACTIVATIONWEIGHT-GRANULARITY][-rr]
    int8-wo-bBLOCK  int4-wo-bBLOCK

Types are written activation first (`u8s8`: unsigned activations, signed weights); granularity is
that of the weights, `pt` per tensor or `pc` per channel; `rr` keeps weights to 7 bits, so that
16-bit accumulators cannot saturate; `wo` quantizes weights only, in blocks of BLOCK elements.
What is usual is not written: calibration by minimum and maximum, and `u8s8-pt` of `int8-dynamic`.

`CUSTOM` stands beside the grammar: the recipe of a file of its owner's that was made by none of
these. Its label and its digest say which one it is, and its family is recognised from the file.

The known recipes are finite and enumerated, so that spelling and meaning cannot part: `parse` is
the inverse of `str` by construction. Being known here says that a recipe has a name, not that a
builder or a runtime takes it.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import product

from .enums import FormatFamily
from .errors import BadInput, Code

CUSTOM = "custom"
"""What a file was made with that is in no known recipe; only a file can be of it."""


class Scheme(str, enum.Enum):
    """When the scale of an activation is fixed."""

    STATIC = "static"
    DYNAMIC = "dynamic"
    WEIGHT_ONLY = "wo"


class Granularity(str, enum.Enum):
    """How much of a weight shares one scale."""

    PER_TENSOR = "pt"
    PER_CHANNEL = "pc"


class RangeMethod(str, enum.Enum):
    """How calibration turns observed values into a range."""

    MIN_MAX = "minmax"
    PERCENTILE = "percentile"
    ENTROPY = "entropy"


@dataclass(frozen=True, slots=True)
class Recipe:
    """One format recipe; `str(recipe)` is its canonical spelling.

    Attributes:
        family: the format family, first word of the spelling.
        scheme: None when every tensor simply changes its type.
        activation: `u8 s8 u16 s16`, or an 8-bit float; None unless activations are quantized.
        weight: `u8 s8`, or an 8-bit float; None unless activations are quantized too.
        granularity: of the weights; None when `block` says it, or nothing is scaled.
        ranges: set for static schemes.
        reduced_range: weights use 7 of 8 bits.
        block: elements of a weight that share one scale, for weight-only schemes.
    """

    family: FormatFamily
    scheme: Scheme | None = None
    activation: str | None = None
    weight: str | None = None
    granularity: Granularity | None = None
    ranges: RangeMethod | None = None
    reduced_range: bool = False
    block: int | None = None

    def __str__(self) -> str:
        words = [self.family.value]
        if self.scheme is not None:
            words.append(self.scheme.value)
        if self.granularity is not None and not self._usual_dynamic:
            words += [self._types, self.granularity.value]
        if self.ranges not in (None, RangeMethod.MIN_MAX):
            words.append(self.ranges.value)
        if self.reduced_range:
            words.append("rr")
        if self.block is not None:
            words.append(f"b{self.block}")
        return "-".join(words)

    @property
    def _types(self) -> str:
        if self.family is FormatFamily.FP8:
            return f"{self.weight}"
        return f"{self.activation}{self.weight}"

    @property
    def _usual_dynamic(self) -> bool:
        usual = ("u8", "s8", Granularity.PER_TENSOR)
        return (
            self.scheme is Scheme.DYNAMIC
            and (self.activation, self.weight, self.granularity) == usual
        )


ACTIVATION_TYPES = ("u8", "s8", "u16", "s16")
FP8_TYPES = ("e4m3", "e5m2")
BLOCK_SIZES = (16, 32, 64, 128, 256)


def _weight_choices() -> Iterator[tuple[str, Granularity]]:
    """Unsigned weights carry a zero point, which the integer kernels take per tensor only."""
    yield "s8", Granularity.PER_CHANNEL
    yield "s8", Granularity.PER_TENSOR
    yield "u8", Granularity.PER_TENSOR


def _every_recipe() -> Iterator[Recipe]:
    for family in (FormatFamily.FP32, FormatFamily.FP16, FormatFamily.BF16):
        yield Recipe(family)
    for fp8, granularity in product(FP8_TYPES, Granularity):
        yield Recipe(FormatFamily.FP8, Scheme.STATIC, fp8, fp8, granularity, RangeMethod.MIN_MAX)
    for reduced, (weight, granularity) in product((False, True), _weight_choices()):
        for ranges, activation in product(RangeMethod, ACTIVATION_TYPES):
            yield Recipe(
                FormatFamily.INT8, Scheme.STATIC, activation, weight, granularity, ranges, reduced
            )
        yield Recipe(
            FormatFamily.INT8, Scheme.DYNAMIC, "u8", weight, granularity, reduced_range=reduced
        )
    for family, block in product((FormatFamily.INT8, FormatFamily.INT4), BLOCK_SIZES):
        yield Recipe(family, Scheme.WEIGHT_ONLY, block=block)


_KNOWN = {str(recipe): recipe for recipe in _every_recipe()}


def parse(text: str) -> Recipe:
    """The recipe spelled `text`.

    Raises:
        BadInput: BAD_RECIPE; the sentence names the nearest known spelling.
    """
    recipe = _KNOWN.get(text)
    if text == CUSTOM:
        raise BadInput(
            Code.BAD_RECIPE,
            "Nothing can be built as custom: it is what a file of your own is called that is in no"
            " known recipe; give the file.",
        )
    if recipe is None:
        shown = text if len(text) <= 60 else f"{text[:57]}..."
        raise BadInput(
            Code.BAD_RECIPE,
            f"There is no recipe {shown!r}; the nearest known spelling is {_nearest(text)!r}.",
        )
    return recipe


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
    recipe = _KNOWN.get(text)
    return recipe is not None and recipe.scheme is Scheme.STATIC


def known_recipes() -> tuple[Recipe, ...]:
    """Every recipe that has a name."""
    return tuple(_KNOWN.values())


def _nearest(text: str) -> str:
    """The most similar spelling; among equals a default recipe, then the shortest."""
    wanted = text.strip().lower()[:60].replace("_", "-")
    defaults = [str(recipe) for recipe in DEFAULT_RECIPES]
    spellings = defaults + sorted(_KNOWN, key=len)
    return max(spellings, key=lambda known: SequenceMatcher(None, known, wanted).ratio())


# What `--recipes all` measures. `fp32` is the baseline itself and comes first, as entry 0 does.
DEFAULT_RECIPES: tuple[Recipe, ...] = tuple(
    parse(text)
    for text in (
        "fp32",
        "fp16",
        "int8-dynamic",
        "int8-static-u8s8-pc",
        "int8-static-s8s8-pc",
        "int8-static-u8u8-pt",
        "int8-static-u8s8-pc-rr",
        "int4-wo-b32",
    )
)
