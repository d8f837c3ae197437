"""One compiled model with one request; see `base.Session`.

The request has tensors of its own: a call copies its inputs there, infers, and copies the outputs,
which is what a program in Python has to do that keeps them. Handing arrays over instead
(`infer(dict)`) took 13 to 50 µs more on a small model.
"""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from .._fitting import require_fitting
from ..base import SessionOptions
from . import opening

if TYPE_CHECKING:
    import numpy.typing as npt
    from bitgauge.benchmarks.quality.sets import InputSpec
    from bitgauge.benchmarks.raw.operators import OperatorProfile

    from ..base import Feeds, Outputs
    from .profile import Means

_ROUNDS = 9
"""Models that a profile is taken of, a few calls each."""
_SINK = "/sink_port_"
"""What the reader of ONNX adds to the name of an output to name its end."""


class OpenVinoSession:
    """One compiled model.

    Args:
        made: the library's compiled model.
        options: what it was made with.
    """

    def __init__(self, made: Any, options: SessionOptions) -> None:
        self.compiled = made
        self._request = made.create_infer_request()
        self._inputs = {one.get_any_name(): one for one in made.inputs}
        self._outputs = tuple(_name(one) for one in made.outputs)
        self._made = opening.properties(made) | {
            opening.PRECISION: opening.FLOAT32,
            **opening.chosen(options),
        }

    @property
    def input_specs(self) -> tuple[InputSpec, ...]:
        """What a call needs."""
        import numpy as np
        from bitgauge.benchmarks.quality.sets import InputSpec

        return tuple(
            InputSpec(name, np.dtype(port.get_element_type().to_dtype()).name, _sizes(port))
            for name, port in self._inputs.items()
        )

    @property
    def output_names(self) -> tuple[str, ...]:
        """The artifact's outputs, in its order."""
        return self._outputs

    def options_set(self) -> dict[str, str]:
        """Every property of the compiled model, read back from it."""
        return dict(self._made)

    def bind(self, feeds: Feeds) -> Callable[[], None]:
        """Copies the inputs, infers, copies the outputs."""
        ready = self._ready(feeds)
        request = self._request
        infer, count = request.infer, range(len(self._outputs))
        if all(port.get_partial_shape().is_static for port in self._inputs.values()):
            filled = [(tensor.data, values) for tensor, values in ready]

            def call() -> None:
                for held, values in filled:
                    held[...] = values
                infer(share_outputs=True)
                for at in count:
                    request.get_output_tensor(at).data.copy()

            return call

        def resizing() -> None:
            for tensor, values in ready:
                tensor.shape = values.shape
                tensor.data[...] = values
            infer(share_outputs=True)
            for at in count:
                request.get_output_tensor(at).data.copy()

        return resizing

    def run(self, feeds: Feeds) -> Outputs:
        """One call."""
        ready = self._ready(feeds)
        try:
            for tensor, values in ready:
                tensor.shape = values.shape
                tensor.data[...] = values
            self._request.infer(share_outputs=True)
            return [self._request.get_output_tensor(at).data.copy() for at in self._count()]
        except Exception as error:  # as in `opening`
            raise opening.explain(error, loading=False) from error

    def _count(self) -> range:
        return range(len(self._outputs))

    def _ready(self, feeds: Feeds) -> list[tuple[Any, npt.NDArray[Any]]]:
        """The request's tensors and what goes there.

        Raises:
            Refused: `run_failed`; the library would convert another type without a word.
        """
        specs = self.input_specs
        require_fitting(specs, feeds)
        return [
            (self._request.get_tensor(self._inputs[one.name]), feeds[one.name]) for one in specs
        ]

    def means(
        self,
        following: Callable[[], Feeds],
        warm: int,
        most: int,
        budget_ns: int,
        latencies: list[int],
    ) -> Means:
        """What the library notes of some calls of a model that was made for its profile.

        Args:
            following: inputs of the next call.
            warm: calls that do not count.
            most: most calls that count, at least one.
            budget_ns: no further call begins after so long.
            latencies: each call's is added, in nanoseconds.
        """
        from .profile import Means

        for _ in range(warm):
            self.run(following())
        before = self._request.get_profiling_info() if warm else []
        calls, started = 0, time.perf_counter_ns()
        while not calls or (calls < most and time.perf_counter_ns() - started < budget_ns):
            given = following()
            at = time.perf_counter_ns()
            self.run(given)
            latencies.append(time.perf_counter_ns() - at)
            calls += 1
        return Means(before, warm, self._request.get_profiling_info(), calls)

    def close(self) -> None:
        """Drops request and model; their memory goes back as far as the allocator lets it."""
        self._request = self.compiled = None
        self._inputs = {}


class ProfiledOpenVinoSession(OpenVinoSession):
    """A session that notes how long each operator takes; see `base.ProfiledSession`.

    Args:
        compiles: makes the library's compiled model anew.
        options: what it is made with.
    """

    def __init__(self, compiles: Callable[[], Any], options: SessionOptions) -> None:
        super().__init__(compiles(), options)
        self._compiles, self._options = compiles, options

    def profile(
        self, feeds: Sequence[Feeds], *, warm: int, most: int, budget_ns: int
    ) -> OperatorProfile:
        """Where the time of these calls went.

        The library tells a mean of every call that a compiled model has had, and one call that was
        disturbed is in it for good. So it is compiled anew for every few calls.
        """
        from bitgauge.benchmarks.raw.operators import OperatorProfile

        from . import profile as read

        following = itertools.cycle(feeds).__next__
        rounds = min(_ROUNDS, most)
        latencies: list[int] = []
        seen = []
        for turn in range(rounds):
            one = self if not turn else OpenVinoSession(self._compiles(), self._options)
            seen.append(one.means(following, warm, most // rounds, budget_ns // rounds, latencies))
            if sum(latencies) >= budget_ns:
                break
        operators = read.operators(seen, len(latencies), read.sides(self.compiled))
        self.close()
        return OperatorProfile(
            operators,
            calls=len(latencies),
            call_ns=float(statistics.median(latencies)),
            resolution_ns=read.RESOLUTION_NS,
        )


def _name(port: Any) -> str:
    """An output as the artifact names it; a tensor may have further names."""
    own = port.get_node().get_friendly_name().partition(_SINK)[0]
    return own if own in port.get_names() else str(port.get_any_name())


def _sizes(port: Any) -> tuple[int | None, ...]:
    shape = port.get_partial_shape()
    return tuple(one.get_length() if one.is_static else None for one in shape)
