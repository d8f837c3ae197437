"""A store in memory with one device."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from bitgauge.coordinator.store.store import Store

from tests.labs.store import Lab
from tests.labs.values import device


@pytest.fixture
def lab() -> Iterator[Lab]:
    lab = Lab(Store.open(":memory:"))
    lab.register()
    yield lab
    lab.store.close()


@pytest.fixture
def nano(lab: Lab) -> None:
    lab.register(device("nano"))
