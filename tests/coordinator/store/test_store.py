"""What the store keeps, asked in memory; `test_durable` asks the same of a file."""

from dataclasses import replace

import pytest
from bitgauge.benchmarks.vocabulary.enums import (
    CellState,
    EntryState,
    FailureGroup,
    FormatFamily,
    HardwareClass,
    JobState,
    ModelClass,
    Profile,
    Realness,
)
from bitgauge.benchmarks.vocabulary.errors import Code
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import Entry, Workload
from bitgauge.benchmarks.vocabulary.values.rows import TableQuery
from bitgauge.coordinator.store.values import BuildKey, BuildOutcome

from tests.labs.refused import refused
from tests.labs.store import BASELINE, INT4, INT8, METRICS, Lab, spec
from tests.labs.values import device, digest, runtime


class TestStore:
    # -- jobs -----------------------------------------------------------------------------
    def test_a_submitted_job_waits_for_a_device(self, lab: Lab) -> None:
        job = lab.job(lab.submit())
        assert job.state is JobState.QUEUED
        assert job.waiting_for == "a device"
        assert [entry.artifact for entry in job.entries] == [BASELINE, INT8, INT4]
        assert lab.store.spec(job.job_id) == spec()
        assert [queued.job_id for queued, _ in lab.store.queued()] == [job.job_id]

    def test_one_idempotency_key_is_one_job(self, lab: Lab) -> None:
        first = lab.submit(spec(idempotency_key="k"))
        assert lab.submit(spec(idempotency_key="k")) == first
        assert len(lab.store.jobs()) == 1
        with refused(Code.IDEMPOTENCY_CONFLICT):
            lab.submit(spec(idempotency_key="k", priority=3))

    def test_jobs_without_a_key_are_never_the_same(self, lab: Lab) -> None:
        assert lab.submit() != lab.submit()

    def test_entry_0_has_to_be_the_baseline(self, lab: Lab) -> None:
        for entries in ((), (Entry("int8-dynamic", INT8),)):
            with refused(Code.BAD_ARGUMENT):
                lab.submit(spec(entries=entries))
        with refused(Code.BAD_RECIPE):
            lab.submit(spec(entries=(Entry("fp33"),)))
        assert lab.store.jobs() == ()

    def test_jobs_are_listed_newest_first(self, lab: Lab) -> None:
        ids = [lab.submit() for _ in range(4)]
        lab.store.cancel(ids[1], "not wanted", lab.now_ns)
        assert [job.job_id for job in lab.store.jobs(limit=3)] == ids[:0:-1]
        assert [job.job_id for job in lab.store.jobs(active_only=True)] == [ids[3], ids[2], ids[0]]

    def test_unknown_ids_have_a_sentence(self, lab: Lab) -> None:
        for code, call in (
            (Code.UNKNOWN_JOB, lambda: lab.store.job("nothing")),
            (Code.UNKNOWN_JOB, lambda: lab.store.spec("nothing")),
            (Code.UNKNOWN_JOB, lambda: lab.store.runs("nothing")),
            (Code.UNKNOWN_JOB, lambda: lab.store.cancel("nothing", "", 0)),
            (Code.UNKNOWN_RUN, lambda: lab.store.run("nothing")),
            (Code.UNKNOWN_RUN, lambda: lab.store.analysed("nothing", 1, (), 0)),
            (Code.UNKNOWN_DEVICE, lambda: lab.store.seen("nothing", "i1", 0)),
        ):
            with refused(code):
                call()

    # -- builds ---------------------------------------------------------------------------
    def test_a_job_is_queued_when_its_last_artifact_is_built(self, lab: Lab) -> None:
        job_id = lab.submit(spec(entries=(Entry("fp32"), Entry("int8-dynamic"), Entry("fp16"))))
        assert lab.job(job_id).waiting_for == "2 artifacts to be built"
        pending = lab.store.pending_builds()
        assert [(build.entry_index, build.key.recipe) for build in pending] == [
            (1, "int8-dynamic"),
            (2, "fp16"),
        ]
        lab.store.built(job_id, 1, BuildOutcome(INT8), lab.now_ns)
        assert lab.job(job_id).state is JobState.BUILDING
        lab.store.built(job_id, 2, BuildOutcome(None, "no MatMul"), lab.now_ns)
        job = lab.job(job_id)
        assert job.state is JobState.QUEUED
        assert job.entries[2].state is EntryState.UNSUPPORTED
        assert job.entries[2].reason == "no MatMul"
        assert lab.store.pending_builds() == ()
        assert [entry.index for entry in lab.claimed(job_id).entries] == [0, 1]

    def test_builds_are_remembered_by_everything_they_depend_on(self, lab: Lab) -> None:
        key = BuildKey(BASELINE, "int8-dynamic", None, "onnxruntime 1.31")
        assert lab.store.cached_build(key) is None
        lab.store.cache_build(key, BuildOutcome(None, "no"), 1)
        lab.store.cache_build(key, BuildOutcome(INT8), 2)
        assert lab.store.cached_build(key) == BuildOutcome(INT8)
        for other in (
            replace(key, toolchain="onnxruntime 1.32"),
            replace(key, calibration=INT4),
            replace(key, recipe="fp16"),
            replace(key, model=INT4),
        ):
            assert lab.store.cached_build(other) is None

    def test_a_build_that_holds_for_one_batch_is_found_for_it_alone(self, lab: Lab) -> None:
        key = BuildKey(BASELINE, "int8-static-u8s8-pc", None, "tool", batch=4)
        made = BuildOutcome(INT8, notes=("calibrated in batches of 4",), batch=4)
        lab.store.cache_build(key, made, 1)
        assert lab.store.cached_build(key) == made
        assert lab.store.cached_build(replace(key, batch=1)) is None
        for_every = replace(made, artifact=INT4, batch=0)
        lab.store.cache_build(replace(key, batch=1), for_every, 2)
        assert lab.store.cached_build(replace(key, batch=8)) == for_every

    def test_a_calibrated_artifact_names_its_calibration_set(self, lab: Lab) -> None:
        static, other = "int8-static-u8s8-pc", digest("another calibration")
        used, built, foreign = digest("calibration"), digest("static"), digest("foreign")
        entries = (
            Entry("fp32", BASELINE),
            Entry(static),
            Entry("int8-dynamic"),
            Entry(static, built),
            Entry(static, foreign),
        )
        job_id = lab.submit(spec(entries=entries, calibration=used))

        def named() -> list[Digest | None]:
            return [entry.calibration for entry in lab.job(job_id).entries]

        # A recipe without calibration names no set, and nobody knows where the files come from.
        assert named() == [None, used, None, None, None]
        key = BuildKey(BASELINE, static, other, "onnxruntime 1.31")
        lab.store.cache_build(key, BuildOutcome(built), 1)
        lab.store.cache_build(replace(key, model=INT4), BuildOutcome(foreign), 1)
        assert named() == [None, used, None, other, None]

    # -- the table ------------------------------------------------------------------------
    def test_the_newest_row_per_key(self, lab: Lab) -> None:
        lab.measured()
        newer = lab.measured()
        rows = lab.store.rows(TableQuery())
        assert [row.recipe for row in rows] == ["fp32", "int8-dynamic", "int4-wo-b32"]
        assert [row.run_id for row in rows] == [run.run_id for run in lab.store.runs(newer)]
        assert rows[0].metrics == METRICS
        assert rows[0].state is CellState.MEASURED
        assert rows[0].flags == ("preliminary", "shared")
        assert rows[0].baseline == BASELINE
        assert rows[0].metric("latency_ratio").value == 0.5

    def test_rows_that_differ_in_a_key_stand_side_by_side(self, lab: Lab) -> None:
        lab.register(device("nano"))
        lab.measured()
        lab.measured(spec(workload=Workload(batch=64)))
        lab.measured(spec(profile=Profile.STANDARD))
        lab.measured(spec(model_name="digits_mlp"))
        lab.measured(name="nano")
        assert len(lab.store.rows(TableQuery())) == 15

    def test_a_query_narrows(self, lab: Lab) -> None:
        job_id = lab.measured()
        lab.measured(spec(model_name="digits_mlp", workload=Workload(batch=64)))
        for query, count in (
            (TableQuery(model_name="digits_mlp"), 3),
            (TableQuery(model_class=ModelClass.CNN), 6),
            (TableQuery(model_class=ModelClass.MLP), 0),
            (TableQuery(hardware_class=HardwareClass.CPU_ONLY), 6),
            (TableQuery(hardware_class=HardwareClass.EDGE_ARM), 0),
            (TableQuery(device="rpi5"), 6),
            (TableQuery(device=device().device_id, batch=64), 3),
            (TableQuery(device="nano"), 0),
            (TableQuery(family=FormatFamily.INT8), 2),
            (TableQuery(batch=1), 3),
            (TableQuery(job_id=job_id, family=FormatFamily.INT4), 1),
        ):
            assert len(lab.store.rows(query)) == count, query

    def test_what_was_not_measured_is_shown_with_its_reason(self, lab: Lab) -> None:
        job_id = lab.submit(spec(entries=(Entry("fp32"), Entry("fp16"), Entry("int8-dynamic"))))
        lab.store.built(job_id, 1, BuildOutcome(None, "no half floats"), lab.now_ns)
        lab.store.built(job_id, 2, BuildOutcome(INT8), lab.now_ns)
        assert lab.store.rows(TableQuery()) == ()
        lease = lab.claimed(job_id)
        lab.report(lease, 0)
        lab.report_failure(lease, 2, FailureGroup.ARTIFACT)
        lab.analyse()
        assert [(row.recipe, row.state, row.reason) for row in lab.store.rows(TableQuery())] == [
            ("fp32", CellState.MEASURED, None),
            ("fp16", CellState.UNSUPPORTED, "no half floats"),
            ("int8-dynamic", CellState.FAILED, "it crashed"),
        ]

    def test_a_run_enters_the_table_when_it_is_analysed(self, lab: Lab) -> None:
        older = lab.measured()
        lease = lab.claimed(lab.submit())
        lab.report(lease, 0)
        row = lab.store.rows(TableQuery())[0]
        assert row.run_id == lab.store.runs(older)[0].run_id

    def test_a_failure_of_the_harness_hides_no_measurement(self, lab: Lab) -> None:
        lab.measured()
        job_id = lab.submit()
        for _ in range(5):
            lease = lab.claimed(job_id)
            lab.report_failure(lease, 0, FailureGroup.HARNESS)
            for index in (1, 2):
                lab.report_failure(lease, index, FailureGroup.ARTIFACT)
        assert lab.job(job_id).state is JobState.FAILED
        assert [row.state for row in lab.store.rows(TableQuery())] == [
            CellState.MEASURED,
            CellState.FAILED,
            CellState.FAILED,
        ]

    @pytest.mark.parametrize(
        "unreal",
        [
            device("unreal", realness=Realness.EMULATED),
            device("unreal", realness=Realness.SIMULATED),
            device("unreal", runtimes=(runtime(simulated=True),)),
        ],
    )
    def test_what_is_not_real_never_enters_the_table(self, lab: Lab, unreal: object) -> None:
        lab.register(unreal)  # type: ignore[arg-type]
        job_id = lab.measured(name="unreal")
        assert lab.job(job_id).state is JobState.FINISHED
        assert lab.store.rows(TableQuery()) == ()
        lab.register(device("unreal"))
        assert lab.store.rows(TableQuery()) == ()

    # -- blobs ----------------------------------------------------------------------------
    def test_blobs_are_missing_until_recorded(self, lab: Lab) -> None:
        other_size = replace(INT8, size_bytes=INT8.size_bytes + 1)
        assert lab.store.missing_blobs((INT8, INT4)) == (INT8, INT4)
        for _ in range(2):
            lab.store.record_blob(INT8, lab.now_ns)
        assert lab.store.missing_blobs((INT8, INT4, other_size)) == (INT4, other_size)
