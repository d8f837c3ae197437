"""Look at inner tensors of an ONNX session without changing its results (measurement.md D-2).

The graph that production executes gets further outputs and is run as it stands. That nothing
changed is asserted on every call: the final outputs must be equal to production's bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy.typing as npt

from ..vocabulary.errors import BitgaugeError
from .graph import GraphFacts
from .onnx_graph import exposable, exposed, read_graph
from .shown import ALL, SINGLE, Arrays, Run, Uninstrumentable, same_bits


class Instrumented:
    """A graph whose tensors can be looked at; see `shown.Shown`.

    Args:
        graph: what production executes, encoded.
        production: runs the production session.
        plain: makes a runner that executes an encoded graph as it stands.
        feeds: of one call, to try it with.

    Attributes:
        facts: the graph.
        exposure: `all` tensors in one graph, or `single`: one graph per tensor.
        why_not: "", for they are seen.

    Raises:
        Uninstrumentable: no way of looking leaves the outputs as they were.
    """

    why_not = ""

    def __init__(
        self, graph: bytes, production: Run, plain: Callable[[bytes], Run], feeds: Arrays
    ) -> None:
        self._model = _decoded(graph)
        self._production, self._plain = production, plain
        self.facts: GraphFacts = read_graph(self._model)
        names = exposable(self.facts)
        self.exposure = ALL
        wanted = production(feeds)
        run = self._try(names, feeds, wanted)
        self._graphs: list[tuple[tuple[str, ...], Run]] = [] if run is None else [(names, run)]
        if not self._graphs:
            self.exposure = SINGLE
            each = [((name,), self._try((name,), feeds, wanted)) for name in names]
            self._graphs = [(one, run) for one, run in each if run is not None]
        if not self._graphs:
            raise Uninstrumentable(
                "With any inner tensor exposed the model's outputs are no longer production's."
            )

    def observe(self, feeds: Arrays) -> Arrays:
        """Every tensor of one call by name: feeds, inner tensors and outputs.

        Raises:
            Uninstrumentable: an output is not production's.
        """
        wanted = self._production(feeds)
        observed = dict(feeds)
        for names, run in self._graphs:
            returned = run(feeds)
            if not same_bits(returned, wanted):
                raise Uninstrumentable(
                    "With inner tensors exposed an output differs from production's."
                )
            further = [name for name in names if name not in self.facts.outputs]
            observed |= dict(zip(self.facts.outputs, returned, strict=False))
            observed |= dict(zip(further, returned[len(self.facts.outputs) :], strict=True))
        return observed

    def _try(
        self, names: tuple[str, ...], feeds: Arrays, wanted: Sequence[npt.NDArray[Any]]
    ) -> Run | None:
        try:
            run = self._plain(exposed(self._model, names))
            return run if same_bits(run(feeds), wanted) else None
        except BitgaugeError:
            return None


class FloatModel:
    """The float model's tensors by name, for comparison; its graph as it was written.

    Args:
        model: encoded.
        plain: as for `Instrumented`.

    Raises:
        BitgaugeError: the runtime refuses it.
    """

    def __init__(self, model: bytes, plain: Callable[[bytes], Run]) -> None:
        decoded = _decoded(model)
        facts = read_graph(decoded)
        self._names = [*facts.outputs]
        self._names += [n for n in exposable(facts) if n not in facts.outputs]
        self._run = plain(exposed(decoded, tuple(self._names)))

    def observe(self, feeds: Arrays) -> Arrays:
        """Every tensor of one call by name."""
        return {**feeds, **dict(zip(self._names, self._run(feeds), strict=True))}


def _decoded(model: bytes) -> Any:
    try:
        import onnx
    except ModuleNotFoundError as error:
        raise Uninstrumentable(
            "Package onnx, which reads the executed graph, is not installed."
        ) from error
    return onnx.load_model_from_string(model)
