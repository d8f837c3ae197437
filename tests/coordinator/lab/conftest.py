"""A coordinator in memory, with steps that answer at once."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.labs.coordinator import Lab, open_lab


@pytest.fixture
async def lab(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Lab]:
    async with open_lab(monkeypatch) as opened:
        yield opened
