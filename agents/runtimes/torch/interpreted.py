"""An exported program whose tensors are all shown, run node by node (measurement.md D-5).

Its own module is interpreted: the same operators on the same tensors in the same order, so that
the outputs stay production's bit for bit, which is asserted on every call. What an operator
changes in place is copied before the next one runs. A program that was compiled has no tensors
but its borders: there the outputs alone are seen. Only a child imports this module.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from bitgauge.benchmarks.numerics.graph import GraphFacts
from bitgauge.benchmarks.numerics.shown import ALL, Arrays, Observes, Uninstrumentable, same_bits
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError

from . import graph as graphs
from .session import TorchSession, to_numpy
from .wording import QUANTIZES, kind_of

_BYTES = {1: torch.uint8, 2: torch.int16}


@dataclass(frozen=True, slots=True)
class TorchGraph:
    """A production session on a program; see `base.OpenGraph`.

    Attributes:
        execution: how it is executed.
        module: what runs it where it runs eager, else None.
        plain: makes a session that runs another program eager, and its module.
    """

    session: TorchSession
    execution: str
    module: Any
    plain: Callable[[Path], tuple[TorchSession, Any]]

    def look(self, feeds: Arrays) -> Interpreted | OutputsOf:
        """Its own module, node by node; of what is compiled the outputs."""
        if self.module is None:
            return OutputsOf(self.session, self.execution)
        return Interpreted(self.session, self.module, feeds)

    def in_reference_kernels(self) -> None:
        """Eager it computes in the only ones; compiled it was held against those when it was made.

        Where an answer of it was further off than rounding it was refused, see `executions`.
        """

    def reference(self, path: Path) -> Observes:
        """The float program, run eager: what is compiled answers the same but for rounding."""
        session, module = self.plain(path)
        own = None if self.module is None else self.module.graph
        return Reference(session, module, own)


class Interpreted:
    """One program whose tensors can be looked at; see `shown.Shown`.

    Args:
        production: runs it as production does.
        module: what it runs.
        feeds: of one call, to try it with.

    Raises:
        Uninstrumentable: its outputs cannot be had a second time, or it multiplies in a form that
            is not counted.
    """

    exposure = ALL
    why_not = ""

    def __init__(self, production: TorchSession, module: Any, feeds: Arrays) -> None:
        if production.keeps_state:
            raise Uninstrumentable("A call of it changes what the next one computes.")
        self._production = production
        self._module = module
        self._borders = _borders(production, module)
        facts, self._names = graphs.read_graph(module, self._borders)
        try:
            _, node_by_node = self._run(feeds)
        except BitgaugeError as error:
            raise Uninstrumentable(f"It cannot be run node by node: {error.sentence}") from error
        self.facts: GraphFacts = replace(facts, constants=node_by_node.constants(facts))

    def observe(self, feeds: Arrays) -> Arrays:
        """Every tensor of one call by name: feeds, inner tensors and outputs."""
        found, node_by_node = self._run(feeds)
        if not same_bits(found, self._production.run(feeds)):
            raise Uninstrumentable("Run node by node an output differs from production's.")
        outputs = dict(zip(self._production.output_names, found, strict=True))
        return {**feeds, **node_by_node.seen, **outputs}

    def _run(self, feeds: Arrays) -> tuple[list[Any], NodeByNode]:
        run = NodeByNode(self._module, self._names, graphs.constants_of(self._module.graph))
        return self._production.run_by(run.call, feeds), run


class Reference:
    """The float program; only tensors that stand where ours of the same names do."""

    def __init__(self, session: TorchSession, module: Any, own: Any) -> None:
        self._session, self._module = session, module
        self._names: dict[Any, str] = {}
        if own is not None:
            names = graphs.names_of(module.graph, _borders(session, module))
            kept = graphs.pairs(own, module.graph)
            self._names = {node: name for node, name in names.items() if node in kept}
        self._constant = graphs.constants_of(module.graph)

    def observe(self, feeds: Arrays) -> Arrays:
        """Feeds, inner tensors and outputs of one call by name."""
        run = NodeByNode(self._module, self._names, self._constant)
        outputs = self._session.run_by(run.call, feeds)
        return {**feeds, **run.seen, **dict(zip(self._session.output_names, outputs, strict=True))}


class OutputsOf:
    """A compiled program: its outputs, and why nothing else; see `shown.Shown`."""

    exposure = ""

    def __init__(self, session: TorchSession, execution: str) -> None:
        self._session = session
        self.why_not = (
            f"Execution {execution} fuses its operators into kernels whose inner tensors are never"
            " made, so that its outputs alone are seen; measured eager the same program shows"
            " them."
        )
        self.facts = GraphFacts.of_outputs(session.output_names)

    def observe(self, feeds: Arrays) -> Arrays:
        """Feeds and outputs of one call by name."""
        outputs = self._session.run(feeds)
        return {**feeds, **dict(zip(self._session.output_names, outputs, strict=True))}


def _borders(session: TorchSession, module: Any) -> graphs.Borders:
    names = [one.name for one in session.input_specs]
    return graphs.borders_of(module.graph, names, session.output_names)


class NodeByNode(torch.fx.Interpreter):
    """One call of a module, whose tensors are copied as soon as they are made.

    Args:
        names: of the nodes whose tensors are copied.
        constant: nodes that are the same at every call; they are kept as they are.
    """

    def __init__(self, module: Any, names: dict[Any, str], constant: frozenset[Any]) -> None:
        super().__init__(module)
        self._shown, self._constant = names, constant
        self.seen: Arrays = {}
        self._kept: dict[str, Any] = {}

    def call(self, *tensors: Any) -> Any:
        """What the module returns; tensors in the order of its inputs."""
        return self.run(*tensors, enable_io_processing=False)

    def run_node(self, n: Any) -> Any:
        """One operator, and a copy of what it made."""
        made = super().run_node(n)
        name = self._shown.get(n)
        if name is None or not isinstance(made, torch.Tensor) or n.op == "output":
            return made
        if n in self._constant:
            self._kept[name] = made
        else:
            self.seen[name] = to_numpy(made)
            if kind_of(n) in QUANTIZES:
                self._parameters(n, name, made)
        return made

    def _parameters(self, node: Any, name: str, codes: Any) -> None:
        """Scale and zero point of codes, as their operator was given them."""
        given = self.fetch_args_kwargs_from_env(node)[0]
        affine = kind_of(node).endswith("affine")
        scale, zero = given[2:4] if affine else given[1:3]
        shape = tuple(codes.shape)
        blocks = graphs.blocks_of(kind_of(node), given, shape)
        held = np.asarray(scale if not isinstance(scale, torch.Tensor) else to_numpy(scale))
        zeros = np.asarray(
            0 if zero is None else zero if not isinstance(zero, torch.Tensor) else to_numpy(zero)
        )
        self.seen[graphs.scale_of(name)] = graphs.broadcast(held.astype(np.float32), shape, blocks)
        self.seen[graphs.zero_of(name)] = graphs.broadcast(zeros.astype(np.int64), shape, blocks)

    def constants(self, facts: GraphFacts) -> Arrays:
        """The constant factors of products; bytes stand for types that numpy has not."""
        wanted = {name for one in facts.operators for name in (one.b, *one.inputs)}
        return {
            name: _stored(made)
            for name, made in self._kept.items()
            if name in wanted and type(made) in (torch.Tensor, torch.nn.Parameter)
        }


def _stored(made: Any) -> Any:
    if str(made.dtype).startswith(("torch.float8", "torch.bfloat16")):
        made = made.contiguous().view(_BYTES[made.element_size()])
    return made.detach().cpu().numpy()
