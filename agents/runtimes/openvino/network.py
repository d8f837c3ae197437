"""What OpenVINO tells of the network that it executes: its nodes and their kernels, no tensor.

A tensor can be had only by making it an output of the model, which changes what is fused and so
what is computed: a quantized tensor that is an output comes out of another kernel. So the outputs
alone are looked at; the products are listed with the type that their kernels compute in, and
counted from shapes. Only a child imports this module.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bitgauge.benchmarks.numerics.graph import (
    CONVOLUTION,
    DENSE,
    MATRIX,
    GraphFacts,
    GraphOperator,
    Inside,
)
from bitgauge.benchmarks.numerics.ledger import FLOAT, OPAQUE, WEIGHT_ONLY
from bitgauge.benchmarks.numerics.shown import Arrays, Observes, OutputsAlone

from ..base import SessionOptions
from .profile import MULTIPLIES, in_integers, short
from .session import OpenVinoSession

NETWORK = "OpenVINO's compiled network"
_NARROW = frozenset({"u8", "s8", "u4", "s4", "nf4"})
_DENSE = "FullyConnected"


@dataclass(frozen=True, slots=True)
class OpenVinoGraph:
    """A production session and the network that it executes; see `base.OpenGraph`."""

    session: OpenVinoSession
    options: SessionOptions

    def look(self, feeds: Arrays) -> OutputsOfNetwork:
        """Its outputs, and its nodes."""
        return OutputsOfNetwork(self.session, feeds)

    def in_reference_kernels(self) -> None:
        """It has none."""

    def reference(self, path: Path) -> Observes:
        """The outputs of the float model."""
        from . import opening

        made = OpenVinoSession(opening.compiled(path, self.options), self.options)
        return OutputsAlone(made.run, made.output_names)


class OutputsOfNetwork:
    """The outputs of a session, and the facts of its network; see `shown.Shown`."""

    exposure = ""
    why_not = ""

    def __init__(self, session: OpenVinoSession, feeds: Arrays) -> None:
        self._session = session
        session.run(feeds)  # the kernels of free sizes are chosen at the first call
        operators = tuple(products(session.compiled.get_runtime_model()))
        names = session.output_names
        self.facts = GraphFacts(
            operators=operators,
            producers=dict.fromkeys(names, "output"),
            copies=frozenset(),
            codes={},
            constants={},
            dynamic=False,
            claims_integer=any(one.compute == OPAQUE for one in operators),
            outputs=names,
            aliases={},
            types={one.a: kind for one in operators if (kind := _type_of(one.a))},
        )

    def observe(self, feeds: Arrays) -> Arrays:
        """Feeds and outputs of one call by name."""
        made = self._session.run(feeds)
        return {**feeds, **dict(zip(self._session.output_names, made, strict=True))}


def products(network: Any) -> Iterator[GraphOperator]:
    """The nodes that multiply matrices, in the order in which they run.

    Args:
        network: of `get_runtime_model`.
    """
    for node in network.get_ordered_ops():
        told = node.get_rt_info()
        layer, kernel = (_text(told, one) for one in ("layerType", "primitiveType"))
        if layer not in MULTIPLIES:
            continue
        name = str(node.get_friendly_name())
        sides = [(short(one.get_element_type()), _sizes(one)) for one in node.inputs()[:2]]
        (a_type, a_shape), (b_type, b_shape) = sides
        constant = family(layer) == _DENSE or _constant(node, 1)
        made = _sizes(node.outputs()[0])
        a, b = f"{a_type} {name} a", f"{name} b"
        whole = in_integers(kernel)
        yield GraphOperator(
            name=name,
            op_type=family(layer),
            inputs=(a, b),
            output=name,
            a=a,
            b=b,
            compute=OPAQUE if whole else WEIGHT_ONLY if b_type in _NARROW else FLOAT,
            constant_weight=constant,
            form=_form(layer),
            inside=Inside(NETWORK, 1, {a: a_shape, b: b_shape, name: made}),
            weight_type=b_type,
            placed=kernel,
        )


def family(layer: str) -> str:
    """A node's type without the variety of it that was chosen."""
    return _DENSE if layer.startswith(_DENSE) else layer


def _form(layer: str) -> str:
    if layer in ("Convolution", "GroupConvolution", "Deconvolution"):
        return CONVOLUTION
    return DENSE if family(layer) == _DENSE else MATRIX


def _type_of(a: str) -> str:
    return a.partition(" ")[0]


def _constant(node: Any, at: int) -> bool:
    source = node.input(at).get_source_output().get_node()
    return _text(source.get_rt_info(), "layerType") in ("Const", "Constant")


def _text(told: Any, name: str) -> str:
    return str(told[name].astype(str)) if name in told else ""


def _sizes(port: Any) -> tuple[int | None, ...]:
    shape = port.get_partial_shape()
    return tuple(one.get_length() if one.is_static else None for one in shape)
