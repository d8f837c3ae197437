"""The few calls of NVIDIA's driver that run an engine: memory, one stream, events, graphs.

The driver's own library (`libcuda.so.1`) comes with every driver and needs no package. Functions
are called by the names that it exports; signatures are those of the CUDA driver API reference.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from ctypes import (
    POINTER,
    byref,
    c_char_p,
    c_float,
    c_int,
    c_size_t,
    c_ubyte,
    c_uint,
    c_ulonglong,
    c_void_p,
)
from typing import Any

from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code, Refused

from ...host import cuda

LIBRARY = "libcuda.so.1"

_L2_CACHE_SIZE = 38  # CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE
_NON_BLOCKING = 1  # CU_STREAM_NON_BLOCKING: it waits for no other stream
_THREAD_LOCAL = 1  # CU_STREAM_CAPTURE_MODE_THREAD_LOCAL: others may go on meanwhile
_FLUSHES = 2
"""A buffer of so many times the L2 cache empties it when it is written."""

_SIGNATURES: dict[str, tuple[Any, ...]] = {
    "cuInit": (c_uint,),
    "cuDeviceGet": (POINTER(c_int), c_int),
    "cuDeviceGetAttribute": (POINTER(c_int), c_int, c_int),
    "cuDevicePrimaryCtxRetain": (POINTER(c_void_p), c_int),
    "cuCtxSetCurrent": (c_void_p,),
    "cuStreamCreate": (POINTER(c_void_p), c_uint),
    "cuStreamSynchronize": (c_void_p,),
    "cuMemAlloc_v2": (POINTER(c_ulonglong), c_size_t),
    "cuMemFree_v2": (c_ulonglong,),
    "cuMemAllocHost_v2": (POINTER(c_void_p), c_size_t),
    "cuMemFreeHost": (c_void_p,),
    "cuMemcpyHtoDAsync_v2": (c_ulonglong, c_void_p, c_size_t, c_void_p),
    "cuMemcpyDtoHAsync_v2": (c_void_p, c_ulonglong, c_size_t, c_void_p),
    "cuMemsetD8Async": (c_ulonglong, c_ubyte, c_size_t, c_void_p),
    "cuEventCreate": (POINTER(c_void_p), c_uint),
    "cuEventRecord": (c_void_p, c_void_p),
    "cuEventElapsedTime": (POINTER(c_float), c_void_p, c_void_p),
    "cuEventDestroy_v2": (c_void_p,),
    "cuStreamBeginCapture_v2": (c_void_p, c_int),
    "cuStreamEndCapture": (c_void_p, POINTER(c_void_p)),
    "cuGraphInstantiateWithFlags": (POINTER(c_void_p), c_void_p, c_ulonglong),
    "cuGraphLaunch": (c_void_p, c_void_p),
    "cuGraphDestroy": (c_void_p,),
    "cuGraphExecDestroy": (c_void_p,),
    "cuGetErrorString": (c_int, POINTER(c_char_p)),
}


class CudaStream:
    """One stream of the first card that this process may see, and memory beside it.

    An agent shows a child the one card that it measures, so the first one is the only one.

    Args:
        library: the driver's library.

    Raises:
        Refused: `driver_missing`, `device_hidden`, or whatever else the driver says.
    """

    def __init__(self, library: str = LIBRARY) -> None:
        try:
            self._lib = ctypes.CDLL(library)
        except OSError as error:
            raise Refused(
                Code.DRIVER_MISSING,
                f"NVIDIA's driver is not here: its library {LIBRARY} cannot be loaded.",
            ) from error
        for name, kinds in _SIGNATURES.items():
            function = getattr(self._lib, name)
            function.argtypes, function.restype = kinds, c_int
        self._call("cuInit", 0)
        device = c_int()
        self._call("cuDeviceGet", byref(device), 0)
        context = c_void_p()
        self._call("cuDevicePrimaryCtxRetain", byref(context), device)
        self._call("cuCtxSetCurrent", context)
        l2 = c_int()
        self._call("cuDeviceGetAttribute", byref(l2), _L2_CACHE_SIZE, device)
        self.l2_bytes = l2.value
        made = c_void_p()
        self._call("cuStreamCreate", byref(made), _NON_BLOCKING)
        self._stream = made
        self._flushed = 0

    @property
    def handle(self) -> int:
        """The stream, as libraries take it."""
        return int(self._stream.value or 0)

    def allocate(self, count: int) -> int:
        """Address of so many bytes on the device, at least one.

        Raises:
            Refused: `out_of_device_memory`.
        """
        address = c_ulonglong()
        self._call("cuMemAlloc_v2", byref(address), max(count, 1))
        return int(address.value)

    def free(self, address: int) -> None:
        """Gives memory of the device back."""
        self._call("cuMemFree_v2", address)

    def pinned(self, count: int) -> int:
        """Address of host memory that the device reads and writes by itself."""
        address = c_void_p()
        self._call("cuMemAllocHost_v2", byref(address), max(count, 1))
        return int(address.value or 0)

    def unpin(self, address: int) -> None:
        """Gives such memory back."""
        self._call("cuMemFreeHost", address)

    def upload(self, device: int, host: int, count: int) -> None:
        """Hands a copy to the device over."""
        self._call("cuMemcpyHtoDAsync_v2", device, host, count, self._stream)

    def download(self, host: int, device: int, count: int) -> None:
        """Hands a copy from the device over."""
        self._call("cuMemcpyDtoHAsync_v2", host, device, count, self._stream)

    def wait(self) -> None:
        """Back when the device has done all that was handed over."""
        self._call("cuStreamSynchronize", self._stream)

    def mark(self) -> Any:
        """An event behind all that was handed over until now."""
        event = c_void_p()
        self._call("cuEventCreate", byref(event), 0)
        self._call("cuEventRecord", event, self._stream)
        return event

    def between_ns(self, first: Any, second: Any) -> float:
        """Time of the device between two events that it has reached; both are gone afterwards."""
        took_ms = c_float()
        self._call("cuEventElapsedTime", byref(took_ms), first, second)
        for event in (first, second):
            self._call("cuEventDestroy_v2", event)
        return float(took_ms.value) * 1e6

    def flush(self) -> None:
        """Hands over what puts other bytes into the L2 cache."""
        count = max(self.l2_bytes, 1) * _FLUSHES
        if not self._flushed:
            self._flushed = self.allocate(count)
        self._call("cuMemsetD8Async", self._flushed, 0, count, self._stream)

    def captured(self, hands_over: Callable[[], None]) -> Callable[[], None]:
        """What a function hands over, as one graph that is launched by one call."""
        self._call("cuStreamBeginCapture_v2", self._stream, _THREAD_LOCAL)
        graph, launched = c_void_p(), c_void_p()
        try:
            hands_over()
        finally:
            self._call("cuStreamEndCapture", self._stream, byref(graph))
        self._call("cuGraphInstantiateWithFlags", byref(launched), graph, 0)
        self._call("cuGraphDestroy", graph)
        stream, launch = self._stream, self._call
        return lambda: launch("cuGraphLaunch", launched, stream)

    def _call(self, name: str, *given: Any) -> None:
        code = getattr(self._lib, name)(*given)
        if code:
            raise self._failed(name, code)

    def _failed(self, name: str, number: int) -> BitgaugeError:
        told = c_char_p()
        self._lib.cuGetErrorString(number, byref(told))
        words = (told.value or b"").decode("ascii", "replace") or f"error {number}"
        code = cuda.code_of(f"CUDA: {words}") or Code.RUN_FAILED
        return Refused(code, f"NVIDIA's driver says in {name}: {words}.")
