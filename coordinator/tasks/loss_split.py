"""How much accuracy rounding, clipping and the kernels cost, by running what lies between them.

From the float model to the device there are three steps (measurement.md E.3): codes without an end,
which only round; codes as they are, computed in floating point, which clip too; and the integer
kernels of the device. The first two are run here, in a sandbox, of an artifact that is made of
pairs of QuantizeLinear and DequantizeLinear; the last is what the device answered.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from bitgauge.benchmarks.common.said import said
from bitgauge.benchmarks.quality.accuracy import Paired, tango_bounds
from bitgauge.benchmarks.quality.batches import batch_sizes
from bitgauge.benchmarks.quality.heads import right
from bitgauge.benchmarks.quality.observed import predicted
from bitgauge.benchmarks.quality.sets import EvaluationSet, read_evaluation_set
from bitgauge.benchmarks.stats.paired import LEVEL
from bitgauge.benchmarks.vocabulary.errors import BadInput, BitgaugeError, Code

from ..builders import _sessions
from ..decisions.steps import Ending, StepLimit, error_of, wants_memory
from ..models.recognise import inspect_model
from .activations import LONGEST_LOOK_S
from .nursery.nursery import Nursery
from .nursery.order import Order, Site
from .reference import BATCH, first_answered

STEPS = ("rounding", "clipping", "kernel")


@dataclass(frozen=True, slots=True)
class Simulated:
    """Which samples are right, a 0 or 1 for each, in the order of the evaluation set.

    Attributes:
        plain: with the float model.
        rounded: with codes that have no end.
        coded: with codes as they are, computed in floating point.
    """

    plain: str
    rounded: str
    coded: str


@dataclass(frozen=True, slots=True)
class LossStep:
    """What one step costs, paired by sample.

    Attributes:
        name: of `STEPS`.
        before_pct: accuracy without it, in percent.
        after_pct: with it.
        delta_pp: of that, in points.
        low_pp: lower end of the interval of 95 %.
        high_pp: upper end.
    """

    name: str
    before_pct: float
    after_pct: float
    delta_pp: float
    low_pp: float
    high_pp: float


def loss_steps(found: Simulated, on_device: npt.NDArray[np.bool_]) -> tuple[LossStep, ...]:
    """The three steps, whose differences add up to the whole.

    Args:
        found: what was run here.
        on_device: which samples the device got right, in the same order.
    """
    every = [np.array(list(one)) == "1" for one in (found.plain, found.rounded, found.coded)]
    every.append(on_device)
    steps = []
    for name, before, after in zip(STEPS, every, every[1:], strict=False):
        lost, won = int((before & ~after).sum()), int((~before & after).sum())
        paired = Paired(before.size, lost, won)
        low, high = tango_bounds(paired, LEVEL)
        shares = 100 * float(before.mean()), 100 * float(after.mean())
        steps.append(LossStep(name, *shares, 100 * paired.delta, 100 * low, 100 * high))
    return tuple(steps)


def simulated_in_sandbox(
    baseline: Path, artifact: Path, evaluation: Path, output: str
) -> Simulated:
    """`simulate`, in a process that can reach nothing but these files.

    Raises:
        BitgaugeError: as `simulate`; `STEP_LIMIT`, `STEP_CRASHED`; `SANDBOX_UNAVAILABLE`.
    """
    files = tuple(one.resolve() for one in (baseline, artifact, evaluation))
    order = Order(simulate, (*files, output), StepLimit(LONGEST_LOOK_S), files)
    with (
        tempfile.TemporaryDirectory(prefix="bitgauge-split-") as folder,
        Nursery(Site(Path(folder))) as nursery,
    ):
        found = nursery.raised(order, Simulated)
    if isinstance(found, Ending):
        raise error_of(found, "splitting the loss of an artifact")
    if isinstance(found, BitgaugeError):
        raise found
    assert isinstance(found, Simulated)
    return found


def simulate(baseline: Path, artifact: Path, evaluation: Path, output: str) -> Simulated:
    """Run the float model and two forms of the artifact on an evaluation set with labels.

    Args:
        baseline: an ONNX file.
        artifact: made of it, with pairs of QuantizeLinear and DequantizeLinear.
        evaluation: with labels of classes.
        output: name of the output that is judged.

    Raises:
        BadInput: it cannot be split, with the reason.
    """
    samples = read_evaluation_set(evaluation)
    if samples.labels is None:
        raise BadInput(Code.BAD_EVALUATION_SET, "The set has no labels, so no loss to split.")
    import onnx

    try:
        coded = onnx.load(str(artifact))
        answers = [
            _right(model, samples, baseline, output)
            for model in (
                baseline.read_bytes(),
                without_ends(coded).SerializeToString(),
                artifact.read_bytes(),
            )
        ]
    except BitgaugeError:
        raise
    except Exception as error:  # onnx's and onnxruntime's own classes
        if wants_memory(error):
            raise
        raise BadInput(
            Code.BAD_MODEL, f"The artifact cannot be run here: {said(error)}."
        ) from error
    return Simulated(*answers)


def _right(model: bytes, samples: EvaluationSet, baseline: Path, output: str) -> str:
    specs = inspect_model(baseline, "the baseline").inputs
    session = _sessions.open_session(model, as_it_stands=True)
    told = predicted(first_answered(session, samples, batch_sizes(specs, BATCH)), samples.labels)
    one = told.get(output) if output in told or len(told) != 1 else next(iter(told.values()))
    if one is None:
        raise BadInput(Code.BAD_MODEL, f"No output {output!r} tells classes here.")
    assert samples.labels is not None
    return "".join("1" if each else "0" for each in right(one, samples.labels))


def without_ends(model: Any) -> Any:
    """The model with activations that are rounded to their scales and not clipped.

    An end that lies at 0 stays: quantizers have it do the work of a Relu that they take out.

    Raises:
        BadInput: its activations are not quantized by pairs with constant scales.
    """
    import onnx

    made = onnx.ModelProto()
    made.CopyFrom(model)
    graph = made.graph
    constant = {tensor.name: tensor for tensor in graph.initializer}
    readers: dict[str, list[Any]] = {}
    for node in graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    quantizers = [
        node
        for node in graph.node
        if node.op_type == "QuantizeLinear" and node.input[0] not in constant
    ]
    if not quantizers:
        raise BadInput(
            Code.BAD_MODEL,
            "The artifact quantizes no activations by pairs of QuantizeLinear and DequantizeLinear,"
            " so its loss cannot be split.",
        )
    replaced: dict[int, list[Any]] = {}
    for at, node in enumerate(quantizers):
        pairs = readers.get(node.output[0], [])
        _require_pair(node, pairs, constant)
        for n, pair in enumerate(pairs):
            replaced[id(pair)] = _rounded(node, pair, _sign(node, constant), f"unclipped_{at}_{n}")
    kept = [
        each
        for node in graph.node
        if node not in quantizers
        for each in replaced.get(id(node), [node])
    ]
    del graph.node[:]
    graph.node.extend(kept)
    return made


def _require_pair(node: Any, pairs: list[Any], constant: Mapping[str, Any]) -> None:
    scale = constant.get(node.input[1])
    single = scale is not None and int(np.prod(scale.dims)) == 1
    if not single or not pairs or any(one.op_type != "DequantizeLinear" for one in pairs):
        raise BadInput(
            Code.BAD_MODEL,
            f"{node.input[0]!r} of the artifact is not quantized by a pair with one constant scale,"
            " so its loss cannot be split.",
        )


def _sign(node: Any, constant: Mapping[str, Any]) -> int:
    """1 where its lowest code is 0, -1 where its highest is, 0 where 0 lies between."""
    from onnx import numpy_helper

    zero = constant.get(node.input[2]) if len(node.input) > 2 else None
    if zero is None:
        return 1 if len(node.input) <= 2 else 0  # u8 with its zero at the lowest code
    code = numpy_helper.to_array(zero)
    if code.dtype.kind not in "iu":
        return 0
    ends = np.iinfo(code.dtype)
    return int(code.item() == ends.min) - int(code.item() == ends.max)


def _rounded(node: Any, pair: Any, sign: int, name: str) -> list[Any]:
    from onnx import helper

    value, scale, made = node.input[0], node.input[1], pair.output[0]
    nodes = []
    if sign:
        nodes = [helper.make_node("Relu", [value], [f"{name}_relu"], f"{name}_relu")]
        value = f"{name}_relu"
    if sign < 0:
        turned = f"{name}_turned"
        nodes = [
            helper.make_node("Neg", [node.input[0]], [turned], f"{name}_neg"),
            helper.make_node("Relu", [turned], [f"{name}_half"], f"{name}_relu"),
            helper.make_node("Neg", [f"{name}_half"], [value], f"{name}_back"),
        ]
    return [
        *nodes,
        helper.make_node("Div", [value, scale], [f"{name}_steps"], f"{name}_div"),
        helper.make_node("Round", [f"{name}_steps"], [f"{name}_whole"], f"{name}_round"),
        helper.make_node("Mul", [f"{name}_whole", scale], [made], f"{name}_mul"),
    ]
