"""A state folder with everything in it that a backup must carry."""

import hashlib
import itertools
import os
from dataclasses import dataclass
from pathlib import Path

from bitgauge.benchmarks.vocabulary.enums import PassName, RawRole
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import Entry
from bitgauge.benchmarks.vocabulary.values.runs import RawRef
from bitgauge.coordinator.store.blobs import files as blob_files
from bitgauge.coordinator.store.blobs.blob_store import BlobStore
from bitgauge.coordinator.store.blobs.files import blob_file
from bitgauge.coordinator.store.store import Store

from tests.labs.store import Lab, spec

NUMBERS = itertools.count(1)


@dataclass
class Home:
    """A state folder with a job that was measured, and every blob that it names."""

    folder: Path
    job_id: str = ""

    @property
    def database(self) -> Path:
        return self.folder / "store.db"

    @property
    def blobs(self) -> Path:
        return self.folder / "blobs"

    def blob(self, store: Store, text: str) -> Digest:
        data = text.encode() * 100
        digest = Digest(hashlib.sha256(data).hexdigest(), len(data))
        blobs = BlobStore(self.blobs, reserve_bytes=0)
        blobs.append(digest, 0, data)
        blobs.finish(digest)
        store.record_blob(digest, 1)
        return digest

    def measure(self, store: Store, name: str) -> str:
        lab = Lab(store)
        lab.register()
        baseline = self.blob(store, f"{name} fp32")
        small = self.blob(store, f"{name} int8")
        what = spec(
            baseline=baseline,
            entries=(Entry("fp32"), Entry("int8-dynamic", small)),
            evaluation=self.blob(store, "evaluation"),
        )
        lab.numbers = NUMBERS
        job_id = lab.submit(what)
        lease = lab.claimed(job_id)
        for entry in lease.entries:
            raw = self.blob(store, f"{name} raw {entry.index}")
            lab.report(lease, entry.index, raw=(RawRef(PassName.PAIR, 0, RawRole.BOTH, raw),))
        lab.analyse()
        return job_id

    def any_blob(self) -> Path:
        return blob_file(self.blobs, next(blob_files.listed(self.blobs)))


def flip(path: Path, offset: int = 0) -> None:
    data = bytearray(path.read_bytes())
    data[offset] ^= 0x40
    path.write_bytes(data)


def tear(database: Path) -> None:
    """Overwrite every page but the first, as a failing disk may."""
    with database.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(database.stat().st_size - 4096))


def everything(home: Home) -> dict[str, object]:
    """What a user can see of a state folder."""
    reader = Store.open_readonly(home.database)
    try:
        jobs = reader.jobs()
        runs = {job.job_id: reader.runs(job.job_id) for job in jobs}
    finally:
        reader.close()
    return {"jobs": jobs, "runs": runs}
