"""One LiteRT interpreter as a session: floats in, floats out, whatever its borders are.

A file may take and return integers with a scale and a zero point. What feeds it quantizes its
inputs before the clock starts and dequantizes its outputs after it has stopped, as a program on the
device would have to; `options_set` says so.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bitgauge.benchmarks.vocabulary.errors import BadInput, BitgaugeError, Code, Refused
from bitgauge.benchmarks.vocabulary.session_options import CONVERTED

from . import opening

if TYPE_CHECKING:
    import numpy.typing as npt
    from bitgauge.benchmarks.quality.sets import InputSpec

    from ..base import Feeds, Outputs, SessionOptions

    Array = npt.NDArray[Any]


Explains = Callable[[Exception], BitgaugeError]
"""What makes one sentence of what the library raised in a call."""


@dataclass(frozen=True, slots=True)
class Signature:
    """The one function of a file: tensors by the names that its owner gave.

    Attributes:
        inputs: index of the tensor of each input.
        outputs: the same of each output, in the order in which they are returned.
    """

    inputs: dict[str, int]
    outputs: dict[str, int]


def signature_of(interpreter: Any) -> Signature:
    """The file's signature; where it has none, the names of its tensors.

    Raises:
        Refused: `UNSUPPORTED_ARTIFACT`, it has several.
    """
    told: dict[str, Any] = getattr(interpreter, "_get_full_signature_list", dict)()
    if len(told) > 1:
        raise Refused(
            Code.UNSUPPORTED_ARTIFACT,
            f"The file has {len(told)} signatures, {', '.join(sorted(told))}; export the one that"
            " is to be measured alone.",
        )
    for one in told.values():
        return Signature(dict(one["inputs"]), dict(one["outputs"]))
    ins, outs = interpreter.get_input_details(), interpreter.get_output_details()
    return Signature(
        {one["name"]: one["index"] for one in ins}, {one["name"]: one["index"] for one in outs}
    )


@dataclass(frozen=True, slots=True)
class Border:
    """One input or output: its tensor, and how its integers stand for numbers.

    Attributes:
        dtype: of the tensor.
        shape: None where any size is taken.
        scale: 0 where the tensor holds the numbers themselves.
    """

    index: int
    dtype: Any
    shape: tuple[int | None, ...]
    scale: float
    zero_point: int

    @classmethod
    def of(cls, details: dict[str, Any]) -> Border:
        """From what the interpreter tells of a tensor."""
        import numpy as np

        scale, zero_point = details["quantization"]
        stands_for = np.issubdtype(details["dtype"], np.integer) and scale > 0
        sizes = details["shape_signature"] if len(details["shape_signature"]) else details["shape"]
        return cls(
            details["index"],
            details["dtype"],
            tuple(None if size < 0 else int(size) for size in sizes),
            float(scale) if stands_for else 0.0,
            int(zero_point),
        )

    def quantized(self, values: Array) -> Array:
        """What the tensor is to hold; rounded to even and clipped, as LiteRT's QUANTIZE does.

        Raises:
            BadInput: a value is no number.
        """
        import numpy as np
        from bitgauge.benchmarks.numerics.quantizing import codes_of

        if not self.scale or values.dtype == self.dtype:
            return np.ascontiguousarray(values)
        if np.isnan(values).any():
            raise BadInput(
                Code.BAD_EVALUATION_SET,
                f"An input holds NaN, which no {np.dtype(self.dtype).name} code of the file's"
                " border stands for; leave such samples out.",
            )
        return codes_of(values, self.dtype, self.scale, self.zero_point)

    def numbers(self, held: Array) -> Array:
        """What the codes of the tensor stand for."""
        from bitgauge.benchmarks.numerics.quantizing import numbers_of

        return numbers_of(held, self.scale, self.zero_point) if self.scale else held


class LiteRtSession:
    """One interpreter with its tensors; see `base.Session`.

    Args:
        interpreter: the binding's, allocated.
        signature: what goes in and comes out, by name.
        made: what it was made with.
        explains: makes a sentence of what it raises.
    """

    def __init__(
        self, interpreter: Any, signature: Signature, made: dict[str, str], explains: Explains
    ) -> None:
        self._interpreter = interpreter
        self._explains = explains
        self.signature = signature
        ins = {one["index"]: one for one in interpreter.get_input_details()}
        outs = {one["index"]: one for one in interpreter.get_output_details()}
        self._inputs = {name: Border.of(ins[at]) for name, at in signature.inputs.items()}
        self._outputs = {name: Border.of(outs[at]) for name, at in signature.outputs.items()}
        self._made = made | _borders(self._inputs | self._outputs)
        self._sizes = {one.index: tuple(ins[one.index]["shape"]) for one in self._inputs.values()}

    @property
    def interpreter(self) -> Any:
        """The binding's."""
        return self._interpreter

    @property
    def inputs(self) -> dict[str, Border]:
        """What goes in, by name."""
        return dict(self._inputs)

    @property
    def input_specs(self) -> tuple[InputSpec, ...]:
        """What a call needs: numbers where the tensor holds codes of them."""
        import numpy as np
        from bitgauge.benchmarks.quality.sets import InputSpec

        return tuple(
            InputSpec(name, "float32" if one.scale else np.dtype(one.dtype).name, one.shape)
            for name, one in self._inputs.items()
        )

    @property
    def output_names(self) -> tuple[str, ...]:
        """The signature's outputs, in its order."""
        return tuple(self._outputs)

    def options_set(self) -> dict[str, str]:
        """What it was made with, and which borders are quantized outside the clock."""
        return dict(self._made)

    def bind(self, feeds: Feeds) -> Callable[[], None]:
        """Sets the inputs, invokes, reads the outputs: what a program in Python has to do."""
        ready = self._ready(feeds)
        set_tensor, invoke = self._interpreter.set_tensor, self._interpreter.invoke
        get_tensor = self._interpreter.get_tensor
        outputs = [one.index for one in self._outputs.values()]

        def call() -> None:
            for index, values in ready:
                set_tensor(index, values)
            invoke()
            for index in outputs:
                get_tensor(index)

        return call

    def run(self, feeds: Feeds) -> Outputs:
        """One call, its outputs as the numbers that they stand for."""
        held = self.held(feeds)
        return [one.numbers(kept) for one, kept in zip(self._outputs.values(), held, strict=True)]

    def held(self, feeds: Feeds) -> Outputs:
        """One call, its outputs as the tensors hold them."""
        ready = self._ready(feeds)
        try:
            for index, values in ready:
                self._interpreter.set_tensor(index, values)
            self._interpreter.invoke()
            return [self._interpreter.get_tensor(one.index) for one in self._outputs.values()]
        except Exception as error:  # as in `load`
            raise self._explains(error) from error

    def _ready(self, feeds: Feeds) -> list[tuple[int, Array]]:
        """The tensors of a call, their sizes as it wants them.

        Raises:
            BitgaugeError: LiteRT refuses these sizes.
        """
        ready = [(one.index, one.quantized(feeds[name])) for name, one in self._inputs.items()]
        sizes = {index: values.shape for index, values in ready}
        if sizes != self._sizes:
            try:
                for index, shape in sizes.items():
                    # Strict: else a size that the file fixes is overruled, and what was baked in
                    # for the other one computes something else without a word.
                    self._interpreter.resize_tensor_input(index, shape, strict=True)
                self._interpreter.allocate_tensors()
            except Exception as error:  # as in `load`
                raise self._explains(error) from error
            self._sizes = sizes
        return ready

    def close(self) -> None:
        """Drops the interpreter, and with it its memory."""
        self._interpreter = None


def session_on(path: Path, options: SessionOptions, *, shows_all: bool = False) -> LiteRtSession:
    """A session on a file that was looked at; see `opening.interpreter`."""
    made = opening.interpreter(path, options, shows_all=shows_all)
    told = {opening.KERNELS: opening.kernels_of(options), "threads": str(options.threads)}
    told |= {one.name: one.value for one in options.further}
    where = opening.placed(made)
    if where is not None:  # else it is of a package that does not tell
        told |= {
            "operators": str(len(where.operators)),
            "delegated": str(len(where.taken)),
            "delegated pieces": str(where.pieces),
        }
    explains = functools.partial(opening.explain, loading=False)
    return LiteRtSession(made, signature_of(made), told, explains)


def _borders(borders: dict[str, Border]) -> dict[str, str]:
    """Which inputs and outputs are converted outside the clock."""
    import numpy as np

    named = [f"{name} {np.dtype(one.dtype).name}" for name, one in borders.items() if one.scale]
    return {CONVERTED: ", ".join(named)} if named else {}
