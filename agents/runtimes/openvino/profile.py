"""Reads the profile that OpenVINO keeps of a compiled model: a mean of every call so far per node.

A node says what it is, which kernel computes it (``brgconv_avx512_amx_i8``: oneDNN's
implementation and the type that it computes in) and the mean of its calls in whole microseconds
(`ov::ProfilingInfo`). What the calls of the warm-up took is taken off again, and of several models
that were compiled alike the median is taken: in one, a call that was disturbed would be for good.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from bitgauge.benchmarks.raw.operators import OperatorTime

RESOLUTION_NS = 1_000
_EXECUTED = "EXECUTED"
_OWN = frozenset({"Parameter", "Input", "Result", "Output", "Constant", "Const"})
"""What is listed and computes nothing."""


@dataclass(frozen=True, slots=True)
class Means:
    """What the library notes of one compiled model.

    Attributes:
        before: after the warm-up; none without one.
        warm: calls of it.
        after: at the end.
        calls: calls after the warm-up.
    """

    before: Sequence[Any]
    warm: int
    after: Sequence[Any]
    calls: int

    def counted(self) -> dict[str, float]:
        """Nanoseconds per call by the name of a node, those of the warm-up left out."""
        earlier = {one.node_name: _ns(one) * self.warm for one in self.before}
        return {
            one.node_name: max(
                (_ns(one) * (self.warm + self.calls) - earlier.get(one.node_name, 0.0))
                / self.calls,
                0.0,
            )
            for one in self.after
        }


def operators(
    seen: Sequence[Means], calls: int, types: Mapping[str, tuple[str, str]]
) -> tuple[OperatorTime, ...]:
    """The nodes, the slowest first: each with the median of what it took in several models.

    Args:
        seen: of models that were compiled alike, at least one.
        calls: of all of them.
        types: inputs and outputs of each node by its name.
    """
    counted = [one.counted() for one in seen]
    rows = []
    for one in seen[0].after:
        if one.status.name != _EXECUTED or one.node_type in _OWN:
            continue
        inputs, outputs = types.get(one.node_name, ("", ""))
        time_ns = median(found[one.node_name] for found in counted if one.node_name in found)
        rows.append(
            OperatorTime(
                name=one.node_name,
                op_type=named(one.node_type, one.exec_type),
                provider=one.exec_type,
                calls=calls,
                time_ns=time_ns,
                median_ns=time_ns,  # the library tells no single call
                inputs=inputs,
                outputs=outputs,
            )
        )
    return tuple(sorted(rows, key=lambda row: (-row.time_ns, row.name)))


def _ns(one: Any) -> float:
    return float(one.real_time.total_seconds()) * 1e9


def in_integers(kernel: str) -> bool:
    """Whether a kernel's name says that it computes in integers."""
    return kernel.lower().endswith(("_i8", "_u8"))


_DENSE = "FullyConnected"
_VARIETIES = ("FullyConnectedQuantizedLegacy", "FullyConnectedQuantized")
COMPRESSED = "FullyConnectedCompressed"
"""One whose weights are stored narrower than they are multiplied."""
MULTIPLIES = frozenset(
    {
        *("Convolution", "GroupConvolution", "Deconvolution", _DENSE, "MatMul"),
        *(COMPRESSED, *_VARIETIES),
    }
)
"""Nodes that multiply matrices, by the name of their type."""


def named(node_type: str, kernel: str) -> str:
    """What a node is, as rows of time name it: a product of integers says so."""
    plain = _DENSE if node_type in _VARIETIES else node_type
    if node_type in MULTIPLIES and in_integers(kernel):
        return f"{_DENSE if plain == COMPRESSED else plain}.i8"
    return plain


def sides(made: Any) -> dict[str, tuple[str, str]]:
    """Types and shapes of what each node takes and makes, by its name in the profile."""
    found = {}
    for node in made.get_runtime_model().get_ordered_ops():
        ins, outs = node.inputs(), node.outputs()
        texts = tuple(" ".join(_words(one) for one in side) for side in (ins, outs))
        found[node.get_friendly_name()] = (texts[0], texts[1])
    return found


def _words(port: Any) -> str:
    shape = port.get_partial_shape()
    sizes = ",".join(str(one.get_length()) if one.is_static else "?" for one in shape)
    return f"{short(port.get_element_type())}[{sizes}]"


def short(kind: Any) -> str:
    """``f32`` of a type of the library."""
    return str(kind.get_type_name()).replace("i8", "s8").replace("i32", "s32").replace("i64", "s64")
