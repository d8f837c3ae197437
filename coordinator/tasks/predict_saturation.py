"""What an artifact would lose on an x86 host without VNNI, told without such a host.

From the weights alone: which layers hold pairs that leave int16 for some activations. With data:
how many pairs leave it, how many outputs that makes wrong, and what the predictions become. The
graph is the one that ONNX Runtime executes; it is the same on hosts with and without VNNI.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from bitgauge.benchmarks.common.said import said
from bitgauge.benchmarks.numerics.emulated_host import EmulatedHost
from bitgauge.benchmarks.numerics.external_data import whole_model
from bitgauge.benchmarks.numerics.graph import GraphFacts, GraphOperator
from bitgauge.benchmarks.numerics.instrument import Instrumented
from bitgauge.benchmarks.numerics.integer_operator import PAIRING, spread
from bitgauge.benchmarks.numerics.kernel_check import unsafe_share
from bitgauge.benchmarks.numerics.ledger import WEIGHT_ONLY, OperatorRow
from bitgauge.benchmarks.numerics.ledger_builder import LedgerBuilder
from bitgauge.benchmarks.numerics.onnx_graph import read_graph
from bitgauge.benchmarks.numerics.shown import Arrays, Run, Uninstrumentable
from bitgauge.benchmarks.quality.batches import batch_sizes
from bitgauge.benchmarks.quality.heads import matrix_of, predictions, right
from bitgauge.benchmarks.quality.observed import Observed, judged_output
from bitgauge.benchmarks.quality.sets import EvaluationSet, check_inputs, read_evaluation_set
from bitgauge.benchmarks.vocabulary.errors import BadInput, BitgaugeError, Code, Refused
from bitgauge.benchmarks.vocabulary.reasons import AMBIGUOUS_OUTPUT, REASONS, ROWS_DEPEND_ON_DATA
from bitgauge.benchmarks.vocabulary.typed import unknown

from ..builders import _sessions
from ..models.recognise import inspect_model

SAMPLES = 256
"""Run unless told otherwise."""
_BATCH = 32

SAFE, MAY, DOES = "safe", "may saturate", "saturates"


@dataclass(frozen=True, slots=True)
class LayerPrediction:
    """One integer operator with constant or computed weights.

    Attributes:
        name: of its node.
        op_type: as it is executed.
        depth: products in one sum; 0 when only data would tell.
        verdict: `safe` for whatever input, `may saturate`, or with data `saturates`.
        unsafe_pct: pairs of weights that leave int16 for some activations, in %; None when the
            weights are computed or the kernel pairs nothing.
        saturated_pct: pair sums beyond int16 on the data, in %.
        wrong_outputs_pct: outputs that are then off by more than one step, in %.
    """

    name: str
    op_type: str
    depth: int
    verdict: str
    unsafe_pct: float | None
    saturated_pct: float | None = None
    wrong_outputs_pct: float | None = None


@dataclass(frozen=True, slots=True)
class Prediction:
    """A whole artifact.

    Attributes:
        summary: one sentence.
        layers: integer operators in the order of execution.
        seven_bit_layers: those to give 7-bit weights.
        samples: that were run; 0 without data.
        of_samples: that the set holds.
        changed_predictions: samples whose class changes; None without classes.
        accuracy_here_pct: top-1 accuracy here, in %; None without labels.
        accuracy_there_pct: on a host without VNNI.
        output: name of the output that these are about, where there are others.
        not_judged: why none is.
    """

    summary: str
    layers: tuple[LayerPrediction, ...] = ()
    seven_bit_layers: tuple[str, ...] = ()
    samples: int = 0
    of_samples: int = 0
    changed_predictions: int | None = None
    accuracy_here_pct: float | None = None
    accuracy_there_pct: float | None = None
    output: str = ""
    not_judged: str = ""


def predict(
    model: Path, data: Path | None = None, samples: int = SAMPLES, output: str = ""
) -> Prediction:
    """What an ONNX file would lose; with an evaluation set, which is run here, also how often.

    Args:
        model: the file.
        data: the set, or None to judge by the weights alone.
        samples: the most to run, evenly spread over the set.
        output: name of the one that is judged; empty: the one that the labels fit.

    Raises:
        BadInput: the model, the output's name or the set is at fault.
        Refused: ONNX Runtime is not installed, or cannot execute the model.
    """
    inspected = inspect_model(model, model.name)
    evaluation = None if data is None else read_evaluation_set(data)
    if evaluation is not None:
        check_inputs(evaluation, inspected.inputs)
    graph, production, plain = _open(model)
    facts = read_graph(_decoded(graph))
    if output and output not in facts.outputs:
        raise unknown("output", output, facts.outputs)
    if not any(one.integer is not None for one in facts.operators):
        return Prediction(_nothing(facts, model.name))
    if evaluation is None:
        layers = tuple(_from_weights(one, facts) for one in facts.operators if one.integer)
        return Prediction(_sentence(layers, with_data=False), layers, _affected(layers))
    calls = _taken(
        production, _Calls(evaluation, samples, output), batch_sizes(inspected.inputs, _BATCH)
    )
    return _with_data(graph, facts, production, plain, calls)


def _taken(production: Run, calls: _Calls, sizes: Sequence[int]) -> _Calls:
    """The calls in batches of the first size that the model takes.

    Raises:
        BadInput: it takes none of them.
    """
    refused = BadInput(Code.BAD_MODEL, "The model's inputs fix different batches.")
    for calls.batch in sizes:
        try:
            production(next(iter(calls))[1])
            return calls
        except BadInput as error:
            refused = error
    raise refused


class _Calls:
    """Some samples of a set, call by call, and the output that is judged on them."""

    def __init__(self, evaluation: EvaluationSet, most: int, output: str) -> None:
        self.output = output
        chosen = spread(len(evaluation), most)
        self.of_samples = len(evaluation)
        self.batch = _BATCH
        self.labels = None if evaluation.labels is None else evaluation.labels[chosen]
        self._inputs = {name: array[chosen] for name, array in evaluation.inputs.items()}
        self.samples = int(chosen.size)

    def __iter__(self) -> Iterator[tuple[int, Arrays]]:
        """How many samples of a call are new, and its feeds; the last call is filled up."""
        for start in range(0, self.samples, self.batch):
            rows = np.arange(start, start + self.batch) % self.samples
            feeds = {name: np.ascontiguousarray(a[rows]) for name, a in self._inputs.items()}
            yield min(self.batch, self.samples - start), feeds


def _with_data(
    graph: bytes,
    facts: GraphFacts,
    production: Run,
    plain: Callable[[bytes], Run],
    calls: _Calls,
) -> Prediction:
    builder = LedgerBuilder(facts, -(-calls.samples // calls.batch))
    elsewhere = EmulatedHost(graph, plain)
    here, there = (Observed(facts.outputs, calls.samples) for _ in range(2))
    for one in (here, there):
        one.keep(facts.outputs)
    try:
        shown = Instrumented(graph, production, plain, next(iter(calls))[1])
        for count, feeds in calls:
            observed = shown.observe(feeds)
            builder.add(observed, calls.batch, count)
            here.add([observed[name] for name in facts.outputs], calls.batch, count)
            there.add(elsewhere(feeds), calls.batch, count)
    except Uninstrumentable as error:
        raise Refused(Code.RUN_FAILED, str(error)) from error
    rows = zip(facts.operators, builder.ledger("all").operators, strict=True)
    layers = tuple(_from_data(one, facts, row) for one, row in rows if one.integer)
    found = Prediction(
        summary=_sentence(layers, with_data=True),
        layers=layers,
        seven_bit_layers=_affected(layers),
        samples=calls.samples,
        of_samples=calls.of_samples,
    )
    return _with_predictions(found, here, there, calls.labels, calls.output)


def _with_predictions(
    found: Prediction,
    here: Observed,
    there: Observed,
    labels: npt.NDArray[np.int64] | None,
    wish: str,
) -> Prediction:
    """With what the judged output predicts here and there; without, why nothing is judged."""
    judged, head = judged_output(here, labels, wish)
    if judged.reason or head is None:
        which = f": {judged.why}" if judged.reason == AMBIGUOUS_OUTPUT else ""
        return replace(found, not_judged=REASONS[judged.reason] + which)
    if not there.is_whole(judged.output):
        return replace(found, not_judged=REASONS[ROWS_DEPEND_ON_DATA])
    ours, theirs = (
        predictions(head, matrix_of(head, one.rows(judged.output))) for one in (here, there)
    )
    return replace(
        found,
        output=judged.output if judged.others else "",
        changed_predictions=int(np.count_nonzero(~right(theirs, ours))),
        accuracy_here_pct=_accuracy(ours, labels),
        accuracy_there_pct=_accuracy(theirs, labels),
    )


def _from_weights(one: GraphOperator, facts: GraphFacts) -> LayerPrediction:
    assert one.integer is not None
    unsafe, verdict = None, SAFE
    if one.constant_weight and one.b in facts.constants:
        unsafe = unsafe_share(one.integer, facts.constants)
        verdict = MAY if unsafe else SAFE
    elif _pairs_when_run(one, facts):
        verdict = MAY
    weights = facts.constants.get(one.b)
    depth = 0
    if weights is not None:
        filters = weights.shape[0 if one.integer.geometry or one.integer.transposes[1] else -1]
        depth = weights.size // filters if weights.ndim == 2 or one.integer.geometry else 0
    return LayerPrediction(
        one.name, one.op_type, depth, verdict, None if unsafe is None else 100 * unsafe
    )


def _pairs_when_run(one: GraphOperator, facts: GraphFacts) -> bool:
    """Whether computed weights meet the pairing kernel, by the types of the zero points."""
    assert one.integer is not None
    a, b = (facts.constants.get(name) for name in (one.integer.a_zero, one.integer.b_zero))
    unsigned = a is None or a.dtype == np.uint8
    return one.op_type in PAIRING and unsigned and b is not None and b.dtype == np.int8


def _from_data(one: GraphOperator, facts: GraphFacts, row: OperatorRow) -> LayerPrediction:
    layer = _from_weights(one, facts)
    if not row.elements:
        return layer
    return LayerPrediction(
        name=layer.name,
        op_type=layer.op_type,
        depth=row.depth,
        verdict=DOES if row.saturated_pairs else layer.verdict,
        unsafe_pct=layer.unsafe_pct,
        saturated_pct=100 * row.rate16,
        wrong_outputs_pct=100 * row.emulated_errors1 / row.elements,
    )


def _affected(layers: tuple[LayerPrediction, ...]) -> tuple[str, ...]:
    """Layers to give 7-bit weights: those seen to saturate, without data those that may."""
    seen = tuple(one.name for one in layers if one.verdict == DOES)
    measured = any(one.saturated_pct is not None for one in layers)
    return seen if measured else tuple(one.name for one in layers if one.verdict == MAY)


def _sentence(layers: tuple[LayerPrediction, ...], *, with_data: bool) -> str:
    affected, total = len(_affected(layers)), len(layers)
    one = total == 1
    if all(layer.verdict == SAFE for layer in layers):
        who = "Its one integer layer cannot" if one else f"None of its {total} integer layers can"
        return f"{who} saturate, whatever the input."
    if not with_data:
        who = "Its one integer layer" if one else f"{affected} of its {total} integer layers"
        return f"{who} may saturate; --data tells how often."
    if not affected:
        who = "Its one integer layer does not" if one else f"None of its {total} integer layers"
        return f"{who} saturate on this data, and may on other data."
    if one:
        return "Its one integer layer saturates on this data."
    verb = "saturates" if affected == 1 else "saturate"
    return f"{affected} of its {total} integer layers {verb} on this data."


def _nothing(facts: GraphFacts, label: str) -> str:
    if any(one.compute == WEIGHT_ONLY for one in facts.operators):
        return (
            f"{label} stores integer weights but multiplies in floating point: nothing can"
            " saturate in 16 bits."
        )
    if facts.claims_integer:
        return (
            f"{label} is quantized, but no operator of it runs in an integer kernel: nothing can"
            " saturate in 16 bits."
        )
    return f"{label} has no integer weights: nothing can saturate in 16 bits."


def _accuracy(told: npt.NDArray[np.int64], labels: npt.NDArray[np.int64] | None) -> float | None:
    return None if labels is None else 100 * float(np.mean(right(told, labels)))


def _decoded(graph: bytes) -> Any:
    import onnx

    return onnx.load_model_from_string(graph)


def _open(model: Path) -> tuple[bytes, Run, Callable[[bytes], Run]]:
    """The executed graph, a production runner, and a maker of runners of graphs as they stand."""

    def plain(graph: bytes) -> Run:
        return _runner(graph, as_it_stands=True)

    with tempfile.TemporaryDirectory(prefix="bitgauge-predict-") as folder:
        saved = Path(folder, "executed.onnx")
        production = _runner(str(model), saved)
        try:
            return whole_model(saved, model.parent), production, plain
        except ValueError as error:
            raise BadInput(
                Code.BAD_MODEL, f"The graph of {model.name} is too large to look into: {error}."
            ) from error


def _runner(source: str | bytes, saved: Path | None = None, *, as_it_stands: bool = False) -> Run:
    with _refusing():
        session = _sessions.open_session(source, saved, as_it_stands=as_it_stands)

    def run(feeds: Arrays) -> list[npt.NDArray[Any]]:
        with _refusing():
            outputs: list[npt.NDArray[Any]] = session.run(None, feeds)
        return outputs

    return run


@contextmanager
def _refusing() -> Iterator[None]:
    """Whatever the library raises becomes one sentence."""
    try:
        yield
    except BitgaugeError:
        raise
    except Exception as error:
        sentence = f"ONNX Runtime cannot execute the model: {said(error)}."
        raise BadInput(Code.BAD_MODEL, sentence) from error
