"""Two runs tensor by tensor: where the integer kernels of the one answer unlike those of the other.

A tensor has one name in both, that of the float model, whatever a device's optimiser made of the
operator before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..analysis.numerics import saturates
from ..numerics.ledger import Ledger, OperatorRow
from ..numerics.ledger_builder import float_name
from ..vocabulary.values.history import Comparison, RowComparison

MOST_TENSORS = 5
"""Of one pair of runs, the worst."""
MOST_ROWS = 8
"""Of one comparison: each costs two raw files."""
_KEYS = ("saturated_pct", "kernel_error_pct")
_REWRITTEN = " (rewritten)"


@dataclass(frozen=True, slots=True)
class Kernel:
    """What one device's kernel made of a tensor.

    Attributes:
        kind: operator and types, such as `QGemm.u8s8`.
        saturated: share of its pair sums that left 16 bits and lost by it; None where it was not
            computed again.
        wrong: share of its outputs more than one step off the exact result; None as above.
    """

    kind: str
    saturated: float | None
    wrong: float | None

    @property
    def badness(self) -> tuple[float, float]:
        """Most wrong outputs first, then most lost sums."""
        return (self.wrong or 0.0, self.saturated or 0.0)


@dataclass(frozen=True, slots=True)
class TensorApart:
    """A tensor that the kernels of two runs make unlike."""

    tensor: str
    before: Kernel
    after: Kernel


@dataclass(frozen=True, slots=True)
class RowApart:
    """The worst such tensors of two rows.

    Attributes:
        before: id of the earlier run.
        after: id of the later run.
        tensors: worst first, at most `MOST_TENSORS`.
        more: how many there are besides.
    """

    before: str
    after: str
    tensors: tuple[TensorApart, ...] = ()
    more: int = 0


@dataclass(frozen=True, slots=True)
class ComparisonByTensor(Comparison):
    """A comparison with what the ledgers of its runs add to it."""

    apart: tuple[RowApart, ...] = ()


def worth_a_look(found: Comparison) -> tuple[RowComparison, ...]:
    """The rows whose runs saturate or err in unlike measure; the first `MOST_ROWS`."""
    return tuple(row for row in found.rows if _differs(row))[:MOST_ROWS]


def apart(
    before: Ledger,
    after: Ledger,
    modes: tuple[Mapping[str, str], Mapping[str, str]],
) -> tuple[TensorApart, ...]:
    """The tensors that are unlike, worst first.

    Args:
        before: ledger of the earlier run.
        after: ledger of the later run.
        modes: the probe map of each one's device.
    """
    there = _by_tensor(after)
    pairs = (
        TensorApart(name, _kernel(row, modes[0]), _kernel(there[name], modes[1]))
        for name, row in _by_tensor(before).items()
        if name in there
    )
    unlike = [one for one in pairs if one.before.badness != one.after.badness]
    return tuple(sorted(unlike, key=_badness, reverse=True))


def _differs(row: RowComparison) -> bool:
    values = {one.key: (one.before.value, one.after.value) for one in row.metrics}
    return any(first != second for key in _KEYS for first, second in [values.get(key, (0, 0))])


def _by_tensor(ledger: Ledger) -> dict[str, OperatorRow]:
    return {float_name(row.output.removesuffix(_REWRITTEN)): row for row in ledger.products}


def _kernel(row: OperatorRow, modes: Mapping[str, str]) -> Kernel:
    kind = f"{row.op_type}.{row.activation_type}{row.weight_type}"
    if not row.elements:
        return Kernel(kind, None, None)
    return Kernel(kind, row.rate16 if saturates(row, modes) else 0.0, row.error_rate)


def _badness(one: TensorApart) -> tuple[float, float]:
    return max(one.before.badness, one.after.badness)
