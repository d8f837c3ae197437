"""What an engine executes, layer by layer, and those of its tensors that no fusion swallows.

Tensors are shown by an engine of its own, built with debug tensors marked. To mark them may change
which kernels are chosen, so that its answers have to be production's bit for bit; where they are
not, or the version cannot mark them, the outputs alone are looked at.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bitgauge.benchmarks.numerics.shown import ALL, Arrays, Observes, OutputsAlone, same_bits

from ..base import SessionOptions
from . import layers
from .session import TYPES, EngineSession, array_at

if TYPE_CHECKING:
    from bitgauge.benchmarks.numerics.graph import GraphFacts

    from .cuda import CudaStream

Opens = Callable[[bool], EngineSession]
"""A session of production, or of an engine with debug tensors where that is asked for."""

WHY_NOT = "the engine with its tensors marked answers otherwise than production's"
CANNOT = "this version of the library marks no tensors that fusions leave"
_MOST_BYTES = 256 << 20


@dataclass(frozen=True, slots=True)
class EngineGraph:
    """A production session and its engine; see `base.OpenGraph`."""

    session: EngineSession
    opens: Opens
    inspects: Callable[[EngineSession], tuple[layers.EngineLayer, ...]]

    def look(self, feeds: Arrays) -> ShownEngine:
        """Its layers, and its tensors where they can be shown."""
        wanted = self.session.run(feeds)
        told = self.inspects(self.session)
        if getattr(self.session.context, "unfused_tensors_debug_state", None) is None:
            return ShownEngine(self.session, told, None, CANNOT)
        marked = self.opens(True)
        listener = DebugTensors(marked)
        listener.observe(feeds)
        if not same_bits(listener.answers, wanted):
            marked.close()
            return ShownEngine(self.session, told, None, WHY_NOT)
        return ShownEngine(self.session, told, listener, "")

    def in_reference_kernels(self) -> None:
        """It has one kernel for each layer."""

    def reference(self, path: Path) -> Observes:
        """The outputs of the float model, in onnxruntime on the processor."""
        from .. import ort

        session = ort.load(path, SessionOptions())
        return OutputsAlone(session.run, session.output_names)


class ShownEngine:
    """What is seen of an engine; see `shown.Shown`."""

    def __init__(
        self,
        session: EngineSession,
        told: tuple[layers.EngineLayer, ...],
        tensors: DebugTensors | None,
        why_not: str,
    ) -> None:
        self._session, self._tensors = session, tensors
        self.exposure = ALL if tensors is not None else ""
        self.why_not = why_not
        inner = () if tensors is None else tuple(tensors.seen)
        self.facts: GraphFacts = layers.facts(told, session.output_names, inner)

    def observe(self, feeds: Arrays) -> Arrays:
        """Feeds, tensors and outputs of one call by name."""
        if self._tensors is not None:
            return self._tensors.observe(feeds)
        made = self._session.run(feeds)
        return {**feeds, **dict(zip(self._session.output_names, made, strict=True))}


class DebugTensors:
    """Copies each debug tensor of a call to the host, as the library hands it over.

    Args:
        session: of an engine with debug tensors.

    Attributes:
        seen: tensors of the last call by name.
        answers: outputs of the last call.
    """

    def __init__(self, session: EngineSession) -> None:
        self._session = session
        self.seen: dict[str, Any] = {}
        self.answers: list[Any] = []
        self._listener = listener(session.library.trt, session.stream, self.seen)
        context = session.context
        context.set_debug_listener(self._listener)
        context.set_all_tensors_debug_state(True)
        context.unfused_tensors_debug_state = True

    def observe(self, feeds: Arrays) -> Arrays:
        """Feeds, tensors and outputs of one call by name."""
        self.seen.clear()
        self.answers = self._session.run(feeds)
        names = self._session.output_names
        return {**self.seen, **feeds, **dict(zip(names, self.answers, strict=True))}


def listener(trt: Any, stream: CudaStream, seen: dict[str, Any]) -> Any:
    """What the library hands debug tensors to."""

    class Copies(trt.IDebugListener):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.IDebugListener.__init__(self)

        def process_debug_tensor(self, *told: Any) -> bool:
            address, location, kind, shape, name, _ = told
            copied = copy(address, location == trt.TensorLocation.HOST, kind.name, tuple(shape))
            if copied is not None:
                seen[str(name)] = copied
            return True

    def copy(address: Any, on_host: bool, kind: str, shape: tuple[int, ...]) -> Any:
        import numpy as np

        count = int(np.prod(shape, dtype=np.int64))
        if kind not in TYPES or not 0 < count * np.dtype(TYPES[kind]).itemsize <= _MOST_BYTES:
            return None
        at = address if isinstance(address, int) else _pointer(address)
        if on_host:
            return array_at(at, TYPES[kind], shape).copy()
        made = np.empty(shape, TYPES[kind])
        stream.download(made.ctypes.data, at, made.nbytes)
        stream.wait()
        return made

    return Copies()


def _pointer(capsule: Any) -> int:
    """The address in a capsule without a name."""
    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = ctypes.c_void_p, (ctypes.py_object, ctypes.c_char_p)
    name = ctypes.pythonapi.PyCapsule_GetName
    name.restype, name.argtypes = ctypes.c_char_p, (ctypes.py_object,)
    return int(pointer(capsule, name(capsule)) or 0)
