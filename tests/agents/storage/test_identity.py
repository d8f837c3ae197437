"""Who a device is, for ever."""

from __future__ import annotations

from pathlib import Path

import pytest
from bitgauge.agents.storage.identity import device_id
from bitgauge.benchmarks.vocabulary.errors import (
    BadInput,
)


def test_a_device_keeps_its_id(tmp_path: Path) -> None:
    folder = tmp_path / "agent"
    minted = device_id(folder)
    assert device_id(folder) == minted
    assert [path.name for path in folder.iterdir()] == ["device_id"]
    assert (folder / "device_id").stat().st_mode & 0o777 == 0o600
    (folder / "device_id").write_text("nonsense")
    with pytest.raises(BadInput, match="holds no device id"):
        device_id(folder)
