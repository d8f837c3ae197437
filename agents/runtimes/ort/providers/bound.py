"""A session whose calls read and write memory of a card: copied into and out of it, or left there.

A call that was recorded as a graph always reads the same memory, so whatever it is given is copied
there first; each shape of inputs has memory and a graph of its own. A call ends when the card has
done it: onnxruntime waits for its queue.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bitgauge.benchmarks.protocol.device_time import DeviceCall
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code, Refused

from ..opening import explain
from . import cards
from .base import Binding, Provider
from .placing import PlacedModel
from .session import PlacedSession

if TYPE_CHECKING:
    from ...base import Feeds, Outputs

_GRAPH = "gpu_graph_id"
_NO_WAIT = "disable_synchronize_execution_providers"
_UNRECORDED = "-1"
_WARM_CALLS = 3
"""Before a graph is recorded onnxruntime calls everything once or twice as it is."""
ARENA_NOT_TOLD = "ONNX Runtime's Python binding tells nothing of its arena."


class BoundSession(PlacedSession):
    """See `PlacedSession`.

    Args:
        made: the session, and where its nodes went.
        provider: what executes them.
        path: of its model.
        binding: how calls reach the card.
    """

    def __init__(self, made: PlacedModel, provider: Provider, path: Path, binding: Binding) -> None:
        super().__init__(made, provider, path)
        self._binding = binding
        self._bound: dict[tuple[Any, ...], BoundShapes] = {}
        self._told |= {
            "inputs": "resident" if binding.resident else "transferred",
            "cuda graph": "recorded" if binding.graph else "none",
            "cache": "cold" if binding.cold else "warm",
            "libraries": " ".join(cards.libraries()),
            "arena": ARENA_NOT_TOLD,
        }

    def bind(self, feeds: Feeds) -> Callable[[], None]:
        """A call that transfers what it is given, unless it stays on the card."""
        if not (self._binding.resident or self._binding.graph):
            return super().bind(feeds)
        bound = self._of(feeds)
        bound.fill(feeds)
        bound.warm()

        def transferred() -> None:
            bound.transfer(feeds)

        return bound.call if self._binding.resident else transferred

    def on_device(self, feeds: Feeds) -> DeviceCall:
        """A call as the card times it, in the queue that the session was given."""
        bound = self._of(feeds)
        bound.fill(feeds)
        bound.warm()
        stream = cards.stream()
        if self._binding.cold:
            return DeviceCall(bound.enqueue, stream, stream.flush, is_cold=True)
        return DeviceCall(bound.enqueue, stream)

    def run(self, feeds: Feeds) -> Outputs:
        """One call; by the graph where there is one."""
        if not self._binding.graph:
            return super().run(feeds)
        bound = self._of(feeds)
        try:
            bound.fill(feeds)
            bound.warm()
            return bound.transfer(feeds)
        except Exception as error:  # the binding raises a dozen types that share no base
            raise self._failed(error) from error

    def close(self) -> None:
        """Drops what is bound, then the session."""
        self._bound.clear()
        super().close()

    def _of(self, feeds: Feeds) -> BoundShapes:
        key = tuple((name, one.shape, one.dtype.str) for name, one in sorted(feeds.items()))
        if key not in self._bound:
            number = str(len(self._bound) + 1) if self._binding.graph else ""
            try:
                made = BoundShapes(
                    self._session, self._outputs, feeds, self._binding.device, number
                )
            except Exception as error:  # as above
                raise self._failed(error) from error
            self._bound[key] = made
        return self._bound[key]

    def _failed(self, error: Exception) -> BitgaugeError:
        return cards.error_of(error) or explain(error, loading=False, path=self._path)


class BoundShapes:
    """Memory on the card for the inputs and outputs of calls of one shape.

    Args:
        session: the binding's.
        outputs: names of its outputs.
        feeds: inputs of a first call, by name.
        device: as onnxruntime names it.
        graph: number of the graph that calls are recorded as; "" for none.

    Raises:
        Refused: `unsupported_artifact`, an output is no tensor.
    """

    def __init__(
        self, session: Any, outputs: list[str], feeds: Feeds, device: str, graph: str
    ) -> None:
        import onnxruntime

        self._inputs = {
            name: onnxruntime.OrtValue.ortvalue_from_numpy(value, device, 0)
            for name, value in feeds.items()
        }
        self._io = session.io_binding()
        for name, value in self._inputs.items():
            self._io.bind_ortvalue_input(name, value)
        for name in outputs:
            self._io.bind_output(name, device, 0)
        session.run_with_iobinding(self._io, _options(_UNRECORDED if graph else ""))
        kept = []
        for name, value in zip(outputs, self._io.get_outputs(), strict=True):
            if not value.is_tensor():
                raise Refused(
                    Code.UNSUPPORTED_ARTIFACT,
                    f"Output {name[:80]!r} is no tensor, and cannot stay on a card.",
                )
            fixed = onnxruntime.OrtValue.ortvalue_from_shape_and_type(
                value.shape(), value.element_type(), device, 0
            )
            self._io.bind_ortvalue_output(name, fixed)
            kept.append(fixed)
        self._made = kept
        self._is_warm = not graph
        run = functools.partial(session.run_with_iobinding, self._io)
        self.call: Callable[[], None] = functools.partial(run, _options(graph))
        self.enqueue: Callable[[], None] = functools.partial(run, _options(graph, waits=False))

    def fill(self, feeds: Feeds) -> None:
        """Copies inputs to the card."""
        for name, value in feeds.items():
            self._inputs[name].update_inplace(value)

    def warm(self) -> None:
        """Has the graph recorded, if there is to be one."""
        for _ in range(0 if self._is_warm else _WARM_CALLS):
            self.call()
        self._is_warm = True

    def transfer(self, feeds: Feeds) -> Outputs:
        """Inputs to the card, a call, outputs back."""
        self.fill(feeds)
        self.call()
        return [one.numpy() for one in self._made]


def _options(graph: str, *, waits: bool = True) -> Any:
    import onnxruntime

    found = onnxruntime.RunOptions()
    if not waits:
        found.add_run_config_entry(_NO_WAIT, "1")
    if graph:
        found.add_run_config_entry(_GRAPH, graph)
    return found
