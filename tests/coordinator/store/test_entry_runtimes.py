"""What executes an entry, and of what kind it is, from the submission to its row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from bitgauge.benchmarks.vocabulary.enums import Disposition
from bitgauge.benchmarks.vocabulary.values.devices import RuntimeDescription
from bitgauge.benchmarks.vocabulary.values.jobs import Entry
from bitgauge.benchmarks.vocabulary.values.rows import TableQuery
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue
from bitgauge.coordinator.store.store import Store
from bitgauge.coordinator.store.subjects import subject_of
from bitgauge.coordinator.store.values import BuildOutcome

from tests.labs.store import BASELINE, INT8, TERMS, Lab, spec
from tests.labs.values import device, runtime

LITE = RuntimeDescription("litert", "2", fingerprint="stack-lite")
BOTH = device(runtimes=(runtime(), LITE))
MIXED = spec(
    entries=(
        Entry("fp32", BASELINE, artifact_kind="onnx"),
        Entry("int8-dynamic", INT8, "m.tflite", "litert", "tflite"),
        Entry("int8-dynamic", INT8, "m.onnx", artifact_kind="onnx"),
    )
)


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    lab = Lab(Store.open(tmp_path / "bitgauge.db"))
    lab.register(BOTH)
    yield lab
    lab.store.close()


def test_an_entry_is_leased_with_its_own_runtime(lab: Lab) -> None:
    job_id = lab.submit(MIXED)
    told = [("onnxruntime", "onnx"), ("litert", "tflite"), ("onnxruntime", "onnx")]
    assert [(one.runtime, one.artifact_kind) for one in lab.job(job_id).entries] == told
    lease = lab.claimed(job_id)
    assert [(one.runtime, one.artifact_kind) for one in lease.entries] == told
    assert lease.baseline_runtime == "onnxruntime"


def test_a_row_is_that_of_the_runtime_that_executed_it(lab: Lab) -> None:
    lease = lab.claimed(lab.submit(MIXED))
    for index, stack in enumerate(("stack-1", "stack-lite", "stack-1")):
        assert lab.report(lease, index, fingerprint=stack) is Disposition.ACCEPTED
    lab.analyse()
    rows = lab.store.rows(TableQuery())
    assert {(row.recipe, row.runtime, row.fingerprint) for row in rows} == {
        ("fp32", "onnxruntime", "stack-1"),
        ("int8-dynamic", "litert", "stack-lite"),
        ("int8-dynamic", "onnxruntime", "stack-1"),
    }
    lab.register(device(runtimes=(runtime(), replace(LITE, fingerprint="stack-newer"))))
    stale = {row.runtime for row, _ in lab.store.stale_rows()}
    assert stale == {"litert"}, "only what it executed is stale"


def test_what_was_measured_is_reused_on_its_own_stack_alone(lab: Lab) -> None:
    lease = lab.claimed(lab.submit(MIXED))
    lab.report(lease, 0, fingerprint="stack-1")
    lab.report(lease, 1, fingerprint="stack-lite")
    lab.wait(100)
    lab.store.expire(lab.now_ns)
    newer = replace(LITE, fingerprint="stack-newer")
    lab.register(device(runtimes=(runtime(), newer)))
    again = lab.claimed(lease.job_id)
    assert [bool(entry.raw) for entry in again.entries] == [True, False, False]


def test_a_run_is_as_real_as_its_own_runtime(lab: Lab) -> None:
    lease = lab.claimed(lab.submit(MIXED))
    lab.report(lease, 1, fingerprint="stack-lite")
    (run,) = lab.store.unanalysed()
    assert subject_of(lab.store, run, lab.now_ns, TERMS).facts.realness.keeps_time
    lab.register(device(runtimes=(runtime(), replace(LITE, simulated=True))))
    assert not subject_of(lab.store, run, lab.now_ns, TERMS).facts.realness.keeps_time


def test_a_build_is_for_a_runtime_and_of_a_kind(lab: Lab) -> None:
    entries = (
        Entry("fp32", BASELINE),
        Entry("int8-dynamic", runtime="litert", artifact_kind="tflite"),
        Entry("int8-dynamic", artifact_kind="onnx"),
    )
    lab.submit(spec(entries=entries))
    lite, plain = (one.key for one in lab.store.pending_builds())
    assert (lite.runtime, lite.artifact_kind) == ("litert", "tflite")
    assert (plain.runtime, plain.artifact_kind) == ("onnxruntime", "onnx")
    lab.store.cache_build(replace(lite, toolchain="tool"), BuildOutcome(INT8), 1)
    assert lab.store.cached_build(replace(lite, toolchain="tool")) == BuildOutcome(INT8)
    for other in (
        plain,
        replace(lite, runtime=plain.runtime),
        replace(lite, artifact_kind=plain.artifact_kind),
    ):
        assert lab.store.cached_build(replace(other, toolchain="tool")) is None


def test_only_what_the_baselines_runtime_executed_is_measured_in_exact_mode(lab: Lab) -> None:
    """Options are those of a job: another runtime would not know them."""
    lease = lab.claimed(lab.submit(MIXED))
    for index, stack in enumerate(("stack-1", "stack-lite", "stack-1")):
        lab.report(lease, index, fingerprint=stack)
    saturated = MetricValue("saturated_pct", 0.3, n=10, flags=("saturating",))
    for run in lab.store.unanalysed():
        lab.store.analysed(run, 2, (saturated,), lab.now_ns)
    [(exact, made)] = lab.store.queued()
    assert exact.exact_of == lease.job_id
    assert [made.runtime_of(entry) for entry in made.entries] == ["onnxruntime"] * 2
