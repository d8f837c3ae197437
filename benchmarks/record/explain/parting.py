"""Where an artifact parts from its float model, and what of it is rounding, clipping and kernel.

From the overflow ledger of the device. Noise is told in dB against the signal of its own tensor: it
says where to look, and not how many samples each part costs. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...numerics.ledger import Divergence, Ledger, TensorRow

_MOST = 5


@dataclass(frozen=True, slots=True)
class NoiseOf:
    """One tensor or operator that adds noise.

    Attributes:
        name: of it.
        sqnr_db: signal to the noise that it adds, in dB; None where only a share is known.
        share: of its values that are concerned, 0 to 1.
    """

    name: str
    sqnr_db: float | None
    share: float


@dataclass(frozen=True, slots=True)
class LossParts:
    """Where noise comes from, the loudest first.

    Attributes:
        parting: the first tensors that part from the float model, and from the exact result.
        rounding: tensors whose codes are coarse and that clip nothing.
        clipping: tensors with values beyond their calibrated range; the share is that of the
            magnitude that is lost.
        kernel: operators that return something else than the exact integer result; the share is
            that of outputs more than a step off.
        why_not: why nothing of it is known; empty when it is.
    """

    parting: tuple[Divergence, ...] = ()
    rounding: tuple[NoiseOf, ...] = ()
    clipping: tuple[NoiseOf, ...] = ()
    kernel: tuple[NoiseOf, ...] = ()
    why_not: str = ""


def loss_parts(ledger: Ledger | None) -> LossParts:
    """What a ledger says of it; None is a run without one."""
    if ledger is None:
        return LossParts(why_not="the run has no ledger of its tensors")
    if ledger.why_not:
        return LossParts(why_not=ledger.why_not)
    quantized = [one for one in ledger.tensors if one.sqnr_db is not None]
    rounding = [NoiseOf(one.name, one.sqnr_db, 1.0) for one in quantized if not _clipped(one)]
    clipping = [
        NoiseOf(one.name, one.sqnr_db, one.clip_mass or 0.0) for one in quantized if _clipped(one)
    ]
    kernel = [
        NoiseOf(one.name, one.kernel_sqnr_db, one.errors1 / one.elements)
        for one in ledger.operators
        if one.elements and one.errors1
    ]
    return LossParts(
        parting=ledger.divergences,
        rounding=tuple(sorted(rounding, key=lambda one: one.sqnr_db or 0.0)[:_MOST]),
        clipping=tuple(sorted(clipping, key=lambda one: -one.share)[:_MOST]),
        kernel=tuple(sorted(kernel, key=lambda one: -one.share)[:_MOST]),
    )


def _clipped(one: TensorRow) -> bool:
    return bool((one.clip_hi or 0.0) + (one.clip_lo or 0.0))
