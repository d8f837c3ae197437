"""Nobody's own settings reach a command line that a test runs."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from bitgauge.benchmarks.table.file import TableFile
from bitgauge.coordinator.cli import common
from bitgauge.coordinator.client.offline import Offline
from bitgauge.coordinator.exports.table import exported

from tests.labs.exported import store_table
from tests.labs.rooms.orders import FakeClient
from tests.labs.rooms.typed import Bitgauge


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BITGAUGE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in ("BITGAUGE_DB", "BITGAUGE_COORDINATOR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"
    out.mkdir()
    monkeypatch.chdir(out)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return store_table(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def table(database: Path) -> TableFile:
    with Offline(database) as source:
        return exported(source)


@pytest.fixture
def bitgauge(capsys: pytest.CaptureFixture[str]) -> Bitgauge:
    return Bitgauge(capsys)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeClient:
    client = FakeClient()
    monkeypatch.setattr(common, "_connected", lambda _: contextlib.nullcontext(client))
    return client
