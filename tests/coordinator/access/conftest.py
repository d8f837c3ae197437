"""A door with a coordinator behind it, and boards that knock."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.labs.access import Gate, gate
from tests.labs.coordinator import BASELINE, EVALUATION
from tests.labs.rooms.enrolment import real_services


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Gate]:
    async with gate(tmp_path, real_services) as made:
        for digest in (BASELINE, EVALUATION):
            await made.writer.call(lambda store, one=digest: store.record_blob(one, 1))  # type: ignore[misc]
        yield made
