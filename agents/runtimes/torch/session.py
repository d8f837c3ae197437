"""One exported program as a session: arrays in, arrays out, without gradients.

Inputs are held against what the program declares before the clock starts, because the library's
own checks, a large part of a small program's time, are Python that no deployed program runs.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bitgauge.benchmarks.common.exported.program import Program, TensorMeta
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code, Refused

from .executions import Execution
from .place import ComputePlace

if TYPE_CHECKING:
    import numpy.typing as npt
    from bitgauge.benchmarks.protocol.device_time import DeviceCall
    from bitgauge.benchmarks.quality.sets import InputSpec

    from ..base import Feeds, Outputs

    Array = npt.NDArray[Any]

Explains = Callable[[Exception], BitgaugeError]

_WITHOUT_NUMPY = ("bfloat16", "float8_e4m3fn", "float8_e5m2")


class TorchSession:
    """One program, ready to run; see `base.Session`.

    Args:
        execution: what runs it.
        program: what it declares.
        made: what it was made with.
        explains: makes a sentence of what it raises.
        place: where it is computed.
    """

    def __init__(
        self,
        execution: Execution,
        program: Program,
        made: Mapping[str, str],
        explains: Explains,
        place: ComputePlace,
    ) -> None:
        self._execution: Execution | None = execution
        self.keeps_state = program.keeps_state
        self._program = program
        self._explains = explains
        self._place = place
        self._made = {**made, **_converted(program)}

    @property
    def input_specs(self) -> tuple[InputSpec, ...]:
        """What a call needs; where numpy has no such type, float32 stands for it."""
        from bitgauge.benchmarks.quality.sets import InputSpec

        return tuple(
            InputSpec(name, _in_numpy(one.dtype), one.shape)
            for name, one in self._program.inputs.items()
        )

    @property
    def output_names(self) -> tuple[str, ...]:
        """By their places in what the owner's function returned."""
        return tuple(self._program.outputs)

    def options_set(self) -> dict[str, str]:
        """What it was made with, and how it was compiled as far as it was."""
        return {**self._made, **self._loaded().told}

    def bind(self, feeds: Feeds) -> Callable[[], None]:
        """A call: arrays become tensors, the program runs, its tensors become arrays."""
        import torch

        ready, odd = self._ready(feeds), self._odd()
        no_grad, flat, wrapped = torch.no_grad, _flat, torch.from_numpy
        run = self._run_of(self._place.there(_tensors(ready, odd)))
        if self._place.is_card:
            return self._bound_on_card(run, ready, odd)

        def call() -> None:
            with no_grad():
                for one in flat(run(*[wrapped(array) for array in ready])):
                    one.numpy()

        def converted() -> None:
            with no_grad():
                for one in flat(run(*_tensors(ready, odd))):
                    to_numpy(one)

        return converted if any(odd) or self._returns_odd() else call

    def _run_of(self, tensors: list[Any]) -> Callable[..., Any]:
        """What runs tensors of these sizes, in this session's arithmetic."""
        self._place.take_effect()
        try:
            return self._place.under(self._loaded().ready(tensors))
        except Exception as error:  # as in `run`
            raise self._explains(error) from error

    def _bound_on_card(
        self, run: Callable[..., Any], ready: list[Array], odd: Sequence[str]
    ) -> Callable[[], None]:
        """A call of a card: to it and back, or with inputs and outputs that stay there."""
        import torch

        no_grad, place = torch.no_grad, self._place
        there = place.there(_tensors(ready, odd))

        def resident() -> None:
            with no_grad():
                run(*there)
            place.wait()

        def transferred() -> None:
            with no_grad():
                for one in _flat(run(*place.there(_tensors(ready, odd)))):
                    to_numpy(one)

        return resident if place.resident else transferred

    def on_device(self, feeds: Feeds) -> DeviceCall | None:
        """A call as the card times it; see `base.TimedByDevice`."""
        if not self._place.is_card:
            return None
        import torch

        there = self._place.there(_tensors(self._ready(feeds), self._odd()))
        run, no_grad = self._run_of(there), torch.no_grad

        def enqueue() -> None:
            with no_grad():
                run(*there)

        return self._place.timed(enqueue)

    def allocator_peak(self) -> Mapping[str, int]:
        """What the library's allocator took of a card; see `base.Allocating`."""
        return self._place.allocator_peak()

    def run(self, feeds: Feeds) -> Outputs:
        """One call."""
        return self.run_by(None, feeds)

    def run_by(self, run: Callable[..., Any] | None, feeds: Feeds) -> Outputs:
        """One call, by what is given in the place of what production runs."""
        import torch

        ready = self._ready(feeds)
        try:
            with torch.no_grad():
                given = self._place.there(_tensors(ready, self._odd()))
                self._place.take_effect()
                run = run or self._loaded().ready(given)
                return [to_numpy(one) for one in _flat(run(*given))]
        except MemoryError:
            raise
        except Exception as error:  # the library raises a dozen types that share no base
            raise self._explains(error) from error

    def bare(self, feeds: Feeds) -> Callable[[], Any]:
        """A call of the program alone, on tensors that are there already."""
        given = self._place.there(_tensors(self._ready(feeds), self._odd()))
        return functools.partial(self._run_of(given), *given)

    @property
    def is_on_card(self) -> bool:
        """Whether a card computes it."""
        return self._place.is_card

    def wait(self) -> None:
        """Back when all that was handed over is done."""
        self._place.wait()

    @property
    def module(self) -> Any:
        """What runs the program where it runs eager, else None."""
        return getattr(self._loaded(), "module", None)

    def close(self) -> None:
        """Drops the program, and with it its memory."""
        self._execution = None

    def _loaded(self) -> Execution:
        assert self._execution is not None, "a closed session is not called"
        return self._execution

    def _odd(self) -> list[str]:
        """The type of each input that numpy has not, else nothing."""
        return [
            one.dtype if one.dtype in _WITHOUT_NUMPY else ""
            for one in self._program.inputs.values()
        ]

    def _returns_odd(self) -> bool:
        return any(one.dtype in _WITHOUT_NUMPY for one in self._program.outputs.values())

    def _ready(self, feeds: Feeds) -> list[Array]:
        """The arrays of a call, each of which the program declares to take.

        Raises:
            Refused: it does not.
        """
        import numpy as np

        ready = []
        for name, declared in self._program.inputs.items():
            array = feeds[name]
            if problem := _problem(array.dtype.name, array.shape, declared):
                raise Refused(Code.RUN_FAILED, f"Input {name!r} {problem}.")
            ready.append(np.require(array, requirements=["C", "W"]))
        return ready


