"""Links at every name of every folder of the state: refused in a sentence, never followed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from bitgauge.agents.host.machine import Machine
from bitgauge.agents.service import serve
from bitgauge.agents.storage.identity import FolderLock
from bitgauge.agents.storage.spool import Spool
from bitgauge.benchmarks.vocabulary.enums import PassName
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code, Refused
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import Overrides
from bitgauge.coordinator.access.ca import Authority
from bitgauge.coordinator.cluster import driver_process, home_folder
from bitgauge.coordinator.config import CoordinatorConfig
from bitgauge.coordinator.store.blobs.blob_store import BlobStore
from bitgauge.coordinator.store.state_folder import write_holder
from bitgauge.coordinator.store.store import Store
from bitgauge.coordinator.store.upkeep import backup
from bitgauge.coordinator.store.upkeep.restore import restore
from bitgauge.coordinator.tasks.replicas import Replica

from tests.labs.agent import fake_artifact, open_lab, until
from tests.labs.host import digest_of

PREDICTABLE = (
    *("store.db-wal", "store.db-shm", "store.db-journal", "store.lock", "store.holder.new"),
    *("tokens/alert-webhook", "tokens/alert-webhook.new", "tokens/read", "ray-token", "crash"),
    *(".restore.partial", "backups/.before-schema.partial", "backups/last.json", "logs/ray"),
    *("logs/driver.log.1", "logs/demo-agent.log", "logs/demo-coordinator.log", "blobs/00"),
    *("blobs/partial/planted", "blobs/trash/planted"),
)
"""Names that nobody has used yet and that somebody who reads our code knows."""
BRIEF = Overrides(warmup_ms=20, launches=1, budget_ms=200)


@dataclass
class Canary:
    """A file and a folder outside, to which every planted link leads."""

    root: Path

    def __post_init__(self) -> None:
        (self.root / "folder").mkdir(parents=True)
        for path in (self.file, self.folder / "file"):
            path.write_bytes(b"sings")
            path.chmod(0o640)
        self.folder.chmod(0o750)
        self._before = self._now()

    @property
    def file(self) -> Path:
        return self.root / "file"

    @property
    def folder(self) -> Path:
        return self.root / "folder"

    def _now(self) -> list[tuple[object, ...]]:
        return [
            (path, facts.st_mode, facts.st_mtime_ns, facts.st_ino, facts.st_nlink)
            for path in sorted([self.root, *self.root.rglob("*")])
            if (facts := path.lstat())
        ]

    def require_untouched(self, after: str) -> None:
        assert self._now() == self._before, f"touched after {after}"
        assert self.file.read_bytes() == (self.folder / "file").read_bytes() == b"sings", after


@pytest.fixture
def canary(tmp_path: Path) -> Canary:
    return Canary(tmp_path / "canary")


def planted(root: Path, canary: Canary, aside: Path, further: tuple[str, ...]) -> Iterator[Path]:
    """Each name below `root` in turn, replaced by a link that leads to the canary."""
    for path in sorted(root.rglob("*")):
        target = canary.folder if path.is_dir() else canary.file
        path.rename(aside)
        path.symlink_to(target)
        yield path
        path.unlink()
        aside.rename(path)
    for name in further:
        path = root / name
        if os.path.lexists(path):
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        for target in (canary.file, canary.folder, canary.root / "nothing"):
            path.symlink_to(target)
            yield path
            path.unlink()


def refused(path: Path, work: Callable[[], object]) -> None:
    with pytest.raises(Refused) as caught:
        work()
    assert caught.value.code is Code.PLANTED, f"{path}: {caught.value}"
    assert str(path) in caught.value.sentence


# -- the coordinator's state folder -------------------------------------------------------
@pytest.fixture
def config(tmp_path: Path) -> CoordinatorConfig:
    """A state folder in which everything was used once."""
    made = CoordinatorConfig(str(tmp_path / "home"))
    home_folder.prepare(made)
    home_folder.keep_webhook(made, "https://example.org/secret")
    home_folder.refuse_if_running(made)
    write_holder(made.holder_path, os.getpid())
    Authority.open(made.authority_path, 3600.0)
    blobs = BlobStore(made.blobs_folder, reserve_bytes=0)
    whole, half = digest_of(b"whole"), digest_of(b"half")
    blobs.append(whole, 0, b"whole")
    blobs.finish(whole)
    blobs.append(half, 0, b"h")
    store = Store.open(made.store_path)
    store.record_blob(whole, 1)
    store.close()
    backup.make(made.home_folder, tmp_path / "backup")
    for log in (driver_process.log_path(made), made.logs_folder / "coordinator.log"):
        log.write_text("log")
    return made


def test_no_start_backup_or_restore_follows_a_link(
    config: CoordinatorConfig, canary: Canary, tmp_path: Path
) -> None:
    home, seen = config.home_folder, 0
    for path in planted(home, canary, tmp_path / "aside", PREDICTABLE):
        refused(path, lambda: home_folder.prepare(config))
        refused(path, lambda: backup.make(home, tmp_path / "another"))
        refused(path, lambda: restore(tmp_path / "backup", home, replace=True))
        canary.require_untouched(str(path))
        seen += 1
    assert seen > 50
    home_folder.prepare(config)  # all is as it was
    assert not (tmp_path / "another").exists()


def test_a_state_folder_as_a_whole_may_be_a_link_of_its_owner(
    config: CoordinatorConfig, tmp_path: Path
) -> None:
    config.home_folder.rename(tmp_path / "elsewhere")
    config.home_folder.symlink_to(tmp_path / "elsewhere")
    home_folder.prepare(config)


def test_a_folder_that_was_open_is_closed_and_said_so(config: CoordinatorConfig) -> None:
    config.home_folder.chmod(0o777)
    config.tokens_folder.chmod(0o777)
    assert home_folder.prepare(config)
    modes = [path.stat().st_mode & 0o777 for path in (config.home_folder, config.tokens_folder)]
    assert modes == [0o700, 0o700]
    assert not home_folder.prepare(config)


def test_secrets_are_closed_in_a_folder_of_an_open_mask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        made = CoordinatorConfig(str(tmp_path / "home"))
        home_folder.prepare(made)
        home_folder.keep_webhook(made, "https://example.org/secret")
        Authority.open(made.authority_path, 3600.0)
        write_holder(made.holder_path, 1)
    finally:
        os.umask(before)
    for path in (made.home_folder, *made.home_folder.rglob("*")):
        assert path.stat().st_mode & 0o077 == 0, path


def test_a_backup_beside_others_is_not_led_elsewhere(
    config: CoordinatorConfig, canary: Canary, tmp_path: Path
) -> None:
    """Before, what lay behind the link was taken for the rest of a killed backup and removed."""
    shared = tmp_path / "shared"
    shared.mkdir(mode=0o777)
    (shared / ".monday.partial").symlink_to(canary.folder)
    refused(shared / ".monday.partial", lambda: backup.make(config.home_folder, shared / "monday"))
    canary.require_untouched("a backup")
    (shared / "tuesday").symlink_to(canary.folder)
    with pytest.raises(BitgaugeError, match="not an empty folder"):
        backup.make(config.home_folder, shared / "tuesday")
    canary.require_untouched("a backup")


# -- a node's copies of blobs -------------------------------------------------------------
class Source:
    def read(self, digest: Digest) -> Iterator[bytes]:
        yield b"endless"
        yield b" and more"


def test_a_nodes_copies_are_not_led_elsewhere(canary: Canary, tmp_path: Path) -> None:
    """The folder's name in /tmp is known: before, the oldest files behind a link were removed."""
    (tmp_path / "replica").symlink_to(canary.folder)
    refused(tmp_path / "replica", lambda: Replica(tmp_path / "replica", Source(), 1))
    canary.require_untouched("a start")
    replica = Replica(tmp_path / "own", Source(), 1)
    digest = digest_of(b"endless")
    for name in (digest.sha256, f"{digest.sha256}.files"):
        (tmp_path / "own" / name).symlink_to(canary.file if name[-1] != "s" else canary.folder)
    assert replica.artifact(digest).read_bytes() == b"endless"  # what came beyond it was cut off
    os.utime(tmp_path / "own" / digest.sha256, (1, 1))
    canary.require_untouched("a copy")


