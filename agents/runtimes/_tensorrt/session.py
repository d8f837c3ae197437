"""One engine on one stream; see `base.Session`.

A call copies its inputs into memory that the device reads by itself, hands the copy over, then the
engine, then the copy back, and waits: what a program has to do whose data are on the host. With
`cuda_graph` all three are one graph. `on_device` is the engine alone, timed by the device.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bitgauge.benchmarks.vocabulary.errors import Code, Refused

from .._fitting import require_fitting
from .cuda import CudaStream
from .flavours import EngineLibrary

if TYPE_CHECKING:
    from bitgauge.benchmarks.protocol.device_time import DeviceCall
    from bitgauge.benchmarks.quality.sets import InputSpec

    from ..base import Feeds, Outputs

TYPES = {
    "FLOAT": "float32",
    "HALF": "float16",
    "INT8": "int8",
    "UINT8": "uint8",
    "INT32": "int32",
    "INT64": "int64",
    "BOOL": "bool",
}
"""Types of the library that numpy has, too."""


@dataclass(frozen=True, slots=True)
class EngineTensor:
    """One input or output of an engine.

    Attributes:
        dtype: as numpy names it.
        shape: of the engine; -1 where the call tells.
        most: the most elements that a call may hold.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    most: int
    is_input: bool


@dataclass(frozen=True, slots=True)
class TensorPlace:
    """A tensor's places: on the device, and on the host where the device can reach."""

    device: int
    host: int
    count: int


