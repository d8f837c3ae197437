"""The overflow ledger of one artifact on one device: what each tensor and each operator lost.

Plain values. `raw.numerics` writes and reads them, `tensor_tally` and `kernel_check` compute
them, `analysis.numerics` makes the published metrics of them. Shares are 0..1; None is unknown.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

BINS = 96
"""Bins of every histogram. Of a quantized tensor: 4 codes each, 64 codes beyond both rails."""

INTEGER = "integer"
FLOAT = "float"
WEIGHT_ONLY = "weight_only"
OPAQUE = "opaque"
ELEMENTWISE = "elementwise"

COMPUTES: dict[str, str] = {
    INTEGER: "multiplies integers",
    FLOAT: "multiplies floating-point numbers",
    WEIGHT_ONLY: "multiplies floating-point numbers by weights that are stored as integers",
    OPAQUE: "multiplies integers in a fused kernel that is not recomputed",
    ELEMENTWISE: "makes codes of codes, value by value",
}

_OF_CODES = (INTEGER, OPAQUE, ELEMENTWISE)

SEVEN_BIT_WEIGHTS = "seven_bit_weights"
COMPILE = "compile"

FIXES: dict[str, str] = {
    "zero_point": "put the zero point of its Relu output at the lowest code (asymmetric"
    " activations), so that the Relu fuses and the operator runs on integers",
    "quantize_output": "quantize its output too, or export in QOperator format, so that the"
    " operator runs on integers",
    "unsigned_activations": "quantize its activations unsigned (u8), or export in QOperator"
    " format: rewritten from s8 to u8 it no longer matches an integer kernel",
    "quantize_inputs": "quantize its inputs: it stands between tensors that stayed in floating"
    " point",
    COMPILE: "run it compiled or built ahead of time: executed operator by operator, its quantized"
    " factors are multiplied as floating-point numbers",
    SEVEN_BIT_WEIGHTS: "give it 7-bit weights (reduce_range), or u8u8 weights",
}


def fix_words(fix: str, exact: str = "") -> str:
    """What a fix is, as part of a sentence.

    Args:
        fix: a key of `FIXES`.
        exact: the options with which its runtime computes exactly; "" when there are none.
    """
    if exact and fix == SEVEN_BIT_WEIGHTS:
        return f"{FIXES[fix]}, or run it with {exact}"
    return FIXES[fix]


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts in `BINS` bins of equal width; the outer bins take what lies beyond.

    Attributes:
        low: lower edge of the first bin; in codes for a quantized tensor, else in its own unit.
        counts: values per bin.
    """

    low: float
    width: float
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class TensorRow:
    """One activation tensor over the samples that were looked at.

    Attributes:
        dtype: numpy name of its element type.
        scale: of its quantization; None for a float tensor and for one scaled while running.
        scale_low: smallest scale of any call, for a tensor scaled while running.
        scale_high: largest scale of any call.
        clip_hi: share of values above the highest code.
        clip_lo: share of values below the lowest code.
        clip_mass: magnitude lost to clipping / whole magnitude.
        clip_depth: 99th percentile of how far clipped values lie beyond the rail, in codes.
        rail_rate: share of codes at a rail; an upper bound of clipping where only codes are seen.
        range_util: used range of codes / whole range.
        underflow: share of values that are not zero and become zero.
        sqnr_db: signal to quantization noise of this quantization alone, in dB.
        reference_sqnr_db: signal to noise against the float model's tensor of that name, in dB.
        amax: largest finite magnitude, in the tensor's own unit.
        headroom_log2: doublings until `amax` leaves FP16; float tensors only.
        fp16_subnormal: share of values that FP16 holds with fewer digits, or not at all.
        outlier_ratio: `amax` / 99.9th percentile of the magnitude.
        channel_spread: largest magnitude of the widest channel / of the median channel.
        before: the values before quantization; of a float tensor, its values.
        after: the codes.
    """

    name: str
    dtype: str
    producer: str
    elements: int
    scale: float | None = None
    zero_point: int | None = None
    scale_low: float | None = None
    scale_high: float | None = None
    clip_hi: float | None = None
    clip_lo: float | None = None
    clip_mass: float | None = None
    clip_depth: float | None = None
    rail_rate: float | None = None
    range_util: float | None = None
    underflow: float | None = None
    sqnr_db: float | None = None
    reference_sqnr_db: float | None = None
    nan: int = 0
    inf: int = 0
    amax: float | None = None
    headroom_log2: float | None = None
    fp16_subnormal: float | None = None
    outlier_ratio: float | None = None
    channel_spread: float | None = None
    before: Histogram | None = None
    after: Histogram | None = None

    @property
    def clip(self) -> float | None:
        """Share of values beyond either rail."""
        if self.clip_hi is None or self.clip_lo is None:
            return None
        return self.clip_hi + self.clip_lo


