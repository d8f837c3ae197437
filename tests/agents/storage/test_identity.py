"""Who a device is, for ever."""

from __future__ import annotations

from pathlib import Path

import pytest
from bitgauge.agents.storage.identity import device_folder, device_id
from bitgauge.benchmarks.vocabulary.errors import BadInput


def test_a_device_keeps_its_id(tmp_path: Path) -> None:
    folder = tmp_path / "agent"
    minted = device_id(folder)
    assert device_id(folder) == minted
    assert [path.name for path in folder.iterdir()] == ["device_id"]
    assert (folder / "device_id").stat().st_mode & 0o777 == 0o600
    (folder / "device_id").write_text("nonsense")
    with pytest.raises(BadInput, match="holds no device id"):
        device_id(folder)


def test_the_only_device_of_an_older_agent_keeps_its_folder_and_so_its_id(tmp_path: Path) -> None:
    kept = device_id(tmp_path)
    phone = device_folder(tmp_path, "phone:R58", is_machine=False)
    cpu = device_folder(tmp_path, "cpu", is_machine=True)
    assert (cpu, device_id(cpu)) == (tmp_path, kept)
    assert device_id(phone) not in (
        kept,
        device_id(device_folder(tmp_path, "fake", is_machine=True)),
    )
    # Whatever is asked for at the next start, and in whatever order.
    assert device_folder(tmp_path, "fake", is_machine=True) != tmp_path
    assert device_folder(tmp_path, "cpu", is_machine=True) == tmp_path


def test_a_key_cannot_lead_out_of_the_folder(tmp_path: Path) -> None:
    place = device_folder(tmp_path, "phone:../../x", is_machine=False)
    assert place.parent == tmp_path / "devices"
    assert ".." not in place.parts
