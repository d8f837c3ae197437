"""A baseline that is not in order is put in order, and both are run to see that they agree.

What is done to an ONNX model may change what it answers; a GGUF file is widened, which cannot.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from bitgauge.benchmarks.common.said import said
from bitgauge.benchmarks.numerics.external_data import copy_model, save_model
from bitgauge.benchmarks.quality.batches import batch_sizes
from bitgauge.benchmarks.quality.sets import EvaluationSet, InputSpec, read_evaluation_set
from bitgauge.benchmarks.vocabulary.values.jobs import JobSpec

from ..builders import _sessions
from ..builders.registry import version_of
from ..decisions.steps import wants_memory
from ..decisions.submission import ORDER_RECIPE, asked_of_baseline
from ..models.formats import gguf as gguf_format
from ..models.formats import onnx as onnx_format
from ..models.formats.gguf import order as gguf_order
from ..models.formats.onnx import order
from ..models.formats.onnx.order import dims, names
from ..models.formats.onnx.order.agreement import Outputs, difference
from ..models.formats.onnx.order.base import NOTHING, OrderTerms
from ..models.recognise import kind_of

SAMPLES = 8
"""How many samples both forms of the model are run on, in batches that it takes."""
FEW_SAMPLES = 2
"""The same where the definitions of the operators are run, which takes longer."""
_PACKAGES = ("onnx", "onnx-ir", "numpy")

Feeds = dict[str, Any]
Answers = Callable[[Feeds], Outputs]


def toolchain() -> str:
    """What shapes a baseline in order, besides the file and the samples."""
    packages = " ".join(f"{name}={version_of(name)}" for name in _PACKAGES)
    return f"{ORDER_RECIPE}/{order.VERSION}.{gguf_order.VERSION} {packages} {_sessions.toolchain()}"


def wanted_of(spec: JobSpec) -> OrderTerms:
    """What a job asks of its baseline."""
    return OrderTerms(spec.float32, tuple((one.name, int(one.value)) for one in spec.dims))


def wanted_by(recipe: str) -> OrderTerms:
    """What the recipe of an ordered baseline asks for."""
    return OrderTerms(*asked_of_baseline(recipe))


def out_of_order(path: Path, kind: str, wanted: OrderTerms, label: str) -> tuple[str, ...]:
    """What of a model file is not in order; nothing of one that cannot be read as ONNX.

    Raises:
        BadInput: BAD_ARGUMENT, a size is given to an axis that it does not have; BAD_MODEL, it says
            of itself that it is GGUF and is none.
    """
    if kind == gguf_format.NAME:
        return gguf_order.out_of_order(path, label)
    if kind != onnx_format.NAME:
        return ()
    try:
        model = _read(path, weights=False)
        found = order.out_of_order(model, wanted)
    except Exception:  # what is wrong with it, the look into the file says
        return ()
    dims.require_named(model, wanted, label)
    return found


def reformats(kind: str) -> bool:
    """Whether putting a file of a kind in order leaves it in another format than it was sent in.

    A GGUF file is only ever widened; a graph stays what it was, but for doubles that its owner has
    converted.
    """
    return kind == gguf_format.NAME


def put_in_order(
    baseline: Path, evaluation: Path, wanted: OrderTerms, output: Path
) -> tuple[str, ...]:
    """Write the model in order, or the file as it is when no step could be taken.

    Returns:
        What was done and what was left out, in few words each.
    """
    if kind_of(baseline) == gguf_format.NAME:  # exact, so that there is nothing to run
        words = gguf_order.out_of_order(baseline, "the baseline")
        gguf_order.put_in_order(baseline, "the baseline", output)
        return words
    try:
        model = _read(baseline, weights=True)
        runs = _Runs(model, read_evaluation_set(evaluation))
        found = order.put_in_order(model, runs.differs, wanted)
    except Exception as error:  # the libraries raise what they like on a model that does not run
        if wants_memory(error):
            raise
        left = order.out_of_order(_read(baseline, weights=False), wanted)
        copy_model(baseline, output)
        return tuple(order.left_out(words, said(error)) for words in left)
    if found.done:
        save_model(found.model, output)
    else:
        copy_model(baseline, output)
    return (*found.done, *found.left_out)


def _read(path: Path, *, weights: bool) -> Any:
    import onnx

    return onnx.load(str(path), load_external_data=weights)


class _Runs:
    """What a model answers to a few samples, and whether another form answers the same.

    Raises:
        Exception: the model cannot be run on the samples, or does not repeat itself.
    """

    def __init__(self, model: Any, samples: EvaluationSet) -> None:
        self._feeds, self._before, self._opened = _first_that_runs(model, samples)
        again = self.differs(model)
        if again:
            raise ValueError(f"the model does not repeat itself: {again}")

    def differs(self, candidate: Any) -> str:
        """In what a candidate answers otherwise; empty: in nothing."""
        answers, pairs = self._opened(candidate), zip(self._feeds, self._before, strict=True)
        return next(filter(None, (difference(old, answers(one)) for one, old in pairs)), "")


def _by_runtime(model: Any) -> Answers:
    """Runs a model as its graph stands: an optimiser may round differently."""
    session = _sessions.open_session(model.SerializeToString(), as_it_stands=True)
    return lambda feeds: session.run(None, feeds)


def _renamed(model: Any) -> Answers:
    """As `_by_runtime`, which refuses two nodes of one name; another name changes no answer."""
    return _by_runtime(names.taken(model, NOTHING))


def _by_reference(model: Any) -> Answers:
    """Runs a model by the definitions of its operators, slowly; these are lax about types."""
    from onnx import checker
    from onnx.reference import ReferenceEvaluator

    checker.check_model(model, full_check=True)
    evaluator = ReferenceEvaluator(model)
    return lambda feeds: [np.asarray(one) for one in evaluator.run(None, feeds)]


_WAYS = ((_by_runtime, SAMPLES), (_renamed, SAMPLES), (_by_reference, FEW_SAMPLES))


def _first_that_runs(
    model: Any, samples: EvaluationSet
) -> tuple[list[Feeds], list[Outputs], Callable[[Any], Answers]]:
    """Feeds of the first batch size that a model takes, its answers, and what runs it.

    A file that is out of order may be one that onnxruntime refuses for that.
    """
    specs = onnx_format.inputs_of(model)
    refused: Exception = ValueError("its inputs fix different batches")
    for opened, count in _WAYS:
        for size in batch_sizes(specs, count):
            feeds = list(_feeds(specs, samples, size, count))
            try:
                answers = opened(model)
                return feeds, [answers(one) for one in feeds], opened
            except Exception as error:  # onnxruntime's own classes, none public
                refused = error
    raise refused


def _feeds(
    specs: Sequence[InputSpec], samples: EvaluationSet, size: int, count: int
) -> Iterator[Feeds]:
    for start in range(0, max(count, size), size):
        rows = np.arange(start, start + size) % len(samples)
        yield {spec.name: samples.inputs[spec.name][rows].astype(spec.dtype) for spec in specs}