@dataclass(frozen=True, slots=True)
class OperatorRow:
    """One product of matrices (MatMul, Gemm, Conv, in any form) of the executed graph.

    Or one integer operator that works value by value (`compute` is `elementwise`): it has no
    weights, no K and no pairs, and its errors are those of rounding and clipping.

    Attributes:
        compute: a key of `COMPUTES`.
        activation_type: `u8 s8 f16 f32 ...`.
        weight_type: as above.
        constant_weight: whether the second factor is the same at every call.
        macs: multiplications of one sample.
        depth: products that are summed into one output (K).
        output: tensor that it makes.
        fix: key of `FIXES`, what would bring it into integer kernels; "" where nothing is wrong.
        why: one sentence on an operator that was not recomputed; "" for the others.
        elements: outputs compared with the exact integer result; 0 when not recomputed.
        errors0: of these, how many differ at all.
        errors1: of these, how many differ by more than one step.
        explained1: of `errors1`, those that the 16-bit pair emulator reproduces to one step.
        worst_steps: largest difference, in output steps.
        pairs: adjacent pair sums of the compared outputs.
        saturated_pairs: of these, those that leave int16.
        emulated_errors1: outputs that a kernel with 16-bit pairs gets wrong by more than a step.
        unsafe_pair_share: share of weight pairs that could saturate for some activation; None
            unless the weight is constant and signed.
        int32_safe: whether no sum can leave int32.
        kernel_sqnr_db: exact result against what the device returned, in dB; None when equal.
        weight_bytes: of its second factor where that is a constant of the executed graph, 0 where
            it is none or an operator before it has the same one; None: not told.
        inside: the node in whose graph it is, whose tensors are not shown: its multiplications
            are counted from the shapes that the file states; "" for the others.
        placed: whose kernel executed it, such as ``xnnpack``; "" where that is not told.
    """

    name: str
    op_type: str
    compute: str
    activation_type: str
    weight_type: str
    constant_weight: bool
    macs: int
    depth: int
    output: str
    fix: str = ""
    why: str = ""
    elements: int = 0
    errors0: int = 0
    errors1: int = 0
    explained1: int = 0
    worst_steps: float = 0.0
    pairs: int = 0
    saturated_pairs: int = 0
    emulated_errors1: int = 0
    unsafe_pair_share: float | None = None
    int32_safe: bool = True
    kernel_sqnr_db: float | None = None
    weight_bytes: int | None = None
    inside: str = ""
    placed: str = ""

    @property
    def kind(self) -> str:
        """Its name in the probe map, such as `QLinearConv.u8s8.const`.

        "" for float operators, and for what is not shown and whose types nobody tells.
        """
        if self.compute not in (INTEGER, OPAQUE) or (self.inside and not self.activation_type):
            return ""
        weight = "const" if self.constant_weight else "dynamic"
        return f"{self.op_type}.{self.activation_type}{self.weight_type}.{weight}"

    @property
    def error_rate(self) -> float:
        """Share of outputs off by more than one step from the exact integer result."""
        return self.errors1 / self.elements if self.elements else 0.0

    @property
    def rate16(self) -> float:
        """Share of adjacent pair sums beyond int16, on any kernel that pairs them."""
        return self.saturated_pairs / self.pairs if self.pairs else 0.0

    @property
    def observed_mode(self) -> str:
        """What the outputs themselves say: `sat16`, `exact`, `other`, or "" without evidence.

        Without a saturated pair both kernels agree, so nothing can be told.
        """
        if self.errors1:
            return "sat16" if self.explained1 >= 0.999 * self.errors1 else "other"
        return "exact" if self.emulated_errors1 else ""


