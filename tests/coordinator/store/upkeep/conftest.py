"""A state folder with everything in it that a backup must carry."""

from pathlib import Path

import pytest
from bitgauge.coordinator.store.store import Store

from tests.labs.rooms.home import Home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "home")
    made.folder.mkdir()
    store = Store.open(made.database)
    made.job_id = made.measure(store, "first")
    store.close()
    return made
