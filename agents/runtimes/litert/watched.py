"""A tflite file whose tensors are all shown, in the kernels of production (measurement.md D-4).

LiteRT keeps every tensor on request, also where XNNPACK computes: each operator becomes a delegate
of its own then, and the outputs stay bit for bit what they are without. That they do is asserted on
every call. Only a child imports this module.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from bitgauge.benchmarks.common.tflite.tables import FileGraph
from bitgauge.benchmarks.numerics.graph import GraphFacts
from bitgauge.benchmarks.numerics.shown import (
    ALL,
    Arrays,
    OutputsAlone,
    Uninstrumentable,
    same_bits,
)
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError
from bitgauge.benchmarks.vocabulary.values.devices import StackItem

from ..base import SessionOptions
from . import opening
from .graph import names_of, read_graph, real_of
from .session import LiteRtSession, session_on


@dataclass(frozen=True, slots=True)
class LiteRtGraph:
    """A production session and the file that it executes; see `base.OpenGraph`."""

    session: LiteRtSession
    path: Path
    options: SessionOptions

    def look(self, feeds: Arrays) -> Watched:
        """The same file with every tensor kept."""
        return Watched(self.session, self.path, self.options, feeds)

    def in_reference_kernels(self) -> OutputsAlone | None:
        """The same file without delegates and without what was written to be fast.

        None also where blocks of weights have scales of their own: those kernels answer zeros, as
        the probe shows (`FULLY_CONNECTED.f32s4b.const`).
        """
        if opening.kernels_of(self.options) == opening.REFERENCE or _in_blocks(self.path):
            return None
        chosen = (StackItem(opening.KERNELS, opening.REFERENCE),)
        session = session_on(self.path, replace(self.options, further=chosen))
        return OutputsAlone(session.held, session.output_names)

    def reference(self, path: Path) -> Watched:
        """The float model in the same kernels."""
        session = session_on(path, self.options)
        feeds = {
            one.name: np.zeros([size or 1 for size in one.shape], one.dtype)
            for one in session.input_specs
        }
        return Watched(session, path, self.options, feeds)


class Watched:
    """One file whose tensors can be looked at; see `shown.Shown`.

    Args:
        production: runs it as production does.
        path: of the file.
        options: of the session.
        feeds: of one call, to try it with.

    Raises:
        Uninstrumentable: with all tensors kept its outputs are no longer production's.
        BitgaugeError: LiteRT refuses it.
    """

    exposure = ALL
    why_not = ""

    def __init__(
        self, production: LiteRtSession, path: Path, options: SessionOptions, feeds: Arrays
    ) -> None:
        self._production = production
        self._session = session_on(path, options, shows_all=True)
        self._made = self._session.interpreter
        signature = production.signature
        borders = {at: name for name, at in (signature.inputs | signature.outputs).items()}
        taken = opening.placed(production.interpreter)
        with opening.opened(path) as tables:
            graph = tables.graphs[0]
            facts = read_graph(
                graph,
                borders,
                frozenset() if taken is None else taken.taken,
                opening.own_kernels(opening.kernels_of(options)),
            )
            self._shown = _shown(graph, borders)
        self.facts: GraphFacts = _in_order(facts, tuple(signature.outputs))
        self._try(feeds)

    def observe(self, feeds: Arrays) -> Arrays:
        """Every tensor of one call by name: feeds, inner tensors and outputs."""
        wanted = self._production.held(feeds)
        if not same_bits(self._session.held(feeds), wanted):
            raise Uninstrumentable("With all tensors kept an output differs from production's.")
        observed: Arrays = {}
        for name, border in self._session.inputs.items():
            if border.scale:
                observed[real_of(name)] = np.asarray(feeds[name])
        for at, name in self._shown.items():
            found = self._tensor(at)
            if found is not None:
                observed[name] = found
        return {**{name: feeds[name] for name in feeds if name not in observed}, **observed}

    def _tensor(self, at: int) -> npt.NDArray[Any] | None:
        try:
            found: npt.NDArray[Any] = self._made.get_tensor(at)
        except ValueError:  # it has no value: an operator that nothing needs
            return None
        return found

    def _try(self, feeds: Arrays) -> None:
        try:
            self.observe(feeds)
        except BitgaugeError as error:
            raise Uninstrumentable(
                f"With all tensors kept it cannot be run: {error.sentence}"
            ) from error


def _in_blocks(path: Path) -> bool:
    with opening.opened(path) as tables:
        return any(one.block for graph in tables.graphs for one in graph.tensors)


def _shown(graph: FileGraph, borders: Mapping[int, str]) -> dict[int, str]:
    """Tensors that a call makes or is given, by their number."""
    names = names_of(graph, borders)
    made = [at for one in graph.operators for at in one.outputs]
    return {at: names[at] for at in (*graph.inputs, *made) if graph.tensors[at].kind != "STRING"}


def _in_order(facts: GraphFacts, outputs: tuple[str, ...]) -> GraphFacts:
    """With its outputs in the order in which the session returns them."""
    return replace(facts, outputs=outputs)
