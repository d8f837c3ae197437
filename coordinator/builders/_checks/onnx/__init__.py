"""The look at a built ONNX artifact before a device sees it.

What fails is a build that cannot be used, with the reason; it is never a format's accuracy.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from bitgauge.benchmarks.common.said import said
from bitgauge.benchmarks.numerics import fp8
from bitgauge.benchmarks.numerics.external_data import size_of
from bitgauge.benchmarks.vocabulary.enums import FormatFamily
from bitgauge.benchmarks.vocabulary.recipes import RangeMethod, Scheme, kept_names

from ..._sessions import EXACT_MODE
from ...base import BuildRequest, Unsupported
from .. import _agreement as agreement
from .. import _ranges as ranges
from .. import _samples as samples
from .._agreement import Quantizer
from .._samples import Samples
from .._share import Share
from .._verdict import Verdict, broken, percent
from . import execution, optimiser, share, weights
from .forcing import Forcing
from .graph import constants, made, points, quantizers, with_outputs
from .widened import widened

VERSION = 4
"""Raised when the same artifact would be judged otherwise; part of a build's key."""
LARGEST_BYTES = 1 << 30
"""Above this a graph is not copied, and is compared at its outputs alone."""


def check(request: BuildRequest) -> Verdict:
    """Look at what was built for `request`.

    Raises:
        Unsupported: it cannot be used; the reason is one sentence.
    """
    import onnx

    if request.recipe.family is FormatFamily.FP32:
        return Verdict(None)
    found = _Artifact(request, onnx.load(str(request.baseline)), onnx.load(str(request.output)))
    found.require_load()
    found.require_size()
    found.require_signature()
    found.require_weights()
    return found.verdict()