class EngineSession:
    """A deserialized engine with one context.

    Args:
        library: which one.
        data: the engine, built on this device.
        stream: of the card.
        told: what it was made with.
        cuda_graph: whether a call is one graph.
    """

    def __init__(
        self,
        library: EngineLibrary,
        data: bytes,
        stream: CudaStream,
        told: dict[str, str],
        *,
        cuda_graph: bool = False,
    ) -> None:
        from . import building

        self.library, self.stream = library, stream
        trt = library.trt
        self._heard = building.logger(trt)
        self._told, self._graph = told, cuda_graph
        self._runtime = runtime = trt.Runtime(self._heard)
        engine = runtime.deserialize_cuda_engine(data)
        if engine is None:
            raise self._refused("does not take the engine that was built here")
        context = _context(library, engine)
        if context is None:
            raise self._refused("has no room to execute the engine")
        self.engine, self.context = engine, context
        self.tensors = tensors_of(library, engine)
        self._places: dict[str, TensorPlace] = {}
        for one in self.tensors:
            count = one.most * _item_bytes(one.dtype)
            placed = TensorPlace(stream.allocate(count), stream.pinned(count), count)
            self._places[one.name] = placed
            context.set_tensor_address(one.name, placed.device)
        self._resident: list[int] = []
        self._aimed: dict[str, int] = {}  # of the call whose addresses and sizes are set

    @property
    def input_specs(self) -> tuple[InputSpec, ...]:
        """What a call needs."""
        from bitgauge.benchmarks.quality.sets import InputSpec

        return tuple(
            InputSpec(one.name, one.dtype, tuple(None if n < 0 else n for n in one.shape))
            for one in self.tensors
            if one.is_input
        )

    @property
    def output_names(self) -> tuple[str, ...]:
        """The artifact's outputs, in its order."""
        return tuple(one.name for one in self.tensors if not one.is_input)

    def options_set(self) -> dict[str, str]:
        """The key of its engine, how it was built, and how it is executed."""
        return dict(self._told)

    def bind(self, feeds: Feeds) -> Callable[[], None]:
        """Inputs over, the engine, outputs back; each output lands in an array of its own."""
        shapes = self._shaped(feeds)
        inputs = [(self._on_host(name, array.shape), array) for name, array in feeds.items()]
        outputs = [self._on_host(name, shapes[name]) for name in self.output_names]
        hand_over = self._hand_over(feeds, shapes)
        hand_over()  # the library makes what it needs for these sizes at the first call
        self.stream.wait()
        if self._graph:
            hand_over = self.stream.captured(hand_over)
        wait = self.stream.wait

        def call() -> None:
            for held, values in inputs:
                held[...] = values
            hand_over()
            wait()
            for held in outputs:
                held.copy()

        return call

    def run(self, feeds: Feeds) -> Outputs:
        """One call."""
        shapes = self._shaped(feeds)
        for name, array in feeds.items():
            self._on_host(name, array.shape)[...] = array
        self._hand_over(feeds, shapes)()
        self.stream.wait()
        return [self._on_host(name, shapes[name]).copy() for name in self.output_names]

    def enqueue(self) -> None:
        """Hands the engine over, with what lies at its addresses."""
        if not self.context.execute_async_v3(self.stream.handle):
            raise self._refused("could not execute the engine")

    def resident(self, feeds: Feeds) -> Callable[[], None]:
        """A call that hands the engine over with these inputs on the device; it does not wait.

        Their memory on the device is the call's own, so that several calls can take turns.
        """
        self._shaped(feeds)
        places = {}
        for name, array in feeds.items():
            places[name] = self.stream.allocate(array.nbytes)
            self._resident.append(places[name])
            self._on_host(name, array.shape)[...] = array
            self.stream.upload(places[name], self._places[name].host, array.nbytes)
        sizes = {name: array.shape for name, array in feeds.items()}

        def call() -> None:
            if self._aimed is not places:
                self._aim(places, sizes)
            self.enqueue()

        call()
        self.stream.wait()
        return self.stream.captured(call) if self._graph else call

    def on_device(self, feeds: Feeds) -> DeviceCall:
        """The engine alone, with these inputs on the device; see `base.TimedByDevice`."""
        from bitgauge.benchmarks.protocol.device_time import DeviceCall

        flush = self.stream.flush
        return DeviceCall(self.resident(feeds), self.stream, flush, is_cold=True)

    def close(self) -> None:
        """Gives back memory of the device and of the host."""
        for one in self._places.values():
            self.stream.free(one.device)
            self.stream.unpin(one.host)
        for address in self._resident:
            self.stream.free(address)
        self._places, self._resident = {}, []
        self.context = self.engine = self._runtime = None

    def _shaped(self, feeds: Feeds) -> dict[str, tuple[int, ...]]:
        """Tells the context the sizes of the inputs; those of the outputs by name.

        Raises:
            Refused: `run_failed`, they do not fit, or nobody knows an output's size beforehand.
        """
        require_fitting(self.input_specs, feeds)
        context = self.context
        self._aim({}, {})
        for name, array in feeds.items():
            if not context.set_input_shape(name, array.shape):
                raise Refused(
                    Code.RUN_FAILED,
                    f"The engine was not built for input {name[:80]!r} of"
                    f" {'x'.join(map(str, array.shape))}.",
                )
        made = {}
        for name in self.output_names:
            shape = tuple(int(size) for size in context.get_tensor_shape(name))
            if min(shape, default=0) < 0:
                raise Refused(
                    Code.UNSUPPORTED_ARTIFACT,
                    f"The size of output {name[:80]!r} is known only once it is computed.",
                )
            made[name] = shape
        return made

    def _aim(self, places: dict[str, int], sizes: dict[str, tuple[int, ...]]) -> None:
        """Has the engine read its inputs elsewhere; at the session's own places for none."""
        for one in self.tensors:
            if one.is_input:
                address = places.get(one.name, self._places[one.name].device)
                self.context.set_tensor_address(one.name, address)
        for name, size in sizes.items():
            self.context.set_input_shape(name, size)
        self._aimed = places

    def _hand_over(self, feeds: Feeds, shapes: dict[str, tuple[int, ...]]) -> Callable[[], None]:
        by_name = {one.name: one for one in self.tensors}
        up = [(self._places[name], array.nbytes) for name, array in feeds.items()]
        down = [
            (self._places[name], math.prod(shape) * _item_bytes(by_name[name].dtype))
            for name, shape in shapes.items()
        ]
        upload, download, enqueue = self.stream.upload, self.stream.download, self.enqueue
        own: dict[str, int] = {}
        sizes = {name: array.shape for name, array in feeds.items()}

        def hand_over() -> None:
            if self._aimed is not own:
                self._aim(own, sizes)
            for place, count in up:
                upload(place.device, place.host, count)
            enqueue()
            for place, count in down:
                download(place.host, place.device, count)

        return hand_over

    def _on_host(self, name: str, shape: tuple[int, ...]) -> Any:
        """The host's side of a tensor as an array of a size."""
        dtype = next(one.dtype for one in self.tensors if one.name == name)
        return array_at(self._places[name].host, dtype, shape)

    def _refused(self, what: str) -> Refused:
        from bitgauge.benchmarks.common.said import said

        kept = self._heard.kept
        why = f": {said(RuntimeError(kept[-1]))}" if kept else ""
        return Refused(Code.RUN_FAILED, f"{self.library.words} failed: it {what}{why}.")


