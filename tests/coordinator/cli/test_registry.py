"""What people type about the registry, on a database file without a coordinator."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import Entry
from bitgauge.coordinator.store.blobs.files import blob_file
from bitgauge.coordinator.store.store import Store

from tests.coordinator.store.registry.test_aliases import move
from tests.coordinator.store.registry.test_verdicts import counted, keep
from tests.labs.rooms.past import measure
from tests.labs.rooms.typed import Bitgauge
from tests.labs.store import Lab, spec

FILE = b"an artifact"
MODEL = b"a model"


def named(data: bytes) -> Digest:
    return Digest(hashlib.sha256(data).hexdigest(), len(data))


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    monkeypatch.setenv("BITGAUGE_DB", str(tmp_path / "store.db"))
    monkeypatch.chdir(tmp_path)
    path = blob_file(tmp_path / "blobs", named(FILE))
    path.parent.mkdir(parents=True)
    path.write_bytes(FILE)
    lab = Lab(Store.open(tmp_path / "store.db"))
    lab.register()
    return lab


@pytest.fixture
def run_id(lab: Lab) -> str:
    entries = (Entry("fp32"), Entry("int8-dynamic", named(FILE)))
    job = lab.submit(spec(baseline=named(MODEL), entries=entries))
    found = lab.job(measure(lab, job, accuracy_delta_pp=counted(10, 10))).entries[1].run_id
    assert found
    return found


def test_a_model_file_finds_what_was_made_of_it(
    lab: Lab, run_id: str, bitgauge: Bitgauge, tmp_path: Path
) -> None:
    (tmp_path / "net.onnx").write_bytes(MODEL)
    told = json.loads(bitgauge("registry", "search", "net.onnx", "--json").out)
    assert [one["run_id"] for one in told] == [run_id]
    (tmp_path / "net.onnx").write_bytes(b"another")
    assert bitgauge("registry", "search", "net.onnx").out == "none\n"
    keep(lab, run_id)
    move(lab, run_id)
    assert "passed for triage @champion" in bitgauge("registry", "search", "int8").out
    shown = bitgauge("registry", "show", "digits_cnn@champion").out
    assert "its owner, who gave the file" in shown
    assert "passed: digits_cnn int8-dynamic" in shown
    assert "champion, passed for triage" in shown
    assert "digits_cnn@champion" in bitgauge("registry", "aliases").out


def test_what_has_not_passed_is_withheld(
    lab: Lab, run_id: str, bitgauge: Bitgauge, tmp_path: Path
) -> None:
    export = ("registry", "export", run_id, "-o", "a.onnx")
    assert "is withheld: no gate judged it" in bitgauge.refuses(*export, code=1)
    assert "remembers no export" in bitgauge.refuses(*export, "--ungated", "to look", code=1)
    assert not list(tmp_path.glob("a.onnx*"))
    keep(lab, run_id)
    assert "passed for triage" in bitgauge(*export).err
    assert (tmp_path / "a.onnx").read_bytes() == FILE
    assert "a.onnx" in bitgauge.refuses(*export)


def test_an_alias_whose_stack_has_changed_is_named(
    lab: Lab, run_id: str, bitgauge: Bitgauge
) -> None:
    keep(lab, run_id)
    move(lab, run_id)
    assert bitgauge("registry", "revalidate").out == "No aliased artifact is touched.\n"
    lab.store.use_inputs({})
    with lab.store.writing("another stack") as db:
        changes = json.dumps([{"name": "driver", "before": "1", "after": "2"}])
        db.execute("UPDATE table_rows SET changes = ?", (changes,))
    told = bitgauge("registry", "revalidate").out
    assert told.startswith("digits_cnn@champion int8-dynamic on rpi5: driver")
    assert "--run needs a coordinator" in bitgauge("registry", "revalidate", "--run", code=2).err