class _Artifact:
    """One built artifact beside its baseline, both decoded and loaded.

    `built` is what was built, `model` and `file` what is executed of it: itself, or the same with
    its bfloat16 widened, which a processor has no kernels for.
    """

    def __init__(self, request: BuildRequest, baseline: Any, model: Any) -> None:
        self.request, self.baseline, self.built, self.model = request, baseline, model, model
        self.file: Path | bytes = request.output
        self.notes: list[str] = []
        self.without: Any = None
        self.optimised: Any = None
        self.float: Any = None
        self._is_exact = True

    def require_size(self) -> None:
        """Refuse an artifact whose stored tensors are larger than the baseline's.

        The file alone may grow: in a tiny model the names of new nodes weigh more than weights.
        """
        before, after = _stored_bytes(self.baseline), _stored_bytes(self.built)
        files = size_of(self.request.baseline), size_of(self.request.output)
        if after > before and files[1] > files[0]:
            raise broken(
                f"the file grew from {files[0]} to {files[1]} bytes: its tensors take {after} bytes"
                f" where the model's take {before}"
            )

    def require_load(self) -> None:
        """Load it with optimisations on and off."""
        try:
            self.without = self._opened_as_it_stands()
        except Exception as error:  # onnxruntime raises classes of its own, none public
            raise broken(f"it does not load: {said(error, self.model)}") from error
        try:
            self.optimised = execution.opened(self.file)
        except Exception as error:
            self._require_load_without_exactness(error)
        if fp8.is_unfused(self.optimised):
            self.notes.append(fp8.NOTE)

    def _opened_as_it_stands(self) -> Any:
        """It, or the same with its bfloat16 widened where it does not load and that does."""
        try:
            return execution.opened(self.file, as_it_stands=True)
        except Exception:
            wide = widened(self.built) if self._is_small else None
            if wide is None:
                raise
            self.model, self.file = wide, wide.SerializeToString()
            self.notes.append(
                "looked at with its bfloat16 widened to float32, for which there are kernels here:"
                " how its activations are rounded was not seen"
            )
            return execution.opened(self.file, as_it_stands=True)

    def _require_load_without_exactness(self, error: Exception) -> None:
        """Go on where it is only the mode of exact kernels that cannot have the artifact.

        That mode turns signed weights into unsigned ones, and ends with an error at a constant that
        several operators read.
        """
        words = said(error, self.model)
        try:
            self.optimised = execution.opened(self.file, exact=False)
        except Exception as plain:
            raise broken(
                f"it does not load with graph optimisations on: {said(plain, self.model)}"
            ) from plain
        self._is_exact = False
        self.notes.append(
            "its outputs with graph optimisations on were not compared: with"
            f" {EXACT_MODE} it does not load ({words})"
        )

    def require_signature(self) -> None:
        """Hold inputs and outputs against the baseline's, by name and type."""
        try:
            self.float = execution.opened(self.request.baseline, as_it_stands=True)
        except Exception as error:
            raise Unsupported(
                f"The model itself does not load in ONNX Runtime: {said(error, self.baseline)}."
            ) from error
        for what in ("get_inputs", "get_outputs"):
            wanted = {one.name: one.type for one in getattr(self.float, what)()}
            there = {one.name: one.type for one in getattr(self.without, what)()}
            if wanted != there:
                word = what.removeprefix("get_")
                raise broken(f"its {word} are {_listed(there)}, the model's are {_listed(wanted)}")

    def require_weights(self) -> None:
        """Hold the stored weights against the model's."""
        if (found := weights.misfit(self.model, self.baseline)) is not None:
            name, steps = found
            raise broken(
                f"the weight {name!r} is off by {steps:.1f} steps, where rounding explains one"
            )

    def verdict(self) -> Verdict:
        """Run a few samples through both, and judge."""
        found = self._samples()
        if found is None:
            return self._closed(share.share(self.built, {}), None)
        sample, expected = found
        outputs = [one.name for one in self.without.get_outputs()]
        shapes = share.tensors_needed(self.model) if self._is_small else ()
        try:
            values = self._values(self.model, sample, [*outputs, *shapes])
            optimised = execution.run(self.optimised, sample.feeds, outputs)
        except execution.TooSlow:
            self.notes.append("one call of the artifact takes longer than the check waits")
            return self._closed(share.share(self.built, {}), None)
        except Exception as error:
            raise broken(f"it does not run: {said(error, self.model)}") from error
        plain = {name: values[name] for name in outputs if name in values}
        share_found = share.share(self.built, values | sample.feeds)
        if not self._repeats(sample, expected):
            self.notes.append("its values were not compared: the model does not repeat itself")
            return self._closed(share_found, None)
        seen = self._require_calibration(sample)
        if agreement.differs(plain, expected):
            self._require_agreement(sample, expected, plain)
        self._require_parity(sample, plain, optimised)
        return self._closed(share_found, seen)

    def _repeats(self, sample: Samples, expected: agreement.Tensors) -> bool:
        """Whether the float model gives the same twice; noise of its own is no broken build."""
        again = execution.run(self.float, sample.feeds, list(expected))
        return all(
            np.array_equal(again[name], value, equal_nan=value.dtype.kind == "f")
            for name, value in expected.items()
        )

    def _closed(self, found: Share, seen: int | None) -> Verdict:
        quantized, total = found.operators
        if total and not quantized:
            listed = ", ".join(f"{count} {left}" for left, count in sorted(found.left.items()))
            raise broken(f"nothing was quantized: {listed}")
        self._require_kept(found)
        return Verdict(found, seen, tuple(self.notes))

    def _require_kept(self, found: Share) -> None:
        """Refuse where a quantizer has not left in float what it was told to."""
        wanted = kept_names(self.request.recipe)
        if not wanted:
            return
        before = share.share(self.baseline, {}).products
        kept = sum(one.skipped == share.LEFT for one in before if one.name in wanted)
        left = sum(one.skipped == share.LEFT for one in found.products)
        if left < kept:
            raise broken(f"of {kept} layers that were to stay in float, {left} did")

    @property
    def _is_small(self) -> bool:
        paths = (self.request.baseline, self.request.output)
        return max(map(size_of, paths)) <= LARGEST_BYTES

    def _samples(self) -> tuple[Samples, agreement.Tensors] | None:
        """The first inputs that the float model takes, with its outputs."""
        from ....models.recognise import inspect_model

        specs = inspect_model(self.request.baseline, "the baseline").inputs
        outputs = [one.name for one in self.float.get_outputs()]
        failed = "there are none"
        for sample in samples.candidates(specs, self.request.calibration, self.request.batch):
            try:
                return sample, execution.run(self.float, sample.feeds, outputs)
            except execution.TooSlow:
                self.notes.append("one call of the model takes longer than the check waits")
                return None
            except Exception as error:  # this batch, or these sizes, are none that it takes
                failed = said(error, self.baseline)
        self.notes.append(f"no samples that the model takes were found: {failed}")
        return None

    def _values(self, model: Any, sample: Samples, names: list[str]) -> dict[str, Any]:
        if not self._is_small or names == [one.name for one in self.without.get_outputs()]:
            return execution.run(self.without, sample.feeds, names)
        tapped = with_outputs(model, tuple(dict.fromkeys(names))).SerializeToString()
        session = execution.opened(tapped, as_it_stands=True)
        return execution.run(session, sample.feeds, list(dict.fromkeys(names)))

    def _require_calibration(self, sample: Samples) -> int | None:
        """Hold fixed scales against the calibration set; how many samples were seen."""
        known = {*made(self.baseline.graph), *(one.name for one in self.baseline.graph.input)}
        fixed = [one for one in quantizers(self.model).values() if one.tensor in known]
        if not fixed or not sample.calibrated or not self._is_small:
            return None
        assert self.request.calibration is not None
        names = tuple(dict.fromkeys(one.tensor for one in fixed))
        try:
            session = execution.opened(
                with_outputs(self.baseline, names).SerializeToString(), as_it_stands=True
            )
            reached, seen, whole = ranges.peaks(
                lambda feeds: execution.run(session, feeds, names),
                samples.batches(sample, self.request.calibration),
            )
        except Exception as error:
            self.notes.append(f"calibration was not looked at: {said(error, self.baseline)}")
            return None
        if whole:
            self._require_reached(fixed, reached)
        return seen

    def _require_reached(self, fixed: list[Quantizer], reached: dict[str, float]) -> None:
        makers = {name: str(node.op_type) for name, node in made(self.baseline.graph).items()}
        if (found := ranges.uncalibrated(fixed, reached, makers)) is not None:
            quantizer, why = found
            raise broken(
                f"calibration did not set the scale of {self._named(quantizer.tensor)}: {why}"
            )

    def _require_agreement(
        self, sample: Samples, expected: agreement.Tensors, plain: agreement.Tensors
    ) -> None:
        try:
            difference = self._worst(sample)
        except Exception as error:
            self.notes.append(f"layers were not compared: {said(error, self.model)}")
            off = agreement.gap(plain, expected)
            if off < 1:
                return
            raise broken(f"its outputs are off by {percent(off)}") from error
        if difference is not None:
            raise broken(
                f"{self._named(difference.tensor)} is off by {percent(difference.relative)} of its"
                f" size, where rounding explains {percent(difference.explained)}"
            )

    def _worst(self, sample: Samples) -> agreement.Deviation | None:
        """The first layer that rounding does not explain."""
        if not self._is_small:
            raise ValueError("the model is larger than what is copied")
        given = {one.name for one in self.baseline.graph.input}
        known = frozenset({*made(self.baseline.graph), *given})
        at = points(self.model, known)
        names = tuple(dict.fromkeys(one.of for one in at if one.of not in given))
        expected = self._tapped(self.baseline, sample, names) | dict(sample.feeds)
        built = self._tapped(self.model, sample, tuple(one.name for one in at))
        usable = [one for one in at if one.name in built and one.of in expected]
        recipe = self.request.recipe  # of an own name nobody says how its ranges were found
        clamped = (recipe.scheme is Scheme.STATIC or recipe.own_calibrated) and (
            recipe.ranges is not RangeMethod.MIN_MAX or not sample.calibrated
        )
        kinds = {one.name: built[one.name].dtype for one in usable}
        compute = Forcing(self.model, kinds, sample.feeds).compute
        return agreement.Forced(compute, usable, kinds, expected, clamped).worst()

    @staticmethod
    def _tapped(model: Any, sample: Samples, names: tuple[str, ...]) -> dict[str, Any]:
        session = execution.opened(
            with_outputs(model, names).SerializeToString(), as_it_stands=True
        )
        return execution.run(session, sample.feeds, names)

    def _require_parity(
        self, sample: Samples, plain: agreement.Tensors, optimised: agreement.Tensors
    ) -> None:
        if not self._is_small or not self._is_exact:
            return
        changed = optimiser.changes(self.model, sample.feeds, plain, optimised)
        if changed is not None:
            raise broken(
                f"graph optimisations of ONNX Runtime change its outputs by {percent(changed)}"
                f" (optimiser_changed_result, by"
                f" {optimiser.culprit(self.file, sample.feeds, plain)})"
            )

    def _named(self, tensor: str) -> str:
        """A tensor with the operator that makes it."""
        node = made(self.baseline.graph).get(tensor)
        if node is None:
            return f"the input {tensor!r}"
        called = f" {node.name!r}" if node.name else ""
        return f"{tensor!r} of {node.op_type}{called}"


def _stored_bytes(model: Any) -> int:
    from onnx import helper

    return sum(
        int(np.prod(one.dims, dtype=np.float64))
        * np.dtype(helper.tensor_dtype_to_np_dtype(one.data_type)).itemsize
        for one in constants(model).values()
    )


def _listed(types: dict[str, str]) -> str:
    return ", ".join(f"{name} {kind}" for name, kind in sorted(types.items())) or "none"
