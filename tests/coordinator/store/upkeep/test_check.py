"""A state folder is checked: what is wrong is named, and nothing is changed."""

import hashlib
import sqlite3
from pathlib import Path

import pytest
from bitgauge.benchmarks.vocabulary.errors import Code
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.coordinator.store.blobs import files as blob_files
from bitgauge.coordinator.store.blobs.blob_store import BlobStore
from bitgauge.coordinator.store.blobs.files import blob_file
from bitgauge.coordinator.store.upkeep.check import check_state

from tests.labs.refused import refused
from tests.labs.rooms.home import Home, flip, tear


# -- check --------------------------------------------------------------------------------
def test_a_sound_home_is_sound(home: Home) -> None:
    found = check_state(home.folder)
    assert found.sound
    assert found.counts["runs"] == 2
    assert (found.blobs, found.unreferenced, found.last_backup) == (5, (), None)


def test_check_tells_missing_corrupt_and_unreferenced_apart(home: Home) -> None:
    first, second, *_ = blob_files.listed(home.blobs)
    blob_file(home.blobs, first).unlink()
    flip(blob_file(home.blobs, second))
    extra = Digest(hashlib.sha256(b"x").hexdigest(), 1)
    blobs = BlobStore(home.blobs, reserve_bytes=0)
    blobs.append(extra, 0, b"x")
    blobs.finish(extra)
    found = check_state(home.folder)
    assert (found.missing, found.corrupt, found.unreferenced) == ((first,), (second,), (extra,))
    assert not found.sound


HARM = {
    "more than one accepted run": (
        "DROP INDEX one_accepted_run_per_entry",
        "UPDATE runs SET entry_index = 0",
    ),
    "not the id of its job": ("UPDATE runs SET run_id = 'x' || run_id WHERE entry_index = 1",),
    "leased without an active lease": ("UPDATE jobs SET state = 'leased'",),
    "an active lease that its job does not have": ("UPDATE leases SET active = 1",),
    "later than its job's epoch": ("UPDATE jobs SET epoch = 0",),
    "refers to a row of devices": ("UPDATE leases SET device_id = 'nobody'",),
    "of another device than its lease": ("UPDATE runs SET device_id = 'nobody'",),
    "accepted without an accepted, measured run": ("UPDATE runs SET disposition = 'stale'",),
    "of an entry that is not settled": ("UPDATE entries SET state = 'ready'",),
    "ended with entries that are not settled": ("UPDATE entries SET state = 'ready'",),
    "metrics without an analysis": ("UPDATE runs SET analysis_version = NULL",),
    "neither a repetition nor measured again": ("UPDATE jobs SET suspect = 'it drifted'",),
    "a repetition of a job that is not suspect": ("UPDATE jobs SET repeats = job_id",),
    "an A/A certificate of a job that has not finished": (
        "INSERT INTO certifications SELECT job_id, device_id, 'onnxruntime', 1 FROM leases",
        """INSERT INTO aa_certificates SELECT job_id, device_id, 'onnxruntime', 'stack', 'quick',
             1, 2, 40, 40, 0, 0.001, 0.002, 1, 'none' FROM leases""",
        "UPDATE jobs SET state = 'failed'",
    ),
    "never recorded": ("DELETE FROM blobs",),
    "what is stored of it can not be read": ("UPDATE jobs SET spec = '{}'",),
}


@pytest.mark.parametrize("words", HARM)
def test_check_finds_what_must_not_be(home: Home, words: str) -> None:
    connection = sqlite3.connect(home.database)
    with connection:
        for statement in HARM[words]:
            connection.execute(statement)
    connection.close()
    found = check_state(home.folder)
    assert not found.sound
    assert any(words in finding for finding in found.findings), found.findings


def test_check_refuses_what_it_can_not_ask(home: Home, tmp_path: Path) -> None:
    with refused(Code.STORE_MISSING):
        check_state(tmp_path / "nowhere")
    tear(home.database)
    with refused(Code.STORE_DAMAGED):
        check_state(home.folder)
