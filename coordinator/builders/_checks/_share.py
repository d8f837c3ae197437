"""How much of a model a build has quantized: products of matrices, by operator and by work."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MatrixProduct:
    """One product of matrices.

    Attributes:
        op_type: of its node.
        work: multiplications of one call; None where it could not be told.
        skipped: why it stayed as it was; "" where it was quantized.
        name: of its node, where the file has names.
    """

    op_type: str
    work: int | None
    skipped: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Share:
    """What was quantized of all products."""

    products: tuple[MatrixProduct, ...]

    @property
    def operators(self) -> tuple[int, int]:
        """How many were quantized, and how many there are."""
        return sum(not one.skipped for one in self.products), len(self.products)

    @property
    def work(self) -> float | None:
        """Share of the multiplications; None when none could be counted."""
        known = [(one.work, one.skipped) for one in self.products if one.work is not None]
        total = sum(work for work, _ in known)
        return sum(work for work, why in known if not why) / total if total else None

    @property
    def left(self) -> Mapping[str, int]:
        """What stayed as it was, with the reason, and how often."""
        return Counter(f"{one.op_type} ({one.skipped})" for one in self.products if one.skipped)


def words(found: Share) -> tuple[str, ...]:
    """What was quantized and what was not, in few words each."""
    quantized, total = found.operators
    if not total:
        return ()
    work = "" if found.work is None else f" ({_percent(found.work)} of the multiplications)"
    left = [f"{count} {what}" for what, count in sorted(found.left.items())]
    return (
        f"{quantized} of {total} products of matrices are quantized{work}",
        *([f"not quantized: {', '.join(left)}"] if left else []),
    )


def _percent(part: float) -> str:
    """Rounded, and never to all or nothing unless it is."""
    if 0 < part < 0.005:
        return "under 1 %"
    return "99 %" if 0.995 <= part < 1 else f"{100 * part:.0f} %"
