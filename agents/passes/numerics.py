"""Pass `numerics`: what each tensor and each integer operator lost, in the production kernels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bitgauge.benchmarks.analysis.bounds import bounds_of, least_ns
from bitgauge.benchmarks.common.said import said
from bitgauge.benchmarks.numerics.integer_operator import spread
from bitgauge.benchmarks.numerics.ledger import Ledger
from bitgauge.benchmarks.numerics.ledger_builder import LedgerBuilder
from bitgauge.benchmarks.numerics.shown import Observes, OutputsAlone, Uninstrumentable
from bitgauge.benchmarks.quality.sets import EvaluationSet
from bitgauge.benchmarks.raw.anchors import from_items
from bitgauge.benchmarks.raw.container import RawFile
from bitgauge.benchmarks.raw.numerics import numerics_raw
from bitgauge.benchmarks.vocabulary.enums import PassName
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError

from ..runtimes.base import OpenGraph, OpensGraph
from .base import Child

NAME = PassName.NUMERICS

MAX_SAMPLES = 256
_BATCH = 32
"""Samples per call where codes do not depend on it: many small calls only cost time."""
_MAX_CALLS = 48
"""Calls where codes do depend on it, so that the workload's own batch has to be taken."""
_TWIN_MACS = 1_000_000_000
"""Multiplications that reference kernels are asked for: they do some hundred million a second."""
_BYTES_PER_CALL = 64 << 20
"""Tensors of one call, so that memory stays bounded; they are looked at in double precision."""
_BYTES = 2 << 30
"""Tensors of all calls, so that time does."""


def measure(child: Child) -> RawFile:
    """One launch of the pass; see `base.PassModule`."""
    open_graph = child.runtime.TRAITS.graph
    if open_graph is None:
        sentence = f"Runtime {child.spec.runtime} does not show its inner tensors."
        return numerics_raw(child.origin, Ledger(samples=0, why_not=sentence))
    try:
        ledger = _ledger(child, open_graph)
        anchors = from_items(child.spec.anchors)
        child.channel.least_ns = least_ns(bounds_of(ledger, anchors, child.spec.workload))
        return numerics_raw(child.origin, ledger)
    except Uninstrumentable as error:
        why_not = str(error)
    except BitgaugeError as error:
        why_not = f"The executed graph cannot be run: {error.sentence}"
    except (ValueError, KeyError, IndexError, TypeError) as error:
        # A graph that nobody foresaw costs its ledger, not the run's other numbers.
        why_not = f"The ledger does not know such a graph: {said(error)}"
    return numerics_raw(child.origin, Ledger(samples=0, why_not=why_not))


def _ledger(child: Child, open_graph: OpensGraph) -> Ledger:
    evaluation = child.evaluation()
    child.channel.phase("load")
    paths = [Path(path) for path in child.spec.paths]
    opened = _opened(child, open_graph, paths[-1])
    first = child.batches(evaluation, opened.session, fit=True)
    shown = opened.look(first.first())
    held = sum(array.nbytes for array in shown.observe(first.first()).values()) / first.batch
    fitting = max(1, min(_BATCH, len(evaluation), int(_BYTES_PER_CALL / max(held, 1))))
    batch = child.batch if shown.facts.dynamic else max(child.batch, fitting)
    most = max(batch, int(_BYTES / max(held, 1)))
    samples = min(MAX_SAMPLES, len(evaluation), batch * _MAX_CALLS, most)
    # Whole calls: a sample that fills one up would be counted twice.
    evaluation = _spread_over(evaluation, samples - samples % batch or samples)
    batches = child.batches(evaluation, opened.session, batch, fit=True)
    reference = _reference(child, opened) if len(paths) > 1 else None
    child.channel.phase("measure")
    builder = LedgerBuilder(shown.facts, -(-len(evaluation) // batches.batch))
    twin = _twin(opened)
    for call, (count, feeds) in enumerate(batches.all(), start=1):
        wanted = reference.observe(feeds) if reference is not None else None
        seen = shown.observe(feeds)
        builder.add(seen, batches.batch, count, wanted)
        if twin is not None and call * batches.batch * builder.macs <= _TWIN_MACS:
            builder.add_twin(seen, twin.observe(feeds))
        child.channel.gap()
    opened.session.close()
    return replace(builder.ledger(shown.exposure), why_not=shown.why_not)


def _opened(child: Child, open_graph: OpensGraph, path: Path) -> OpenGraph:
    try:
        return open_graph(path, child.options(), Path(child.spec.result).parent)
    except BitgaugeError as error:
        # Its quality was measured before, so that it can be loaded; only this cannot be done.
        raise Uninstrumentable(f"The executed graph cannot be had: {error.sentence}") from error


def _twin(opened: OpenGraph) -> Observes | None:
    """The same artifact in reference kernels; without them only that comparison is missing."""
    try:
        return opened.in_reference_kernels()
    except BitgaugeError:
        return None


def _reference(child: Child, opened: OpenGraph) -> Observes | None:
    """The float model; without it only the comparison with it is missing.

    Of one in another runtime the outputs alone are compared: its tensors are of another graph, and
    have other names.
    """
    path = child.spec.paths[0]
    try:
        if len(set(child.spec.runtimes)) == 1:
            return opened.reference(Path(path))
        session = child.session(path)
        return OutputsAlone(session.run, session.output_names)
    except (BitgaugeError, Uninstrumentable):
        return None


def _spread_over(evaluation: EvaluationSet, count: int) -> EvaluationSet:
    """At most `count` samples, evenly spread over the set."""
    chosen = spread(len(evaluation), count)
    return EvaluationSet(
        inputs={name: array[chosen] for name, array in evaluation.inputs.items()},
        labels=None if evaluation.labels is None else evaluation.labels[chosen],
        ids=evaluation.ids[chosen],
    )