def _context(library: EngineLibrary, engine: Any) -> Any:
    """What executes an engine, with the kernels that it is going to keep.

    TensorRT for RTX compiles kernels for a call's sizes beside the first calls of those sizes, and
    executes others until they are there: they would change while a clock runs. So it is told to
    compile them before it executes anything.
    """
    if not library.flavour.names_capabilities:
        return engine.create_execution_context()
    eager = library.trt.DynamicShapesKernelSpecializationStrategy.EAGER
    runtime_config = engine.create_runtime_config()
    runtime_config.dynamic_shapes_kernel_specialization_strategy = eager
    return engine.create_execution_context(runtime_config)


def array_at(address: int, dtype: str, shape: tuple[int, ...]) -> Any:
    """An array over memory of the host."""
    import numpy as np

    size = math.prod(shape) * np.dtype(dtype).itemsize
    held = memoryview((ctypes.c_ubyte * size).from_address(address)) if size else b""
    return np.frombuffer(held, np.uint8).view(dtype).reshape(shape)


def tensors_of(library: EngineLibrary, engine: Any) -> tuple[EngineTensor, ...]:
    """Inputs and outputs of an engine, in its order.

    Raises:
        Refused: `unsupported_artifact`, one is of a type that numpy has not.
    """
    found = []
    for index in range(engine.num_io_tensors):
        name = engine.get_tensor_name(index)
        kind = engine.get_tensor_dtype(name).name
        if kind not in TYPES:
            raise Refused(
                Code.UNSUPPORTED_ARTIFACT,
                f"{library.words} makes {name[:80]!r} of type {kind}, which the host has not; keep"
                " inputs and outputs in float32, float16 or integers.",
            )
        is_input = engine.get_tensor_mode(name) == library.trt.TensorIOMode.INPUT
        shape = tuple(int(size) for size in engine.get_tensor_shape(name))
        found.append(EngineTensor(name, TYPES[kind], shape, 0, is_input))
    batch = max((_most_batch(engine, one) for one in found if one.is_input), default=1)
    return tuple(
        EngineTensor(
            one.name,
            one.dtype,
            one.shape,
            math.prod(batch if size < 0 else size for size in one.shape),
            one.is_input,
        )
        for one in found
    )


def _most_batch(engine: Any, one: EngineTensor) -> int:
    """The most samples that the engine's profile allows of an input."""
    if -1 not in one.shape:
        return 1
    _, _, most = engine.get_tensor_profile_shape(one.name, 0)
    return int(tuple(most)[one.shape.index(-1)])


def _item_bytes(dtype: str) -> int:
    import numpy as np

    return np.dtype(dtype).itemsize