def _problem(dtype: str, shape: tuple[int, ...], declared: TensorMeta) -> str | None:
    """Why an input cannot be taken, as the end of a sentence."""
    wanted = _in_numpy(declared.dtype)
    if dtype != wanted:
        return f"is {dtype}, and the program takes {wanted}"
    fits = len(shape) == len(declared.sizes) and all(
        low <= size and (high is None or size <= high)
        for size, (low, high) in zip(shape, declared.sizes, strict=True)
    )
    if fits:
        return None
    listed = ", ".join(_axis(*one) for one in declared.sizes)
    return f"is of shape ({', '.join(map(str, shape))}), and the program takes ({listed})"


def _axis(low: int, high: int | None) -> str:
    if low == high:
        return str(low)
    return f"{low} to {high}" if high is not None else f"{low} or more"


def _in_numpy(dtype: str) -> str:
    return "float32" if dtype in _WITHOUT_NUMPY else dtype


def _converted(program: Program) -> dict[str, str]:
    """Which inputs are converted inside the clock, as any caller has to."""
    named = [
        f"{name} {one.dtype}" for name, one in program.inputs.items() if one.dtype in _WITHOUT_NUMPY
    ]
    return {"converted inside the clock": ", ".join(named)} if named else {}


def _flat(returned: Any) -> list[Any]:
    """The tensors that a program returned, in the order of its outputs."""
    if isinstance(returned, dict):
        return [one for value in returned.values() for one in _flat(value)]
    if isinstance(returned, list | tuple):
        return [one for value in returned for one in _flat(value)]
    return [] if returned is None else [returned]


def _tensors(arrays: Sequence[Array], odd: Sequence[str]) -> list[Any]:
    """Arrays as tensors, of the types that numpy has not where `odd` names one."""
    return [_to_torch(one, dtype) for one, dtype in zip(arrays, odd, strict=True)]


def _to_torch(array: Array, dtype: str) -> Any:
    import torch

    tensor = torch.from_numpy(array)
    return tensor.to(getattr(torch, dtype)) if dtype else tensor


def to_numpy(tensor: Any) -> Array:
    """As an array of its own: the program may write into its output at the next call."""
    import torch

    if tensor.dtype in (torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2):
        tensor = tensor.float()
    array: Array = tensor.detach().cpu().numpy().copy()
    return array
