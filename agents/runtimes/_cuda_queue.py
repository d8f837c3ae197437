"""The queue of a CUDA card through a library that has `torch.cuda`'s names: events, graphs, cache.

What a call costs on the card is told by its events (`protocol.device_time`). A graph is a call that
was recorded once and is handed over as a whole; it is an execution of its own. The library's module
is given, so that a simulated one takes its place where there is no card; which of its names exist
is checked against the installed one (`tests/runtimes/torch/test_cuda_names.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

NS_PER_MS = 1e6
CACHES = 2
"""So many times the size of its last cache is written to empty it (measurement.md A-6)."""
_WARM_RUNS = 3
"""Before a graph is recorded: libraries choose kernels and take memory in their first calls."""


class CudaQueue:
    """Events of the card's current stream; see `device_time.DeviceClock`.

    Args:
        cuda: the module.
    """

    def __init__(self, cuda: Any) -> None:
        self._cuda = cuda

    def mark(self) -> Any:
        """An event behind all that was handed over until now."""
        event = self._cuda.Event(enable_timing=True)
        event.record()
        return event

    def between_ns(self, first: Any, second: Any) -> float:
        """Time of the card from one event to the other; CUDA tells it in steps of half a µs."""
        return float(first.elapsed_time(second)) * NS_PER_MS

    def wait(self) -> None:
        """Back when the card has done all."""
        self._cuda.synchronize()


def cache_flush(cuda: Any, empty: Callable[[int], Any]) -> Callable[[], None]:
    """What pushes everything else out of the card's last cache.

    Args:
        cuda: the module.
        empty: makes a tensor of so many bytes on the card.
    """
    size = int(cuda.get_device_properties(cuda.current_device()).L2_cache_size)
    buffer = empty(CACHES * size)

    def flush() -> None:
        buffer.zero_()

    return flush


def recorded(cuda: Any, call: Callable[[], Any]) -> tuple[Callable[[], None], Any]:
    """A call as a CUDA graph.

    Args:
        cuda: the module.
        call: hands work over, always on the same memory, and waits for nothing.

    Returns:
        What hands all of it over at once, and what `call` returned while it was recorded: the
        memory that each replay writes its outputs to.
    """
    beside = cuda.Stream()
    beside.wait_stream(cuda.current_stream())
    with cuda.stream(beside):
        for _ in range(_WARM_RUNS):
            call()
    cuda.current_stream().wait_stream(beside)
    graph = cuda.CUDAGraph()
    with cuda.graph(graph):
        made = call()
    return graph.replay, made


def whose_memory(free: int, total: int, ours: int) -> str:
    """Who holds a card's memory that ran out, as the end of a sentence.

    Args:
        free: bytes that nobody has, as the driver says.
        total: bytes of the card.
        ours: bytes that this process' allocator has.
    """
    others = max(total - free - ours, 0)
    gib = 1 << 30
    told = f"of {total / gib:.1f} GiB this process had {ours / gib:.1f}"
    return f"{told}, others and the context {others / gib:.1f}, and {free / gib:.1f} were free"
