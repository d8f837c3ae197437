"""One job at a time on a host."""

from __future__ import annotations

import asyncio

from bitgauge.agents.execution.turns import Turns


def settled(devices: int) -> Turns:
    turns = Turns(devices)
    for _ in range(devices):
        turns.settle()
    return turns


async def test_nobody_works_before_the_past_of_every_device_is_dead() -> None:
    turns = Turns(2)
    turns.settle()
    assert not await turns.take(0.01)
    turns.settle()
    assert await turns.take(1)


async def test_devices_of_a_host_work_one_after_the_other_and_none_starves() -> None:
    turns, order = settled(2), []

    async def works(name: str) -> None:
        for _ in range(3):
            assert await turns.take(10)
            order.append(name)
            await asyncio.sleep(0.001)
            order.append(name)
            turns.give_back()

    await asyncio.gather(works("cpu"), works("gpu"))
    assert order == ["cpu", "cpu", "gpu", "gpu"] * 3


async def test_who_waits_in_vain_may_try_again() -> None:
    turns = settled(2)
    assert await turns.take(1)
    assert not await turns.take(0.01)
    turns.give_back()
    assert await turns.take(1)


def test_only_a_device_that_shares_its_host_asks_for_short_times() -> None:
    assert Turns(2).poll_ms < Turns(1).poll_ms
