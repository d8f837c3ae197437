"""From what a graph's tensors held, call by call, to the overflow ledger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from .code_operator import check_codes
from .graph import (
    CONVOLUTION,
    DENSE,
    Codes,
    GraphFacts,
    GraphOperator,
    numbers,
    parameters_of,
    with_narrow_floats,
)
from .integer_operator import IntegerOperator, NotComputable
from .kernel_check import Checked, KernelCounts, check, unsafe_share
from .ledger import (
    ELEMENTWISE,
    INTEGER,
    OPAQUE,
    SEVEN_BIT_WEIGHTS,
    Divergence,
    Ledger,
    OperatorRow,
)
from .multiplications import multiplications
from .quantizing import FLOAT8, U8_OF_CALL
from .saturation import int32_safe
from .tensor_tally import TensorTally, sqnr_db
from .twin import TwinTally

Arrays = Mapping[str, npt.NDArray[Any]]

MAX_MACS = 250_000_000
"""Multiplications spent on computing one operator again; outputs beyond are left out evenly."""
DROP_DB = 6.0
_SUFFIXES = ("/duplicated", "_QuantizeLinear_Output", "_DequantizeLinear_Output", "_quantized")
_SHORT = {
    "uint8": "u8",
    "int8": "s8",
    "uint16": "u16",
    "int16": "s16",
    "float16": "f16",
    "float32": "f32",
    "float64": "f64",
}


_COUNTED = {one.name for one in fields(KernelCounts)} & {one.name for one in fields(OperatorRow)}
"""What a row of the ledger takes over from the sums of its calls."""


@dataclass(slots=True, eq=False)
class _Seen:
    """What is known of one operator while calls come in."""

    counts: KernelCounts
    why: str
    types: tuple[str, str] = ("", "")
    macs: int = 0
    depth: int = 0
    unsafe: float | None = None
    safe: bool = True


def float_name(name: str) -> str:
    """The tensor of the float model that `name` stands for, as onnxruntime's quantizer names it."""
    for suffix in _SUFFIXES:
        name = name.removesuffix(suffix)
    return name


