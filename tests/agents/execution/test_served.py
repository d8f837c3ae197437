"""Devices side by side: what comes meanwhile is served, and what ends leaves the others alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import cast

import pytest
from bitgauge.agents.execution.served import Arrivals, Served, serve_each
from bitgauge.benchmarks.vocabulary.errors import Code, Unavailable


class Device:
    """Stands for `Served`: it runs until it is told, or fails."""

    def __init__(self, error: Exception | None = None) -> None:
        self.began, self.end, self.error = asyncio.Event(), asyncio.Event(), error

    async def run(self) -> None:
        self.began.set()
        await self.end.wait()
        if self.error is not None:
            raise self.error


def as_served(**devices: Device) -> dict[str, Served]:
    return {name: cast(Served, one) for name, one in devices.items()}


async def coming(plugged: asyncio.Event, name: str, device: Device) -> AsyncGenerator[object, None]:
    await plugged.wait()
    yield name, device
    await asyncio.Event().wait()


async def test_a_device_that_comes_later_is_served_beside_the_others() -> None:
    first, later, plugged = Device(), Device(), asyncio.Event()
    arrivals = cast(Arrivals, coming(plugged, "later", later))
    serving = asyncio.create_task(serve_each(as_served(first=first), print, arrivals))
    await first.began.wait()
    assert not later.began.is_set()
    plugged.set()
    await asyncio.wait_for(later.began.wait(), 5)
    first.end.set()
    await asyncio.sleep(0)
    assert not serving.done()
    later.end.set()
    await asyncio.wait_for(serving, 5)


async def test_one_that_came_and_failed_costs_itself_alone() -> None:
    error = Unavailable(Code.PHONE_OFFLINE, "It is away.")
    first, later, plugged, said = Device(), Device(error), asyncio.Event(), list[str]()
    plugged.set()
    arrivals = cast(Arrivals, coming(plugged, "later", later))
    serving = asyncio.create_task(serve_each(as_served(first=first), said.append, arrivals))
    await asyncio.wait_for(later.began.wait(), 5)
    later.end.set()
    await asyncio.sleep(0.01)
    assert [line.partition(" Plug")[0] for line in said] == [
        "later is not served any more: It is away."
    ]
    first.end.set()
    with pytest.raises(Unavailable):
        await asyncio.wait_for(serving, 5)


async def test_who_waits_for_arrivals_ends_with_its_devices_and_when_it_is_stopped() -> None:
    device, never = Device(), asyncio.Event()
    device.end.set()
    arrivals = cast(Arrivals, coming(never, "never", Device()))
    await asyncio.wait_for(serve_each(as_served(only=device), print, arrivals), 5)
    arrivals = cast(Arrivals, coming(never, "never", Device()))
    serving = asyncio.create_task(serve_each(as_served(only=Device()), print, arrivals))
    await asyncio.sleep(0.01)
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(serving, 5)
