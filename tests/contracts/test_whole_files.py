"""Every file that must be whole or not at all is: a crash before its name leaves what was there."""

from __future__ import annotations

import ast
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from bitgauge.agents.connection.device_key import device_key
from bitgauge.agents.host.machine import Machine
from bitgauge.agents.storage.identity import device_id
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.coordinator.access.ca import Authority
from bitgauge.coordinator.access.tokens import ensure_token
from bitgauge.coordinator.cluster.home_folder import keep_webhook
from bitgauge.coordinator.config import CoordinatorConfig
from bitgauge.coordinator.exports.evidence import write_folder
from bitgauge.coordinator.exports.output import write_output
from bitgauge.coordinator.store.last_backup import remember
from bitgauge.coordinator.store.state_folder import write_holder
from bitgauge.coordinator.tasks.replicas import Replica

from tests.house.tree import parsed
from tests.labs.agent import digest_of

ROOT = Path(__file__).parents[2]


class Source:
    def read(self, digest: Digest) -> list[bytes]:
        assert digest == digest_of(b"blob")
        return [b"bl", b"ob"]


def replica(folder: Path) -> None:
    Replica(folder, Source(), 1 << 20).path(digest_of(b"blob"))  # type: ignore[arg-type]


WRITERS: dict[str, Callable[[Path], object]] = {
    "holder": lambda folder: write_holder(folder / "f", 7),
    "last backup": lambda folder: remember(folder, folder / "b", 1),
    "replica": replica,
    "token": lambda folder: ensure_token(folder / "f"),
    "authority": lambda folder: Authority.open(folder / "f", 60.0),
    "webhook": lambda folder: keep_webhook(CoordinatorConfig(home=str(folder)), "https://h/x"),
    "output": lambda folder: write_output(folder / "f", b"x", force=True),
    "evidence": lambda folder: write_folder(folder / "f", {"a/b": b"x"}),
    "device id": device_id,
    "device key": device_key,
    "spool": lambda folder: Machine().write(folder / "f", b"x"),
}
SECRET = ("token", "authority", "webhook", "device id", "device key", "replica")


def written(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize("name", WRITERS)
def test_each_is_synced_before_and_after_its_name(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    fsync = os.fsync
    for step in ("replace", "link", "rename"):
        real = getattr(os, step)

        def named(*names: str, real: Callable[..., None] = real) -> None:
            steps.append("name")
            real(*names)

        monkeypatch.setattr(os, step, named)

    def synced(descriptor: int) -> None:
        steps.append("sync")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", synced)
    WRITERS[name](tmp_path)
    assert steps.count("name") == 1
    at = steps.index("name")
    assert "sync" in steps[:at]
    assert "sync" in steps[at:]
    (path,) = written(tmp_path)
    if name in SECRET:
        assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("name", WRITERS)
def test_a_full_disk_leaves_no_file_by_half(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with suppress(Exception):
        WRITERS[name](tmp_path)
    assert written(tmp_path) == []


KNOWN = {
    "benchmarks/common/files.py": "the home of it",
    "agents/host/machine.py": "moves what is there already",
    "agents/storage/cache.py": "a blob that comes in pieces and goes on after a break",
    "coordinator/store/blobs/blob_store.py": "the same",
    "coordinator/store/sql/connection.py": "a copy that SQLite writes",
    "coordinator/store/upkeep/backup.py": "a folder, and links of blobs",
    "coordinator/store/upkeep/restore.py": "a file of any size, and links of blobs",
    "coordinator/exports/evidence.py": "a folder",
    "coordinator/cluster/driver_process.py": "a log that is set aside",
    "coordinator/tasks/replicas.py": "a folder of synced files, each checked when it is used",
    "coordinator/builders/environments/torch/writing.py": "a step's own, read when that has ended",
    "coordinator/builders/safetensors/language.py": "a step's own, read when that has ended",
    "coordinator/environments/shelf.py": "a folder of very many files, after a sync of everything",
}


def test_nobody_else_renames_files() -> None:
    """A rename by hand is how a file once came to be there by half after a power cut."""
    found = set()
    for package in ("agents", "benchmarks", "coordinator"):
        for path in (ROOT / package).rglob("*.py"):
            for call in ast.walk(parsed(path)):
                if isinstance(call, ast.Call) and renames(call):
                    found.add(str(path.relative_to(ROOT)))
    assert found == KNOWN.keys()


def renames(call: ast.Call) -> bool:
    """`os.replace os.link os.rename tempfile.mkstemp`, or what a path does: one argument."""
    if not isinstance(call.func, ast.Attribute):
        return False
    owner = call.func.value.id if isinstance(call.func.value, ast.Name) else ""
    if owner in ("os", "tempfile"):
        return call.func.attr in ("replace", "link", "rename", "mkstemp", "NamedTemporaryFile")
    of_path = call.func.attr in ("replace", "rename", "hardlink_to")
    return of_path and len(call.args) == 1 and not call.keywords
