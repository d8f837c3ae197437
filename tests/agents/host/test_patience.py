"""Waiting that can be cancelled."""

from __future__ import annotations

import asyncio
import random

import pytest
from bitgauge.agents.host.patience import within


async def test_waiting_does_not_swallow_a_cancellation() -> None:
    async def waits() -> None:
        while True:
            await within(asyncio.sleep(0), 1)

    for _ in range(50):
        task = asyncio.create_task(waits())
        await asyncio.sleep(random.random() / 1000)
        task.cancel()
        done, _ = await asyncio.wait((task,), timeout=1)
        assert task in done
        assert task.cancelled()
    with pytest.raises(TimeoutError):
        await within(asyncio.sleep(5), 0.01)