@dataclass(frozen=True, slots=True)
class Divergence:
    """The first layer whose signal to noise falls by more than 6 dB.

    Attributes:
        tensor: the first tensor that is that much worse than what it was made of.
        sqnr_db: of that tensor, in dB.
        before_db: of the worst tensor before it, in dB; None when that had no noise.
        against: `baseline` (the float model's tensor) or `exact` (the exact integer result).
    """

    tensor: str
    sqnr_db: float
    before_db: float | None
    against: str


@dataclass(frozen=True, slots=True)
class Ledger:
    """All that pass `numerics` found.

    Attributes:
        samples: samples that were run.
        claims_integer: whether the artifact quantizes activations at all.
        why_not: why nothing could be looked at; "" when it could.
        exposure: `all` tensors in one graph, or `single`: one tensor per run.
        tensors: in the order of execution.
        operators: in the order of execution.
        output_sqnr_db: last output against the float model's, in dB.
        divergences: at most one against `baseline` and one against `exact`.
        twin_elements: outputs compared with those of the runtime's reference kernels; 0: none.
        twin_differing: of these, how many differ at all.
        twin_steps: largest difference, in output steps; None where outputs are not of codes.
    """

    samples: int
    claims_integer: bool = False
    why_not: str = ""
    exposure: str = ""
    tensors: tuple[TensorRow, ...] = ()
    operators: tuple[OperatorRow, ...] = ()
    output_sqnr_db: float | None = None
    divergences: tuple[Divergence, ...] = ()
    twin_elements: int = 0
    twin_differing: int = 0
    twin_steps: float | None = None

    @property
    def products(self) -> tuple[OperatorRow, ...]:
        """The operators that multiply matrices."""
        return tuple(row for row in self.operators if row.compute != ELEMENTWISE)

    @property
    def unchecked(self) -> dict[str, int]:
        """Integer operators that were not computed again: how many of each type, by name."""
        named = [row.op_type for row in self.operators if row.compute in _OF_CODES]
        done = [row.op_type for row in self.operators if row.elements]
        counts = {name: named.count(name) - done.count(name) for name in sorted(set(named))}
        return {name: count for name, count in counts.items() if count > 0}

    @property
    def executed(self) -> tuple[str, ...]:
        """Integer operator kinds that ran, sorted; names of the probe map."""
        return tuple(sorted({row.kind for row in self.operators if row.kind}))

    @property
    def int_coverage(self) -> float | None:
        """Multiplications in integer kernels / all multiplications; None without any."""
        total = sum(row.macs for row in self.operators)
        integer = sum(row.macs for row in self.operators if row.compute in (INTEGER, OPAQUE))
        return integer / total if total else None


def worst_tensors(ledger: Ledger) -> tuple[TensorRow, ...]:
    """Worst first: not finite, then most clipped (count or magnitude), then most noise."""

    def badness(row: TensorRow) -> tuple[float, float, float]:
        clipped = max(row.clip or 0.0, row.clip_mass or 0.0)
        noise = -row.sqnr_db if row.sqnr_db is not None else -math.inf
        return (float(row.nan + row.inf), clipped, noise)

    return tuple(sorted(ledger.tensors, key=badness, reverse=True))


def worst_operators(ledger: Ledger) -> tuple[OperatorRow, ...]:
    """Worst first: most wrong outputs, then most saturated pairs, then float operators by size."""

    def badness(row: OperatorRow) -> tuple[float, float, int]:
        return (row.error_rate, row.rate16, row.macs if row.fix else 0)

    return tuple(sorted(ledger.operators, key=badness, reverse=True))


def unchecked_words(ledger: Ledger) -> str:
    """Integer operators that were not computed again: ``QLinearSoftmax (2), QAttention``."""
    return ", ".join(
        f"{name} ({count})" if count > 1 else name for name, count in ledger.unchecked.items()
    )
