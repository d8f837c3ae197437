"""An aarch64 userland, and a real coordinator that its agents join."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.processes.conftest import Up

from .userland import Userland, userland

UNHURRIED = ("--lease-ttl", "60", "--renew-every", "3", "--unreachable-after", "10")
"""Emulated processes answer late."""
CHECKED = ("--check-hours", "24")


@pytest.fixture(scope="session")
def arm() -> Userland:
    return userland()


@pytest.fixture(scope="session")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    running = Up.start(tmp_path_factory.mktemp("home"), *UNHURRIED, *CHECKED)
    yield running
    assert running.stop() == []
