"""The look at a built tflite file before a device sees it; see `_checks.onnx` beside it.

Its kernels here are LiteRT's own, on this machine's CPU, and where those disagree with its delegate
both are held against the model: what they compute tells whether the file is sound, and nothing
about a device.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import cached_property
from itertools import islice

import numpy as np
from bitgauge.benchmarks.common.said import said
from bitgauge.benchmarks.common.tflite.tables import BITS, FileTensor
from bitgauge.benchmarks.numerics.decoded import decoded
from bitgauge.benchmarks.vocabulary.enums import FormatFamily
from bitgauge.benchmarks.vocabulary.recipes import Scheme

from ....models.formats import tflite
from ....models.formats.tflite.graph import LiteGraph
from ..._lite import LiteInterpreter
from ...base import BuildRequest, Unsupported
from .. import _ranges, _samples
from .._agreement import NEAR, Counterpart, Deviation, Forced, Quantizer, Tensors, differs, gap
from .._samples import Feeds, Samples
from .._share import Share
from .._verdict import Verdict, broken, percent
from .forcing import LiteForcing
from .share import share

VERSION = 2
"""Raised when the same artifact would be judged otherwise; part of a build's key."""
LARGEST_KEPT = 0.9
"""Share of the model's bytes that a file of integers may still take."""
MOST_CALLS = 8
"""Of the model and of what was built, to compare what they return."""
_CODES = {"INT8": "i1", "UINT8": "u1", "INT16": "i2"}


def check(request: BuildRequest) -> Verdict:
    """Look at what was built for `request`.

    Raises:
        Unsupported: it cannot be used; the reason is one sentence.
    """
    if request.recipe.family is FormatFamily.FP32:
        return Verdict(None)
    found = _Artifact(request)
    found.require_load()
    quantized = found.require_quantized()
    return found.verdict(quantized)


