"""Runtimes of others, and those whose libraries are large: `make test-runtimes`.

A test of a library lies in the folder of its runtime, whose `conftest.py` says NOT RUN without it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from bitgauge.benchmarks.common.plugins import PLUGIN_PATH

from tests.labs.adding import write_examples
from tests.labs.agent import Lab, open_lab
from tests.processes.conftest import Up


@pytest.fixture(scope="session")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """The coordinator that the session shares, with the plug-ins that `docs/adding.md` shows."""
    plugins = write_examples(tmp_path_factory.mktemp("plug"))
    home = tmp_path_factory.mktemp("home")
    running = Up.start(home, variables={PLUGIN_PATH: str(plugins)})
    yield running
    assert running.stop() == []


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    async with open_lab(tmp_path) as made:
        yield made
