"""A store on the disk that holds the run of `record_lab`, with every raw file beside it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID

from bitgauge.benchmarks.analysis.analyse import ANALYSIS_VERSION, analyse
from bitgauge.benchmarks.common.ids import run_id
from bitgauge.benchmarks.raw.files import collect
from bitgauge.benchmarks.record.build import build
from bitgauge.benchmarks.record.record import Record
from bitgauge.benchmarks.record.sources import PARSERS, Sources
from bitgauge.benchmarks.vocabulary.enums import ModelClass
from bitgauge.benchmarks.vocabulary.values.devices import StackItem
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import Entry
from bitgauge.benchmarks.vocabulary.values.runs import RawRef
from bitgauge.coordinator.store.blobs.files import blob_file
from bitgauge.coordinator.store.store import Store
from bitgauge.coordinator.store.values import BuildOutcome, LeaseTerms, Registration

from . import record as lab
from . import values
from .values import BASELINE, CANDIDATE

TOKEN = b"t" * 16
DEVICE = replace(lab.device().description, name="board", device_id=str(UUID("d" * 32)))


@dataclass(frozen=True)
class StoredRun:
    """Where it is, and what its record must say."""

    database: Path
    job_id: str
    run_id: str
    baseline_run_id: str
    files: dict[RawRef, bytes]

    @property
    def blobs(self) -> Path:
        return self.database.parent / "blobs"

    def record(self) -> Record:
        """Built here, from the store itself: what the command has to write."""
        store = Store.open(self.database)
        try:
            run, job = store.run(self.run_id), store.job(self.job_id)
            (device,) = store.devices(0, LeaseTerms())
        finally:
            store.close()
        raw_files = collect(run.raw, lambda ref: self.files[ref], PARSERS)
        return build(Sources(run, job, device, raw_files))


def store_run(folder: Path) -> StoredRun:
    """A job of a baseline and a recipe that was built, both measured; the recipe has raw files."""
    files = lab.stored(folder)
    database = folder / "store.db"
    for ref, data in files.items():
        path = blob_file(folder / "blobs", ref.digest)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    spec = values.job(
        model_name=lab.NAME,
        entries=(Entry("fp32", BASELINE, "m.onnx"), Entry(lab.RECIPE)),
        evaluation=Digest(lab.EVALUATION, 1),
        calibration=lab.CALIBRATION,
        runtime="fake",
    )
    store = Store.open(database)
    try:
        store.register(Registration(DEVICE, "0.1.0", "boot", "i1", True), 1)
        store.submit(lab.JOB_ID, spec, ModelClass.CNN, now_ns=2)
        store.built(lab.JOB_ID, 1, BuildOutcome(CANDIDATE), 3)
        assert store.claim(lab.JOB_ID, DEVICE.device_id, TOKEN, now_ns=4, terms=LeaseTerms())
        ids = tuple(_report(store, index, tuple(files) if index else ()) for index in (0, 1))
    finally:
        store.close()
    return StoredRun(database, lab.JOB_ID, ids[1], ids[0], files)


def _report(store: Store, index: int, raw: tuple[RawRef, ...]) -> str:
    name = run_id(lab.JOB_ID, 1, index)
    told = values.told(
        lab.JOB_ID,
        index,
        started_unix_ns=1_700_000_000_000_000_000,
        ended_unix_ns=1_700_000_060_000_000_000,
        device_id=DEVICE.device_id,
        stack=(StackItem("runtime", "fake"), StackItem("runtime.fake", "1.2")),
        fingerprint="f" * 64,
        raw=raw,
    )
    store.report(told, 5, LeaseTerms())
    artifact = CANDIDATE if index else BASELINE
    facts = values.facts(
        run_id=name,
        entry_index=index,
        recipe=lab.RECIPE if index else "fp32",
        candidate=artifact,
        is_baseline=not index,
    )
    metrics = analyse(tuple(lab.raw_files().values()) if index else (), facts)
    store.analysed(name, ANALYSIS_VERSION, metrics, 6)
    return name
