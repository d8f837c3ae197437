"""What the store keeps, asked in memory; `test_durable` asks the same of a file."""

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from bitgauge.benchmarks.vocabulary.enums import (
    CellState,
    Disposition,
    EntryState,
    FailureGroup,
    FormatFamily,
    HardwareClass,
    JobState,
    ModelClass,
    Profile,
    Realness,
    RunStatus,
)
from bitgauge.benchmarks.vocabulary.errors import Code
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import Entry, Workload
from bitgauge.benchmarks.vocabulary.values.rows import TableQuery
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue, Progress
from bitgauge.coordinator.store.store import Store
from bitgauge.coordinator.store.values import BuildKey, BuildOutcome, LeaseTerms

from tests.labs.refused import refused
from tests.labs.store import BASELINE, INT4, INT8, METRICS, TERMS, Lab, failure, spec
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

    # -- devices and leases ---------------------------------------------------------------
    def test_a_device_is_idle_busy_or_unreachable(self, lab: Lab) -> None:
        def state() -> str:
            (view,) = lab.store.devices(lab.now_ns, TERMS)
            return view.state

        assert state() == "idle"
        lease = lab.claimed(lab.submit())
        assert state() == "busy"
        lab.wait(20.1)
        assert state() == "unreachable"
        lab.store.seen(device().device_id, "i1", lab.now_ns)
        assert state() == "busy"
        lab.renew(lease, hold_s=100)
        lab.wait(115)
        assert state() == "busy"
        lab.wait(6)
        assert state() == "unreachable"

    def test_an_older_incarnation_is_refused(self, lab: Lab) -> None:
        lab.register(incarnation="i2")
        with refused(Code.LEASE_LOST):
            lab.store.seen(device().device_id, "i1", lab.now_ns)

    def test_a_claim_hands_out_the_job_once(self, lab: Lab) -> None:
        lab.register(device("nano"))
        job_id = lab.submit()
        lease = lab.claimed(job_id)
        assert (lease.epoch, lease.ttl_ms, lease.renew_every_ms) == (1, 60_000, 5_000)
        assert lease.deadline_s == spec().deadline_s
        assert lab.claim(job_id, "nano") is None
        assert lab.job(job_id).device_name == "rpi5"

    def test_a_device_holds_one_lease(self, lab: Lab) -> None:
        lab.claimed(lab.submit())
        assert lab.claim(lab.submit()) is None

    def test_an_unregistered_device_claims_nothing(self, lab: Lab) -> None:
        job_id = lab.submit()
        with refused(Code.UNKNOWN_DEVICE):
            lab.claim(job_id, "nobody")
        assert lab.job(job_id).state is JobState.QUEUED
        assert lab.job(job_id).epoch == 0

    def test_renewing_keeps_a_lease(self, lab: Lab) -> None:
        job_id = lab.submit()
        lease = lab.claimed(job_id)
        for _ in range(3):
            lab.wait(59)
            assert lab.renew(lease) == "ok"
            assert lab.store.expire(lab.now_ns) == ()
        told = Progress(1, "int8-dynamic", "pair", 0.5)
        lab.store.renew(
            job_id,
            1,
            lease.lease_token,
            progress=told,
            hold_ns=0,
            now_ns=lab.now_ns,
            terms=TERMS,
        )
        assert lab.job(job_id).progress == told

    def test_a_hold_is_bounded(self, lab: Lab) -> None:
        lease = lab.claimed(lab.submit())
        lab.renew(lease, hold_s=1e9)
        lab.wait(60 + 600)
        assert lab.store.expire(lab.now_ns) == (lease.job_id,)

    def test_a_lease_that_runs_out_queues_the_job_again(self, lab: Lab) -> None:
        lab.register(device("nano"))
        job_id = lab.submit()
        lease = lab.claimed(job_id)
        lab.wait(60)
        assert lab.store.expire(lab.now_ns) == (job_id,)
        assert lab.store.expire(lab.now_ns) == ()
        assert lab.store.avoid() == {job_id: {device().device_id}}
        assert lab.claimed(job_id, "nano").epoch == 2
        assert lab.renew(lease) == "lost"
        assert lab.report(lease, 0) is Disposition.STALE

    def test_a_lease_that_nobody_claimed_since_is_taken_up_again(self, lab: Lab) -> None:
        job_id = lab.submit()
        lease = lab.claimed(job_id)
        lab.wait(61)
        lab.store.expire(lab.now_ns)
        assert lab.renew(lease) == "ok"
        assert lab.job(job_id).state is JobState.LEASED
        assert lab.claim(job_id) is None

    def test_a_wrong_token_renews_nothing(self, lab: Lab) -> None:
        lease = lab.claimed(lab.submit())
        assert lab.renew(replace(lease, lease_token=b"guess")) == "lost"
        assert lab.renew(replace(lease, epoch=7)) == "lost"
        assert lab.renew(replace(lease, job_id="nothing")) == "lost"

    def test_downtime_consumes_no_lease(self, lab: Lab) -> None:
        lease = lab.claimed(lab.submit())
        lab.wait(1_000)
        lab.store.refresh_leases(lab.now_ns, TERMS)
        assert lab.store.expire(lab.now_ns) == ()
        assert lab.renew(lease) == "ok"

    @pytest.mark.parametrize("hours", [6, -6])
    def test_a_clock_that_is_set_moves_every_lease(self, lab: Lab, hours: int) -> None:
        lease = lab.claimed(lab.submit())
        lab.wait(30)
        lab.wait(hours * 3600)
        lab.store.move_leases(hours * 3600 * 1_000_000_000, lab.now_ns, TERMS)
        lab.wait(25)
        assert lab.store.expire(lab.now_ns) == ()
        assert lab.renew(lease) == "ok"
        lab.wait(61)
        assert lab.store.expire(lab.now_ns) == (lease.job_id,)

    @pytest.mark.parametrize("hours", [6, -6])
    def test_who_renewed_since_the_clock_was_set_gains_and_loses_nothing(
        self, lab: Lab, hours: int
    ) -> None:
        lease = lab.claimed(lab.submit(spec(deadline_s=10 * 3600)))
        lab.wait(hours * 3600)
        assert lab.renew(lease) == "ok"
        lab.store.move_leases(hours * 3600 * 1_000_000_000, lab.now_ns, TERMS)
        lab.wait(59)
        assert lab.store.expire(lab.now_ns) == ()
        lab.wait(2)
        assert lab.store.expire(lab.now_ns) == (lease.job_id,)

    def test_a_silent_device_is_not_kept_for_hours_by_a_clock_that_was_set_back(
        self, lab: Lab
    ) -> None:
        lease = lab.claimed(lab.submit())
        lab.wait(-6 * 3600)
        lab.store.move_leases(-6 * 3600 * 1_000_000_000, lab.now_ns, TERMS)
        lab.wait(60 + 600)
        assert lab.store.expire(lab.now_ns) == (lease.job_id,)

    @pytest.mark.parametrize("dead", [True, False])
    def test_a_new_incarnation_ends_old_leases_once_its_leftovers_are_dead(
        self, lab: Lab, dead: bool
    ) -> None:
        job_id = lab.submit()
        lease = lab.claimed(job_id)
        assert lab.register(incarnation="i1") == ()
        assert lab.register(incarnation="i2", dead=dead) == ((job_id,) if dead else ())
        assert lab.renew(lease) == ("lost" if dead else "ok")
        if not dead:
            assert lab.register(incarnation="i2", dead=True) == (job_id,)
        assert lab.claimed(job_id).epoch == 2

    def test_a_claim_that_never_reached_its_agent_ends(self, lab: Lab) -> None:
        job_id, who = lab.submit(), device().device_id
        lab.claimed(job_id)
        assert lab.store.acquiring(who, "i1", lab.now_ns) == (job_id,)
        lease = lab.claimed(job_id)
        lab.renew(lease)
        assert lab.store.acquiring(who, "i1", lab.now_ns) == ()
        with refused(Code.LEASE_LOST):
            lab.store.acquiring(who, "i0", lab.now_ns)

    # -- runs -----------------------------------------------------------------------------
    def test_a_job_is_measured_analysed_and_finished(self, lab: Lab) -> None:
        job_id = lab.submit()
        lease = lab.claimed(job_id)
        assert [lab.report(lease, index) for index in range(3)] == [Disposition.ACCEPTED] * 3
        assert lab.job(job_id).state is JobState.ANALYSING
        assert lab.job(job_id).waiting_for == "analysis"
        first, *others = lab.store.unanalysed()
        assert first == lab.told(lease, 0).run_id
        lab.store.analysed(first, 1, METRICS, lab.now_ns)
        assert lab.job(job_id).state is JobState.ANALYSING
        lab.analyse()
        job = lab.job(job_id)
        assert job.state is JobState.FINISHED
        assert [entry.run_id for entry in job.entries] == [first, *others]
        assert [view.state for view in lab.store.devices(lab.now_ns, TERMS)] == ["idle"]

    def test_a_run_says_what_was_found_of_its_artifact_when_it_was_built(self, lab: Lab) -> None:
        job_id = lab.submit()
        [lease] = [lab.claimed(job_id)]
        for index in range(3):
            lab.report(lease, index)
        entry = lab.job(job_id).entries[1]
        assert entry.artifact is not None
        assert [run.built for run in lab.store.runs(job_id)] == [(), (), ()]
        key = BuildKey(BASELINE, entry.recipe, None, "onnxruntime 1.31")
        words = ("2 of 3 products of matrices are quantized", "not quantized: 1 LSTM (left)")
        lab.store.cache_build(key, BuildOutcome(entry.artifact, notes=words), 1)
        assert [run.built for run in lab.store.runs(job_id)] == [(), words, ()]

    def test_a_run_is_kept_as_it_was_told(self, lab: Lab) -> None:
        job_id = lab.submit()
        lease = lab.claimed(job_id)
        told = lab.told(lease, 1)
        lab.store.report(told, lab.now_ns, TERMS)
        lab.store.analysed(told.run_id, 7, METRICS, lab.now_ns)
        run = lab.store.run(told.run_id)
        assert (run.raw, run.fingerprint, run.sandbox) == (told.raw, "stack-1", "bwrap")
        assert (run.metrics, run.analysis_version) == (METRICS, 7)
        assert (run.device_name, run.recipe, run.status) == (
            "rpi5",
            "int8-dynamic",
            RunStatus.MEASURED,
        )

    def test_repeating_a_report_gives_the_first_answer(self, lab: Lab) -> None:
        job_id = lab.submit()
        lease = lab.claimed(job_id)
        first = lab.report_failure(lease, 1, FailureGroup.HARNESS)
        assert first is Disposition.RETRY
        assert lab.report(lease, 1) is first
        lab.wait(61)
        lab.store.expire(lab.now_ns)
        lab.claimed(job_id)
        assert lab.report(lease, 1) is first
        assert len(lab.store.runs(job_id)) == 1

    def test_a_late_report_counts_while_nobody_has_claimed_since(self, lab: Lab) -> None:
        job_id = lab.submit()
        lease = lab.claimed(job_id)
        lab.wait(61)
        lab.store.expire(lab.now_ns)
        assert [lab.report(lease, index) for index in range(3)] == [Disposition.ACCEPTED] * 3
        assert lab.job(job_id).state is JobState.ANALYSING

    def test_a_stale_run_is_kept(self, lab: Lab) -> None:
        job_id = lab.submit()
        old = lab.claimed(job_id)
        lab.wait(61)
        lab.store.expire(lab.now_ns)
        new = lab.claimed(job_id)
        assert lab.report(old, 0) is Disposition.STALE
        assert lab.report(new, 0) is Disposition.ACCEPTED
        assert [run.disposition for run in lab.store.runs(job_id)] == [
            Disposition.STALE,
            Disposition.ACCEPTED,
        ]
        assert lab.job(job_id).entries[0].attempts == 2

    def test_what_was_accepted_is_not_measured_again(self, lab: Lab) -> None:
        lab.register(device("nano"))
        job_id = lab.submit()
        lease = lab.claimed(job_id)
        told = lab.told(lease, 0)
        lab.store.report(told, lab.now_ns, TERMS)
        lab.wait(61)
        lab.store.expire(lab.now_ns)
        elsewhere = lab.claimed(job_id, "nano")
        assert [entry.accepted for entry in elsewhere.entries] == [True, False, False]
        assert elsewhere.entries[0].raw == ()
        lab.wait(61)
        lab.store.expire(lab.now_ns)
        again = lab.claimed(job_id)
        assert again.entries[0].raw == told.raw
        assert lab.report(again, 0) is Disposition.STALE
        lab.wait(61)
        lab.store.expire(lab.now_ns)
        lab.register(device(runtimes=(runtime(fingerprint="stack-2"),)))
        assert lab.claimed(job_id).entries[0].raw == ()

    def test_five_attempts_are_made_and_kept(self, lab: Lab) -> None:
        job_id = lab.submit()
        answers = []
        for _ in range(5):
            lease = lab.claimed(job_id)
            for index in (0, 2):
                if not lease.entries[index].accepted:
                    lab.report(lease, index)
            answers.append(lab.report_failure(lease, 1, FailureGroup.ENVIRONMENT))
        assert answers == [Disposition.RETRY] * 4 + [Disposition.ACCEPTED]
        lab.analyse()
        job = lab.job(job_id)
        assert job.state is JobState.FINISHED
        assert (job.entries[1].state, job.entries[1].attempts) == (EntryState.FAILED, 5)
        assert len(lab.store.runs(job_id)) == 7

    def test_a_poison_job_ends(self, lab: Lab) -> None:
        job_id = lab.submit()
        claims = 0
        while lab.job(job_id).state is JobState.QUEUED:
            lab.claimed(job_id)
            claims += 1
            lab.register(incarnation=f"life {claims}")
        job = lab.job(job_id)
        assert (claims, job.state) == (5, JobState.FAILED)
        assert job.reason is not None
        assert "5 claims in a row" in job.reason

    def test_a_settled_entry_gives_a_job_its_claims_back(self, lab: Lab) -> None:
        job_id = lab.submit()
        for index in range(2):
            for life in range(4):
                lab.claimed(job_id)
                lab.register(incarnation=f"{index}/{life}")
            lease = lab.claimed(job_id)
            lab.report(lease, index)
            lab.register(incarnation=f"{index}/end")
        assert lab.job(job_id).state is JobState.QUEUED
        assert lab.job(job_id).epoch == 10

    def test_a_job_past_its_deadline_ends_with_what_it_has(self, lab: Lab) -> None:
        job_id = lab.submit(spec(deadline_s=100))
        lab.wait(1_000)
        lease = lab.claimed(job_id)
        lab.report(lease, 0)
        lab.wait(50)
        lab.renew(lease)
        lab.wait(50)
        assert lab.renew(lease) == "lost"
        lab.analyse()
        job = lab.job(job_id)
        assert job.state is JobState.FINISHED
        assert job.entries[1].state is EntryState.FAILED
        assert job.entries[1].reason == "the deadline of 100 s after the first lease has passed"

    def test_a_wrong_token_can_not_take_a_run_id(self, lab: Lab) -> None:
        lease = lab.claimed(lab.submit())
        for wrong in (
            {"lease_token": b"guess"},
            {"device_id": device("nano").device_id},
        ):
            with refused(Code.LEASE_LOST):
                lab.report(lease, 0, **wrong)
        assert lab.report(lease, 0) is Disposition.ACCEPTED

    def test_ids_that_do_not_agree_are_refused(self, lab: Lab) -> None:
        lease = lab.claimed(lab.submit())
        with refused(Code.BAD_ARGUMENT):
            lab.report(lease, 0, run_id=lab.told(lease, 1).run_id)
        with refused(Code.BAD_ARGUMENT):
            lab.report(lease, 9)
        with refused(Code.BAD_ARGUMENT):
            lab.report(lease, 0, started_unix_ns=1 << 63)
        assert lab.store.runs(lease.job_id) == ()

    # -- cancelling -----------------------------------------------------------------------
    def test_a_queued_job_is_cancelled_at_once(self, lab: Lab) -> None:
        job = lab.store.cancel(lab.submit(), "not wanted", lab.now_ns)
        assert (job.state, job.reason) == (JobState.CANCELLED, "not wanted")
        assert {entry.state for entry in job.entries} == {EntryState.CANCELLED}
        assert lab.store.cancel(job.job_id, "again", lab.now_ns) == job
        assert lab.claim(job.job_id) is None

    def test_a_leased_job_is_cancelled_when_its_agent_was_told(self, lab: Lab) -> None:
        job_id = lab.submit()
        lease = lab.claimed(job_id)
        job = lab.store.cancel(job_id, "not wanted", lab.now_ns)
        assert (job.state, job.waiting_for) == (JobState.LEASED, "the agent to stop")
        assert lab.report(lease, 0) is Disposition.ACCEPTED
        assert lab.renew(lease) == "cancel"
        assert lab.renew(lease) == "cancel"
        assert lab.report(lease, 1) is Disposition.STALE
        job = lab.job(job_id)
        assert (job.state, job.reason) == (JobState.CANCELLED, "not wanted")
        assert [entry.state for entry in job.entries] == [
            EntryState.ACCEPTED,
            EntryState.CANCELLED,
            EntryState.CANCELLED,
        ]
        lab.analyse()
        assert len(lab.store.rows(TableQuery())) == 1

    def test_a_job_that_is_all_measured_finishes_though_cancelled(self, lab: Lab) -> None:
        job_id = lab.submit()
        lease = lab.claimed(job_id)
        lab.store.cancel(job_id, "too late", lab.now_ns)
        for index in range(3):
            lab.report(lease, index)
        lab.analyse()
        assert lab.job(job_id).state is JobState.FINISHED

    # -- analysis -------------------------------------------------------------------------
    def test_a_new_analysis_replaces_the_old(self, lab: Lab) -> None:
        job_id = lab.measured()
        run = lab.store.runs(job_id)[0].run_id
        newer = (MetricValue("size_ratio", 0.25),)
        lab.store.analysed(run, 2, newer, lab.now_ns)
        assert (lab.store.run(run).metrics, lab.store.run(run).analysis_version) == (newer, 2)

    def test_a_number_that_is_none_is_refused(self, lab: Lab) -> None:
        run = lab.store.runs(lab.measured())[0].run_id
        for bad in (
            MetricValue("latency_ratio", float("nan")),
            MetricValue("latency_ratio", 1.0, low=float("-inf")),
            MetricValue("not_registered", 1.0),
        ):
            with refused(Code.INTERNAL):
                lab.store.analysed(run, 2, (bad,), lab.now_ns)
        assert lab.store.run(run).metrics == METRICS

    def test_a_run_that_can_not_be_analysed_fails_its_entry(self, lab: Lab) -> None:
        job_id = lab.submit()
        lease = lab.claimed(job_id)
        for index in range(3):
            lab.report(lease, index)
        spoiled = lab.store.unanalysed()[1]
        lab.store.analysis_failed(spoiled, failure(FailureGroup.HARNESS, "damaged"), lab.now_ns)
        lab.analyse()
        job = lab.job(job_id)
        assert (job.state, job.entries[1].state) == (JobState.FINISHED, EntryState.FAILED)
        assert lab.store.run(spoiled).failure == failure(FailureGroup.HARNESS, "damaged")
        lab.store.analysed(spoiled, 2, METRICS, lab.now_ns)
        assert lab.job(job_id).entries[1].state is EntryState.ACCEPTED

    def test_only_accepted_measured_runs_are_analysed(self, lab: Lab) -> None:
        job_id = lab.submit()
        lab.report_failure(lab.claimed(job_id), 0, FailureGroup.ARTIFACT)
        assert lab.store.unanalysed() == ()
        with refused(Code.ILLEGAL_TRANSITION):
            lab.store.analysed(lab.store.runs(job_id)[0].run_id, 1, METRICS, lab.now_ns)

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


def test_terms_may_allow_one_attempt(tmp_path: Path) -> None:
    lab = Lab(Store.open(tmp_path / "store.db"))
    lab.register()
    once = LeaseTerms(max_attempts=1)
    job_id = lab.submit()
    lease = lab.claimed(job_id, terms=once)
    assert lab.report_failure(lease, 0, FailureGroup.HARNESS, once) is Disposition.ACCEPTED
    lab.store.close()
    with refused(Code.INTERNAL):
        lab.store.job(job_id)


def test_no_lease_token_is_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    lab = Lab(Store.open(path))
    lab.register()
    lease = lab.claimed(lab.submit())
    with sqlite3.connect(path) as connection:
        dump = "\n".join(connection.iterdump())
    connection.close()
    assert lease.lease_token.hex() not in dump.lower()
    lab.store.close()
