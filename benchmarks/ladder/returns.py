"""Which layer is worth returning to float: most noise taken away per microsecond. Pure.

As NNCF's accuracy control ranks layers by what their return gains, but by what the device itself
showed: the noise that a layer adds is in the ledger of its production kernels, the time that it
saves in the profiles of both sessions. The gain is what then is measured; this is the order only.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from ..numerics.ledger import FLOAT, Ledger
from ..raw.operators import OperatorProfile

_LEAST_US = 0.1
"""A layer that costs less, or gains time in float, costs this much: a profile tells no less."""


@dataclass(frozen=True, slots=True)
class Return:
    """A layer of the baseline, and what its return is expected to do.

    Attributes:
        node: its name in the baseline.
        noise: noise against signal that it adds to its output, of power.
        cost_us: microseconds a call that it takes more in float; None: not known.
    """

    node: str
    noise: float
    cost_us: float | None

    @property
    def worth(self) -> float:
        """Noise taken away per microsecond."""
        return self.noise / max(self.cost_us or 0.0, _LEAST_US)


def returns(
    ledger: Ledger,
    nodes: Collection[str],
    quantized: OperatorProfile | None = None,
    baseline: OperatorProfile | None = None,
) -> tuple[Return, ...]:
    """Layers that add noise, the worthiest first.

    Args:
        ledger: of the run.
        nodes: names of the baseline's operators that a recipe may leave in float.
        quantized: times of the run's operators.
        baseline: times of the baseline's.
    """
    own, float_times = _times(quantized, nodes), _times(baseline, nodes)
    noise_of = {
        row.name: 10 ** (-row.reference_sqnr_db / 10)
        for row in ledger.tensors
        if row.reference_sqnr_db is not None
    }
    found: dict[str, Return] = {}
    before = 0.0
    for row in ledger.products:
        after = noise_of.get(row.output)
        if after is None:
            continue
        node = node_of(row.name, nodes)
        added, before = max(0.0, after - before), max(before, after)
        if node and node not in found and added and row.compute != FLOAT:
            cost = None
            if node in own and node in float_times:
                cost = (float_times[node] - own[node]) / 1000
            found[node] = Return(node, added, cost)
    return tuple(sorted(found.values(), key=lambda one: -one.worth))


def node_of(name: str, nodes: Collection[str]) -> str:
    """The baseline's node behind an executed one, whose name has something appended; else ""."""
    if name in nodes:
        return name
    behind = [one for one in nodes if one and name.startswith(f"{one}_")]
    return max(behind, key=len, default="")


def _times(profile: OperatorProfile | None, nodes: Collection[str]) -> Mapping[str, float]:
    """Nanoseconds a call of each node of the baseline, with what stands for it."""
    found: dict[str, float] = {}
    for one in profile.operators if profile is not None else ():
        node = node_of(one.name, nodes)
        if node:
            found[node] = found.get(node, 0.0) + one.time_ns
    return found
