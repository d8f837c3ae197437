"""What one recipe says, and its spelling."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from ..enums import FormatFamily


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


class GraphForm(str, enum.Enum):
    """How the same scales are written down otherwise than usual."""

    OPERATORS = "qop"
    """Integer operators in the graph, in place of Q/DQ pairs around float ones."""
    INTEGER_BORDER = "io"
    """Inputs and outputs of the model are integers."""


CALIBRATED = "cal"
"""The option of a runtime's own name whose artifact is made with the calibration set."""


AND_FLOAT = "+"
"""Before each layer that stays in float."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """One format recipe; `str(recipe)` is its canonical spelling.

    Attributes:
        family: the format family, first word of the spelling.
        scheme: None when every tensor simply changes its type, and for a runtime's own name.
        activation: `u8 s8 u16 s16`, or an 8-bit float; None unless activations are quantized.
        weight: `u8 s8 s4`, or an 8-bit float; None for integers unless activations are quantized
            too.
        granularity: of the weights; None when `block` says it, or nothing is scaled.
        ranges: set for static schemes.
        reduced_range: weights use 7 of 8 bits.
        block: elements of a weight that share one scale, where no granularity says it.
        form: how it is written down, where that is not as usual.
        own: a runtime's own name for it, as `q4_k_m`.
        own_calibrated: one of an own name is made with the calibration set.
        kept: layers that stay in float, as they are spelled (`kept.with_kept`).
    """

    family: FormatFamily
    scheme: Scheme | None = None
    activation: str | None = None
    weight: str | None = None
    granularity: Granularity | None = None
    ranges: RangeMethod | None = None
    reduced_range: bool = False
    block: int | None = None
    form: GraphForm | None = None
    own: str | None = None
    own_calibrated: bool = False
    kept: tuple[str, ...] = ()

    def __str__(self) -> str:
        words = [self.family.value]
        if self.own is not None:
            words.append(self.own)
        if self.own_calibrated:
            words.append(CALIBRATED)
        if self.scheme is not None:
            words.append(self.scheme.value)
        if self.granularity is not None and not self._usual_dynamic:
            words += [*self._types, self.granularity.value]
        elif self.block is not None:
            words += self._types
        if self.ranges not in (None, RangeMethod.MIN_MAX):
            words.append(self.ranges.value)
        if self.reduced_range:
            words.append("rr")
        if self.block is not None:
            words.append(f"b{self.block}")
        if self.form is not None:
            words.append(self.form.value)
        return AND_FLOAT.join(("-".join(words), *self.kept))

    @property
    def needs_calibration(self) -> bool:
        """Whether an artifact of it is made with a calibration set."""
        return self.scheme is Scheme.STATIC or self.own_calibrated

    @property
    def _types(self) -> tuple[str, ...]:
        if self.family is FormatFamily.FP8:
            return (f"{self.weight}",)
        return () if self.weight is None else (f"{self.activation}{self.weight}",)

    @property
    def _usual_dynamic(self) -> bool:
        usual = ("u8", "s8", Granularity.PER_TENSOR)
        return (
            self.scheme is Scheme.DYNAMIC
            and (self.activation, self.weight, self.granularity) == usual
        )
