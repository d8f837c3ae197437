"""`torch.cuda` of a card that is not there: tensors lie on the processor, time is simulated.

Names and what they take are those of the installed library (`test_cuda_names.py` asks it).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from tests.labs.noisy_clock import SimulatedDevice

NS_PER_MS = 1e6
L2_BYTES = 1024


@dataclass
class FakeEvent:
    """Of the simulated queue."""

    device: SimulatedDevice
    at_ns: int = -1

    def record(self) -> None:
        self.at_ns = self.device.mark()

    def elapsed_time(self, end_event: FakeEvent) -> float:
        return self.device.between_ns(self.at_ns, end_event.at_ns) / NS_PER_MS


@dataclass
class FakeGraph:
    """What was recorded cannot be seen from here: it says that it was replayed."""

    cards: FakeCards

    def replay(self) -> None:
        self.cards.said.append("replay")


@dataclass
class FakeStream:
    name: str
    cards: FakeCards

    def wait_stream(self, stream: FakeStream) -> None:
        self.cards.said.append(f"{self.name} waits for {stream.name}")


@dataclass
class FakeCards:
    """The module.

    Attributes:
        device: whose clock it has.
        said: what was asked of it that leaves no other trace.
    """

    device: SimulatedDevice
    said: list[str] = field(default_factory=list)

    def Event(self, enable_timing: bool = False) -> FakeEvent:
        assert enable_timing, "an event without it tells no time"
        return FakeEvent(self.device)

    def synchronize(self) -> None:
        self.device.wait()

    def current_device(self) -> int:
        return 0

    def get_device_name(self) -> str:
        return "a card that is not there"

    def get_device_properties(self, device: Any) -> Any:
        return SimpleNamespace(L2_cache_size=L2_BYTES)

    def Stream(self) -> FakeStream:
        return FakeStream("beside", self)

    def current_stream(self) -> FakeStream:
        return FakeStream("current", self)

    @contextlib.contextmanager
    def stream(self, stream: FakeStream) -> Iterator[None]:
        self.said.append(f"in {stream.name}")
        yield

    def CUDAGraph(self) -> FakeGraph:
        return FakeGraph(self)

    @contextlib.contextmanager
    def graph(self, cuda_graph: FakeGraph) -> Iterator[None]:
        self.said.append("recording")
        yield
        self.said.append("recorded")

    def max_memory_allocated(self) -> int:
        return 3 << 20

    def max_memory_reserved(self) -> int:
        return 5 << 20

    def memory_reserved(self) -> int:
        return 5 << 30

    def mem_get_info(self) -> tuple[int, int]:
        return 1 << 30, 16 << 30
