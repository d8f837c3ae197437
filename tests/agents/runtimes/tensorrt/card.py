"""A card that is not there: the driver's calls on memory of the host, and a library on top of it.

The library answers as TensorRT's bindings do for one engine that doubles its input, in a kernel of
the driver below; what is proved with it is ours: addresses, sizes, order, copies, graphs.
"""

from __future__ import annotations

import ctypes
import enum
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from bitgauge.agents.runtimes._tensorrt.cuda import CudaStream
from bitgauge.agents.runtimes._tensorrt.flavours import TENSORRT, EngineLibrary, Flavour

SOURCE = Path(__file__).parent / "constructed/fake_cuda.c"
LAYERS = (Path(__file__).parent / "constructed/layers.json").read_text()
COPY, SET, KERNEL = range(3)


class Card:
    """The driver's library, built in a folder."""

    def __init__(self, folder: Path) -> None:
        compiler = shutil.which("cc") or shutil.which("gcc")
        if compiler is None:
            pytest.skip("NOT RUN: no C compiler is here")
        self.path = folder / "libfakecuda.so"
        subprocess.run(
            [compiler, "-shared", "-fPIC", "-w", str(SOURCE), "-o", str(self.path)], check=True
        )
        self.lib = ctypes.CDLL(str(self.path))
        self.lib.fake_kernel.argtypes = (ctypes.c_uint64, ctypes.c_uint64, ctypes.c_size_t)
        self.lib.fake_driver(1)

    def stream(self) -> CudaStream:
        return CudaStream(str(self.path))

    def count(self, kind: int) -> int:
        return int(self.lib.fake_count(kind))


class Mode(enum.Enum):
    INPUT = 1
    OUTPUT = 2


class FakeContext:
    """One that runs the engine's only kernel."""

    unfused_tensors_debug_state = False

    def __init__(self, engine: FakeEngine) -> None:
        self.engine = engine
        self.addresses: dict[str, int] = {}
        self.shape: tuple[int, ...] = ()
        self.listener: Any = None

    def set_tensor_address(self, name: str, memory: int) -> bool:
        self.addresses[name] = memory
        return True

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        self.shape = tuple(shape)
        return 1 <= shape[0] <= self.engine.batch

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        return self.shape

    def set_debug_listener(self, listener: Any) -> bool:
        self.listener = listener
        return True

    def set_all_tensors_debug_state(self, flag: bool) -> bool:
        return True

    def execute_async_v3(self, stream_handle: int) -> bool:
        assert stream_handle == 7
        count = int(self.shape[0]) * 4
        x, y = self.addresses["x"], self.addresses["y"]
        done = bool(self.engine.card.lib.fake_kernel(x, y, count) == 0)
        if self.listener is not None:
            kind = SimpleNamespace(name="FLOAT")
            self.listener.process_debug_tensor(y, "DEVICE", kind, self.shape, "inner", 7)
        return done


class FakeEngine:
    """From `x` to `y`, both of float32 and a free batch of four values each."""

    num_io_tensors = 2

    def __init__(self, card: Card, batch: int) -> None:
        self.card, self.batch = card, batch

    def get_tensor_name(self, index: int) -> str:
        return "xy"[index]

    def get_tensor_dtype(self, name: str) -> Any:
        return SimpleNamespace(name="FLOAT")

    def get_tensor_mode(self, name: str) -> Mode:
        return Mode.INPUT if name == "x" else Mode.OUTPUT

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        return (-1, 4)

    def get_tensor_profile_shape(self, name: str, profile_index: int) -> list[tuple[int, ...]]:
        return [(1, 4), (self.batch, 4), (self.batch, 4)]

    def create_runtime_config(self) -> SimpleNamespace:
        return SimpleNamespace(dynamic_shapes_kernel_specialization_strategy="LAZY")

    def create_execution_context(self, runtime_config: Any = None) -> FakeContext:
        self.runtime_config = runtime_config
        return FakeContext(self)

    def create_engine_inspector(self) -> Any:
        return SimpleNamespace(get_engine_information=lambda _format: LAYERS)


class Base:
    """What the library's classes are derived from."""

    ERROR, INTERNAL_ERROR = "error", "internal error"


def fake_library(card: Card, batch: int = 4, flavour: Flavour = TENSORRT) -> EngineLibrary:
    """The bindings, as far as executing an engine goes; `broken` is one that they do not take."""

    class Runtime:
        def __init__(self, logger: Any) -> None:
            self.logger = logger

        def deserialize_cuda_engine(self, data: bytes) -> FakeEngine | None:
            if data != b"broken":
                return FakeEngine(card, batch)
            self.logger.log(Base.ERROR, "Serialization assertion: the engine is of another card")
            return None

    trt = SimpleNamespace(
        __version__="11.4.0",
        Runtime=Runtime,
        ILogger=Base,
        IDebugListener=Base,
        TensorIOMode=Mode,
        TensorLocation=SimpleNamespace(HOST="HOST"),
        DynamicShapesKernelSpecializationStrategy=SimpleNamespace(EAGER="EAGER"),
        LayerInformationFormat=SimpleNamespace(JSON="JSON"),
    )
    return EngineLibrary(trt, flavour)