# -- the agent's folder -------------------------------------------------------------------
async def test_no_agent_follows_a_link(tmp_path: Path, canary: Canary) -> None:
    async with open_lab(tmp_path, devices=("fake",)) as lab:
        lab.assignment([fake_artifact()], passes=(PassName.ABSOLUTE,), overrides=BRIEF)
        async with lab.agent():
            await lab.reports(1)
            spool = Spool(lab.folder / "home" / "agent" / "spool")
            await until(lambda: not spool.reports() and not spool.intents())
        folder, seen = lab.folder / "home" / "agent", 0
        shutil.rmtree(folder / "work", ignore_errors=True)
        (folder / "work").mkdir()
        half = f"cache/{digest_of(b'x').sha256}.partial"
        further = ("key.pem.new", "enrolment.json", "enrolment.json.new", half, "devices", "probe")
        for path in planted(folder, canary, tmp_path / "aside", further):
            refused(path, lambda: FolderLock(folder))
            if path.parent == folder:
                with pytest.raises(Refused, match="is a link"):
                    await serve(lab.config(), lab.said.append)
            canary.require_untouched(str(path))
            seen += 1
        assert seen > 10
        # What a child left in its own folder is no refusal, and goes without being followed.
        (folder / "work" / "run").symlink_to(canary.folder)
        lab.assignment([fake_artifact()], passes=(PassName.ABSOLUTE,), overrides=BRIEF)
        async with lab.agent():
            await lab.reports(2)
        canary.require_untouched("a run")


def test_what_is_kept_of_a_child_is_the_file_that_was_read(
    tmp_path: Path, canary: Canary, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that outlived its child changes the name between reading and renaming."""
    machine, own, raw = Machine(), tmp_path / "own", tmp_path / "raw"
    own.mkdir()
    raw.mkdir()
    (own / "raw.npz").write_bytes(b"raw")
    sync = os.fsync

    def swapping(descriptor: int) -> None:
        sync(descriptor)
        (own / "raw.npz").unlink()
        (own / "raw.npz").symlink_to(canary.file)

    monkeypatch.setattr(os, "fsync", swapping)
    with pytest.raises(OSError, match="another file was put in its place"):
        machine.keep(own / "raw.npz", raw)
    monkeypatch.undo()
    assert list(raw.iterdir()) == []
    (own / "link").symlink_to(canary.file)
    with pytest.raises(OSError, match="symbolic links"):
        machine.keep(own / "link", raw)
    canary.require_untouched("keeping")
