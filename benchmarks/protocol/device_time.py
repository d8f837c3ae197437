"""What a call costs on a device that computes beside the host: by its own events, not by our clock.

The host only hands work over (it *enqueues*), so that its clock says nothing of the device's. An
event before and one after the work, both stamped by the device as it reaches them, do. Nothing is
under way when a call begins: were others before it in the queue, handing it over could wait for
room in there, and that would be counted as the host's own time (measurement.md A-3).
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol


class DeviceClock(Protocol):
    """Events of one queue of a device."""

    def mark(self) -> Any:
        """An event behind all that was handed over until now."""
        ...

    def between_ns(self, first: Any, second: Any) -> float:
        """Time of the device from one event to the other, both of which it has reached."""
        ...

    def wait(self) -> None:
        """Back when the device has done all that was handed over."""
        ...


def _nothing() -> None:
    """Done before a call whose caches stay warm."""


@dataclass(frozen=True, slots=True)
class DeviceCall:
    """A call of which the device tells the time.

    Attributes:
        enqueue: hands one inference over, with inputs that are there, and returns.
        clock: of the queue that it is handed to.
        before: runs before each call and is in no clock: what empties the device's cache.
        is_cold: whether that is what it does.
    """

    enqueue: Callable[[], None]
    clock: DeviceClock
    before: Callable[[], None] = _nothing
    is_cold: bool = False


def time_on_device(
    call: DeviceCall, clock: Callable[[], int], iterations: int
) -> tuple[array[int], array[int]]:
    """Times of `iterations` calls, one after the other, in nanoseconds.

    Args:
        call: what is timed.
        clock: the host's, monotonic nanoseconds.
        iterations: how often.

    Returns:
        What each took on the device, and how long the host needed to hand it over.
    """
    on_device, handing_over = array("q"), array("q")
    events = call.clock
    for _ in range(iterations):
        call.before()
        events.wait()
        first = events.mark()
        began = clock()
        call.enqueue()
        took = clock() - began
        second = events.mark()
        events.wait()
        on_device.append(round(events.between_ns(first, second)))
        handing_over.append(took)
    return on_device, handing_over