class LedgerBuilder:
    """Collects the tensors of one graph.

    Args:
        facts: the graph that is executed.
        calls: about how many calls will come.
        max_macs: multiplications to spend on each operator over all calls.
    """

    def __init__(self, facts: GraphFacts, calls: int, max_macs: int = MAX_MACS) -> None:
        self._facts = facts
        self._calls = max(calls, 1)
        self._per_call = max(1, max_macs // self._calls)
        self._samples = 0
        self._quantized = {one.real for one in facts.codes.values() if not one.dynamic}
        self._tallies: dict[str, TensorTally] = {}
        # By identity: graphs inside two branches may use one name for two tensors.
        self._seen = {id(one): _Seen(KernelCounts(), one.why) for one in facts.operators}
        self._output = np.zeros(2)
        self._twin = TwinTally(facts.outputs, facts.steps)

    def add(
        self, observed: Arrays, batch: int, samples: int, reference: Arrays | None = None
    ) -> None:
        """One call.

        Args:
            observed: tensors by name as the device made them, with the feeds.
            batch: how many samples the call took.
            samples: how many of them are new; the rest fills the call up.
            reference: tensors of the float model by name, for the same samples.
        """
        self._samples += samples
        observed = with_narrow_floats(observed, self._facts.codes)
        values = {**self._facts.constants, **observed}
        checked = {
            one.output: found
            for one in self._facts.operators
            if (found := self._operator(one, values, batch)) is not None
        }
        for name, producer in self._facts.producers.items():
            if name in observed and name not in self._facts.copies:
                self._tensor(name, producer, values, checked.get(name), reference or {})
        if reference and self._facts.outputs:
            name = self._facts.outputs[0]
            if name in observed and name in reference:
                own = numbers(observed[name], self._facts.codes.get(name), values)
                if own is not None:
                    self._compare_output(own, reference[name])

    @property
    def macs(self) -> int:
        """Multiplications of one sample, as far as calls have told."""
        return sum(seen.macs for seen in self._seen.values())

    def add_twin(self, observed: Arrays, twin: Arrays) -> None:
        """One call's outputs beside those of the runtime's reference kernels."""
        self._twin.add(observed, twin)

    def _shown(self, name: str) -> str:
        """A name that a person finds in the model."""
        alias = self._facts.aliases.get(name, name)
        return name if alias == name else f"{float_name(alias)} (rewritten)"

    def ledger(self, exposure: str) -> Ledger:
        """The ledger of all calls; `exposure` as in `Ledger`."""
        rows = tuple(tally.row() for tally in self._tallies.values())
        return Ledger(
            samples=self._samples,
            claims_integer=self._facts.claims_integer,
            exposure=exposure,
            tensors=rows,
            operators=tuple(self._row(one) for one in self._facts.operators),
            output_sqnr_db=sqnr_db(*self._output.tolist()),
            twin_elements=self._twin.elements,
            twin_differing=self._twin.differing,
            twin_steps=self._twin.steps,
            divergences=tuple(
                found for found in (self._from_baseline(), self._from_exact()) if found is not None
            ),
        )

    def _weight_bytes(self, one: GraphOperator) -> int:
        """Of its constant weights, counted with the first operator that has them."""
        weights = self._facts.constants.get(one.b)
        first = next(other for other in self._facts.operators if other.b == one.b)
        return weights.nbytes if weights is not None and first is one else 0

    def _operator(self, one: GraphOperator, values: Arrays, batch: int) -> Checked | None:
        seen = self._seen[id(one)]
        if one.inside is not None:
            self._hidden(one, seen, batch)
            return None
        if one.a not in values or one.output not in values:
            return None
        if not seen.macs and one.compute != ELEMENTWISE:
            shapes = {
                name: values[name].shape
                for name in (*one.inputs, one.a, one.b, one.output)
                if name in values
            }
            seen.macs = round(_products(one, shapes) / max(batch, 1))
        if not seen.depth:
            self._describe(one, seen, values)
        if (one.integer is None and one.codes is None) or seen.why:
            return None
        try:
            if one.codes is not None:
                found = check_codes(one.codes, values)
            else:
                found = check(cast(IntegerOperator, one.integer), values, self._per_call)
        except NotComputable as error:
            seen.why = str(error)
            return None
        except (KeyError, ValueError, IndexError) as error:
            seen.why = f"its tensors do not fit together ({type(error).__name__})"
            return None
        seen.counts = seen.counts.plus(found.counts)
        return found

    def _hidden(self, one: GraphOperator, seen: _Seen, batch: int) -> None:
        """Types and multiplications of what is not shown, as far as the file states them."""
        assert one.inside is not None, "it is asked of those alone"
        constants = self._facts.constants
        shapes = one.inside.of_call(batch)
        shapes |= {name: constants[name].shape for name in one.inputs if name in constants}
        seen.macs = round(one.inside.times * _products(one, shapes) / max(batch, 1))
        seen.why = f"it is inside the graph of {one.inside.node}, whose tensors are not shown"
        held = _short(constants[one.b].dtype) if one.b in constants else ""
        seen.types = (self._facts.types.get(one.a, ""), one.weight_type or held)

    def _describe(self, one: GraphOperator, seen: _Seen, values: Arrays) -> None:
        """Types, K, and what the weights alone say."""
        a, b = values[one.a], values.get(one.b)
        told = self._facts.types.get(one.a, "")
        if b is None:
            seen.types = (told or _short(a.dtype), "") if one.compute == ELEMENTWISE else seen.types
            return
        kind = _multiplied(one, a.dtype)
        shown = kind if kind == np.uint8 else a.dtype  # signed codes of its own have no name
        seen.types = (told or _short(shown), one.weight_type or _short(b.dtype))
        swapped = one.form == DENSE or (one.integer is not None and one.integer.transposes[1])
        if one.form == CONVOLUTION:
            seen.depth = int(np.prod(b.shape[1:]))
        elif b.ndim > 1:
            seen.depth = b.shape[-1 if swapped else -2]
        if one.integer is None:
            return
        bias = values.get(one.integer.bias)
        wide = bias is not None and bias.dtype == np.int64  # its kernel adds in 64 bits
        if kind.kind in "iu" and b.dtype.kind in "iu" and not wide:
            largest = _largest(bias)
            seen.safe = int32_safe(seen.depth, kind, b.dtype, largest)
        if one.constant_weight:
            seen.unsafe = unsafe_share(one.integer, self._facts.constants)

    def _tensor(
        self,
        name: str,
        producer: str,
        values: Arrays,
        checked: Checked | None,
        reference: Arrays,
    ) -> None:
        x, how = values[name], self._facts.codes.get(name)
        if x.size == 0 or x.dtype.kind not in "fiu":
            return
        tally = self._tallies.get(name)
        value = x
        if x.dtype.kind == "f" and (how is None or not how.float8):
            if x.ndim == 0:
                return  # a scale
            tally = tally or self._tally(name, x, producer)
            tally.add_floats(x)
        else:
            parameters = parameters_of(how, values, x)
            if how is None or parameters is None or x.ndim == 0:
                return
            tally = tally or self._tally(name, x, producer)
            scale, zero = parameters
            kind = FLOAT8.get(how.float8)
            tally.add_codes(x, scale, zero, dynamic=how.dynamic, rails=how.rails, float8=kind)
            if how.real in values:
                tally.add_real(values[how.real], x)
            elif checked is not None:
                tally.add_real(checked.real, checked.codes)
            value = (x.astype(np.float32) - zero) * np.float32(scale)
        self._tallies[name] = tally
        if name in self._quantized:
            return  # its codes are compared: a Relu may still be missing here
        wanted = reference.get(float_name(self._facts.aliases.get(name, name)))
        if wanted is not None:
            tally.add_reference(value, wanted)

    def _tally(self, name: str, x: npt.NDArray[Any], producer: str) -> TensorTally:
        return TensorTally(
            self._shown(name),
            self._facts.types.get(name, _kind(x, self._facts.codes.get(name))),
            producer,
            self._calls,
            channels_last=self._facts.channels_last,
        )

    def _compare_output(self, own: npt.NDArray[Any], wanted: npt.NDArray[Any]) -> None:
        if own.shape == wanted.shape:
            noise = np.square(own.astype(np.float64) - wanted).sum()
            self._output += (float(np.square(wanted.astype(np.float64)).sum()), float(noise))

    def _row(self, one: GraphOperator) -> OperatorRow:
        seen = self._seen[id(one)]
        counts = seen.counts
        row = OperatorRow(
            name=one.name,
            op_type=one.op_type,
            compute=one.compute,
            activation_type=seen.types[0],
            weight_type=seen.types[1],
            constant_weight=one.constant_weight,
            macs=seen.macs,
            depth=seen.depth,
            output=self._shown(one.output),
            fix=one.fix,
            why=seen.why if one.compute in (INTEGER, OPAQUE, ELEMENTWISE) else "",
            **{name: getattr(counts, name) for name in _COUNTED},
            unsafe_pair_share=seen.unsafe,
            int32_safe=seen.safe,
            kernel_sqnr_db=_kernel_db(counts),
            weight_bytes=self._weight_bytes(one),
            inside=one.inside.node if one.inside is not None else "",
            placed=one.placed,
        )
        if row.observed_mode == "sat16":
            row = replace(row, fix=SEVEN_BIT_WEIGHTS)
        return row

    def _from_baseline(self) -> Divergence | None:
        """The first layer 6 dB worse than every one before it.

        The model's own inputs do not count, in whatever shape they are quantized: that is hardly
        ever noisy, and whatever follows would be a layer of divergence.
        """
        worst: float | None = None
        for name, tally in self._tallies.items():
            how = self._facts.codes.get(name)
            if how is not None and how.real in self._facts.given:
                continue
            row = tally.row()
            found = row.reference_sqnr_db
            if found is None:
                continue
            if worst is not None and found < worst - DROP_DB:
                return Divergence(row.name, found, worst, "baseline")
            worst = found if worst is None else min(worst, found)
        return None

    def _from_exact(self) -> Divergence | None:
        """The first operator whose kernel adds 6 dB to the noise of rounding and clipping."""
        for one in self._facts.operators:
            counts = self._seen[id(one)].counts
            got = sqnr_db(counts.signal, counts.noise)
            could = sqnr_db(counts.signal, counts.ideal_noise)
            if counts.errors1 and got is not None and (could is None or got < could - DROP_DB):
                return Divergence(self._shown(one.output), got, could, "exact")
        return None


def _products(one: GraphOperator, shapes: Mapping[str, tuple[int, ...]]) -> int:
    return multiplications(one.form, one.inputs, one.output, (one.a, one.b), shapes)


def _multiplied(one: GraphOperator, given: np.dtype[Any]) -> np.dtype[Any]:
    """The type in which an operator multiplies its activations."""
    how = one.integer.quantizes_input if one.integer is not None else ""
    if not how:
        return given
    return np.dtype(np.uint8 if how == U8_OF_CALL else np.int8)


def _kernel_db(counts: KernelCounts) -> float | None:
    return sqnr_db(counts.signal, counts.noise) if counts.errors0 else None


def _kind(x: npt.NDArray[Any], how: Codes | None) -> str:
    return f"float8_{how.float8}" if how is not None and how.float8 else str(x.dtype)


def _short(kind: np.dtype[Any]) -> str:
    return _SHORT.get(str(kind), str(kind))


def _largest(bias: npt.NDArray[Any] | None) -> int:
    """Largest magnitude of an integer bias; floats are added behind the sums."""
    if bias is None or bias.dtype.kind != "i" or not bias.size:
        return 0
    return int(np.abs(bias.astype(np.int64)).max())
