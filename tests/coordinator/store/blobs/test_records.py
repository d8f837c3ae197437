"""What the store knows of artifacts of several files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.coordinator.store.store import Store
from bitgauge.coordinator.store.subjects import subject_of
from bitgauge.coordinator.store.upkeep.invariants import examine
from bitgauge.coordinator.store.values import BuildKey, BuildOutcome

from tests.labs.store import BASELINE, INT4, INT8, TERMS, Lab, spec
from tests.labs.values import digest

GRAPH, WEIGHTS = (Digest(digest(name).sha256, size) for name, size in (("graph", 7), ("w", 900)))


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    lab = Lab(Store.open(tmp_path / "store.db"))
    lab.register()
    yield lab
    lab.store.close()


def record(lab: Lab, *digests: Digest) -> None:
    for one in digests:
        lab.store.record_blob(one, lab.now_ns)


def spare(lab: Lab) -> dict[Digest, bool]:
    return {one.digest: one.rebuildable for one in lab.store.spare_blobs(lab.now_ns + 1)}


def named_by_a_job(lab: Lab) -> str:
    """A job whose INT8 is a manifest of GRAPH and WEIGHTS."""
    record(lab, BASELINE, INT4, GRAPH, WEIGHTS, spec().evaluation)
    lab.store.record_blob(INT8, lab.now_ns, (GRAPH, WEIGHTS, WEIGHTS))
    return lab.submit()


def test_a_manifest_is_missing_while_one_of_its_files_is(lab: Lab) -> None:
    lab.store.record_blob(INT8, lab.now_ns, (GRAPH, WEIGHTS))
    record(lab, GRAPH)
    assert lab.store.missing_blobs((INT8, GRAPH, WEIGHTS)) == (INT8, WEIGHTS)
    record(lab, WEIGHTS)
    assert lab.store.missing_blobs((INT8, GRAPH, WEIGHTS)) == ()


def test_the_files_of_a_live_manifest_stay(lab: Lab) -> None:
    job_id = named_by_a_job(lab)
    assert spare(lab) == {}
    lab.store.cancel(job_id, "not wanted", lab.now_ns)
    assert {INT8, GRAPH, WEIGHTS} <= spare(lab).keys()


def test_using_a_manifest_uses_its_files(lab: Lab) -> None:
    lab.store.record_blob(INT8, 1, (GRAPH, WEIGHTS))
    for one in (GRAPH, WEIGHTS):
        lab.store.record_blob(one, 1)
    lab.store.use_blobs((INT8,), lab.now_ns)
    assert {used for _, used in lab.store.blobs()} == {lab.now_ns}


def test_a_built_manifest_is_built_again_when_a_file_of_it_goes(lab: Lab) -> None:
    lab.store.record_blob(INT8, lab.now_ns, (GRAPH, WEIGHTS))
    record(lab, GRAPH, WEIGHTS)
    key = BuildKey(BASELINE, "int8-dynamic", None, "tool 1")
    lab.store.cache_build(key, BuildOutcome(INT8), lab.now_ns)
    assert spare(lab) == dict.fromkeys((INT8, GRAPH, WEIGHTS), True)
    lab.store.forget_blobs((WEIGHTS,))
    assert lab.store.cached_build(key) is None
    assert lab.store.missing_blobs((INT8,)) == (INT8,)


def test_the_size_of_a_row_is_that_of_all_files(lab: Lab) -> None:
    job_id = named_by_a_job(lab)
    lease = lab.claimed(job_id)
    for index in range(3):
        lab.report(lease, index)
    runs = [one.run_id for one in lab.store.runs(job_id)]
    facts = [subject_of(lab.store, run, lab.now_ns, TERMS).facts for run in runs]
    sizes = [(one.candidate_bytes, one.baseline_bytes) for one in facts]
    whole = BASELINE.size_bytes
    assert sizes == [(whole, whole), (7 + 900 + 900, whole), (INT4.size_bytes, whole)]


def test_a_file_that_was_never_recorded_is_found(lab: Lab, tmp_path: Path) -> None:
    named_by_a_job(lab)
    assert not [line for line in examine(tmp_path / "store.db").findings if "manifest" in line]
    lab.store.forget_blobs((WEIGHTS,))
    found = [line for line in examine(tmp_path / "store.db").findings if "manifest" in line]
    assert found == [f"blob {WEIGHTS}: named by manifest {INT8}, never recorded"]