class _Artifact:
    """One built file beside the model that it was built of."""

    def __init__(self, request: BuildRequest) -> None:
        self.request = request
        self.data = request.output.read_bytes()
        self.source_data = request.baseline.read_bytes()
        self.source_graph = LiteGraph.of(self.source_data, "the model")
        self.notes: list[str] = []
        self.own_are_wrong = False
        self.graph: LiteGraph
        self.without: LiteInterpreter
        self.delegated: LiteInterpreter
        self.source: LiteInterpreter

    def require_load(self) -> None:
        """Load both, and hold the artifact's inputs and outputs against the model's by name."""
        try:
            self.source = LiteInterpreter(self.source_data, as_it_stands=True, tensors=True)
        except Exception as error:  # LiteRT raises no classes of its own
            raise Unsupported(
                f"The model itself does not load in LiteRT: {self._said(error)}."
            ) from error
        try:
            self.graph = LiteGraph.of(self.data, "what was built")
            self.without = LiteInterpreter(self.data, as_it_stands=True)
            self.delegated = LiteInterpreter(self.data)
        except Exception as error:
            raise broken(f"it does not load: {self._said(error)}") from error
        for side, wanted in self.source.signature().items():
            there = self.without.signature()[side]
            if there != wanted:
                raise broken(f"its {side} are {', '.join(there)}, the model's {', '.join(wanted)}")

    def require_quantized(self) -> Share:
        """Refuse a file in which nothing, or hardly anything, became smaller."""
        found = share(self.graph, self.request.recipe.scheme)
        quantized, total = found.operators
        left = ", ".join(f"{count} {what}" for what, count in sorted(found.left.items()))
        if total and not quantized:
            raise broken(f"nothing was quantized: {left}")
        sizes, stored = self._sizes
        if sizes[1] > sizes[0] and stored[1] > stored[0]:
            raise broken(
                f"the file grew from {sizes[0]} to {sizes[1]} bytes: its tensors take {stored[1]}"
                f" bytes where the model's take {stored[0]}"
            )
        if (
            self.request.recipe.scheme is not None
            and sizes[1] > LARGEST_KEPT * sizes[0]
            and stored[1] > LARGEST_KEPT * stored[0]
        ):
            raise broken(
                f"it keeps {percent(sizes[1] / sizes[0])} of the model's size, so most of its"
                f" weights are no integers: {left or 'they belong to no product of matrices'}"
            )
        return found

    @property
    def _sizes(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """Bytes of the files and of the tensors that they hold, before and after."""
        return (
            (len(self.source_data), len(self.data)),
            (_stored_bytes(self.source_graph), _stored_bytes(self.graph)),
        )

    def verdict(self, found: Share) -> Verdict:
        """Run samples through both, and judge."""
        sample = self._sample()
        if sample is None:
            return Verdict(found, None, tuple(self.notes))
        seen = self._require_calibration(sample)
        compared = False
        for call in islice(self._calls(sample), MOST_CALLS):
            expected = self.source.run(call)
            try:
                plain, delegated = self.without.run(call), self.delegated.run(call)
            except Exception as error:
                raise broken(f"it does not run: {self._said(error)}") from error
            if not compared and differs(plain, expected):
                compared = True  # what one layer does to its values is the same in every call
                one = Samples(call, sample.calibrated)
                self._require_agreement(one, expected, plain, delegated)
            if self.own_are_wrong or (changed := gap(delegated, plain)) <= 2 * NEAR:
                continue
            one = Samples(call, sample.calibrated)
            if not self._own_alone_are_wrong(one, expected, plain, delegated):
                raise broken(
                    f"LiteRT's delegate changes its outputs by {percent(changed)}"
                    " (optimiser_changed_result)"
                )
        return Verdict(found, seen, tuple(self.notes))

    def _sample(self) -> Samples | None:
        """The first inputs that the model takes."""
        specs = tflite.facts(self.request.baseline, "the model").inputs
        failed = "there are none"
        for sample in _samples.candidates(specs, self.request.calibration, self.request.batch):
            try:
                self.source.run(sample.feeds)
            except Exception as error:  # this batch, or these sizes, are none that it takes
                failed = self._said(error)
            else:
                return sample
        self.notes.append(f"no samples that the model takes were found: {failed}")
        return None

    def _calls(self, sample: Samples) -> Iterator[Feeds]:
        if sample.calibrated and self.request.calibration is not None:
            return _samples.batches(sample, self.request.calibration)
        return iter((sample.feeds,))

    @cached_property
    def _common(self) -> dict[str, tuple[int, int]]:
        """Places of the tensors that both compute or are given, by name: the model's, and ours."""
        before, after = _computed(self.source_graph), _computed(self.graph)
        return {
            name: (before[name], after[name])
            for name in before
            if name in after
            and self.source_graph.tensors[before[name]].kind == "FLOAT32"
            and _stands_for_numbers(self.graph.tensors[after[name]])
        }

    def _quantizer(self, name: str) -> Quantizer | None:
        """What the codes of a common tensor do to it; None where it holds numbers."""
        tensor = self.graph.tensors[self._common[name][1]]
        return _quantizer(name, tensor) if tensor.quantized else None

    def _fixed(self) -> list[Quantizer]:
        """Every scale that calibration has set: where numbers become codes, then of codes."""
        tensors, found = self.graph.tensors, []
        for one in self.graph.operators:
            name = tensors[one.inputs[0]].name if one.inputs else ""
            if one.kind == "QUANTIZE" and name in self._common:
                found.append(_quantizer(name, tensors[one.outputs[0]]))
        return [*found, *filter(None, map(self._quantizer, self._common))]

    def _require_calibration(self, sample: Samples) -> int | None:
        """Hold fixed scales against the calibration set; how many samples were seen."""
        fixed = self._fixed()
        if not fixed or not sample.calibrated:
            return None
        places = {one.tensor: self._common[one.tensor][0] for one in fixed}

        def run(feeds: Tensors) -> Tensors:
            self.source.run(feeds)
            return self.source.values(places)

        reached, seen, whole = _ranges.peaks(run, self._calls(sample))
        makers = _makers(self.source_graph)
        if whole and (found := _ranges.uncalibrated(fixed, reached, makers)) is not None:
            quantizer, why = found
            raise broken(
                f"calibration did not set the scale of {self._named(quantizer.tensor)}: {why}"
            )
        return seen

    def _require_agreement(
        self, sample: Samples, expected: Tensors, plain: Tensors, delegated: Tensors
    ) -> None:
        try:
            difference = self._worst(sample)
        except Exception as error:  # an operator that cannot stand alone
            self.notes.append(f"layers were not compared: {self._said(error)}")
            if (off := gap(plain, expected)) >= 1:
                raise broken(f"its outputs are off by {percent(off)}") from error
            return
        if difference is None:
            return
        if not self._own_alone_are_wrong(sample, expected, plain, delegated):
            raise broken(
                f"{self._named(difference.tensor)} is off by {percent(difference.relative)} of its"
                f" size, where rounding explains {percent(difference.explained)}"
            )

    def _own_alone_are_wrong(
        self, sample: Samples, expected: Tensors, plain: Tensors, delegated: Tensors
    ) -> bool:
        """Whether LiteRT's delegate answers as the model does where its own kernels do not.

        Then the file is sound: which of two kernels is right is not its matter, and is told.
        """
        off = gap(plain, expected)
        if gap(delegated, plain) <= 2 * NEAR or 2 * gap(delegated, expected) >= off:
            return False
        if self._worst(sample, delegated=True) is not None:
            return False
        self.own_are_wrong = True
        self.notes.append(
            "LiteRT's delegate answers as the model does; its own kernels do not"
            f" (kernels=builtin is off by {percent(off)})"
        )
        return True

    def _worst(self, sample: Samples, *, delegated: bool = False) -> Deviation | None:
        """The first layer that rounding does not explain, in LiteRT's own kernels or not."""
        self.source.run(sample.feeds)
        expected = self.source.values({name: at for name, (at, _) in self._common.items()})
        hybrid = self._read_while_running
        points = tuple(
            Counterpart(name, name, self._quantizer(name), self._common[name][1] in hybrid)
            for name in self._common
            if name in expected
        )
        places = {one.name: self._common[one.name][1] for one in points}
        kinds = {one.name: np.dtype(np.float32) for one in points}
        clamped = self.request.recipe.scheme is Scheme.STATIC and not sample.calibrated
        compute = LiteForcing(self.data, places, delegated).compute
        return Forced(compute, points, kinds, expected, clamped).worst()

    @property
    def _read_while_running(self) -> set[int]:
        """Tensors of numbers that a product of integers reads: it computes their scale."""
        tensors = self.graph.tensors
        return {
            one.inputs[0]
            for one in self.graph.operators
            if len(one.inputs) > 1
            and tensors[one.inputs[0]].kind == "FLOAT32"
            and tensors[one.inputs[1]].quantized
        }

    def _named(self, tensor: str) -> str:
        """A tensor with the operator that makes it."""
        maker = _makers(self.source_graph).get(tensor)
        return f"the input {tensor!r}" if maker is None else f"{tensor!r} of {maker}"

    def _said(self, error: Exception) -> str:
        return said(error, decoded(self.request.baseline))


def _quantizer(name: str, tensor: FileTensor) -> Quantizer:
    """What the codes of a tensor do to the one called `name`."""
    limits = np.iinfo(np.dtype(_CODES[tensor.kind]))
    scale, zero = max(tensor.scales), next(iter(tensor.zeros), 0)
    low, high = ((at - zero) * scale for at in (limits.min, limits.max))
    return Quantizer(name, f"{scale!r} {zero}", scale, low, high)


def _computed(graph: LiteGraph) -> dict[str, int]:
    """What operators make and what is handed in, by name; not what goes by no name of its own."""
    made = {at for one in graph.operators for at in one.outputs} | set(graph.inputs.values())
    counted = Counter(one.name for one in graph.tensors)
    return {
        graph.tensors[at].name: at for at in sorted(made) if counted[graph.tensors[at].name] == 1
    }


def _makers(graph: LiteGraph) -> dict[str, str]:
    """Operator types by the names of the tensors that they make."""
    return {graph.tensors[at].name: one.kind for at, one in graph.makers.items()}


def _stands_for_numbers(tensor: FileTensor) -> bool:
    return tensor.kind == "FLOAT32" or (tensor.quantized and tensor.kind in _CODES)


def _stored_bytes(graph: LiteGraph) -> int:
    """Of the tensors that a file holds."""
    held = (one for one in graph.tensors if one.constant)
    return sum(one.elements * BITS.get(one.kind, 8) for one in held) // 8
