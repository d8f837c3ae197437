"""What every store keeps of trust: certificates, suspicion, and what follows in one transaction."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from bitgauge.benchmarks.stats.sentinel import MIN_HISTORY
from bitgauge.benchmarks.vocabulary.enums import (
    EntryState,
    FailureGroup,
    Health,
    JobState,
    PassName,
    Profile,
    RawRole,
    RunStatus,
)
from bitgauge.benchmarks.vocabulary.values.jobs import Entry, JobView, Overrides, Selector
from bitgauge.benchmarks.vocabulary.values.rows import TableQuery
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue, RawRef
from bitgauge.coordinator.store.store import Store
from bitgauge.coordinator.store.upkeep import invariants

from tests.labs.rooms.certified import ID, certify
from tests.labs.store import BASELINE, ENTRIES, SECOND_NS, Lab, failure, spec
from tests.labs.values import device, digest

USUAL_NS = 150_000.0
DAY_NS = 24 * 3600 * SECOND_NS

pytestmark = pytest.mark.usefixtures("nano")


def metrics(
    index: int, last: int, before: float | None, after: float | None, p50: float | None
) -> tuple[MetricValue, ...]:
    """The fixed points that the run of this entry carries."""
    found = {
        "sentinel_before_ns": before if index == 0 else None,
        "sentinel_after_ns": after if index == last else None,
        "latency_p50_ns": p50,
    }
    return tuple(
        MetricValue(key, value, reason=None if value else "pass_missing")
        for key, value in found.items()
    )


def measure(
    lab: Lab,
    job_id: str,
    *,
    before: float | None = USUAL_NS,
    after: float | None = USUAL_NS,
    p50: float | None = None,
    on: str = "rpi5",
    fingerprint: str = "stack-1",
) -> JobView:
    """Take a job, report every entry, and analyse them."""
    lease = lab.claimed(job_id, on)
    open_entries = [entry.index for entry in lease.entries if not entry.accepted]
    for index in open_entries:
        lab.wait(1)
        lab.report(lease, index, device_id=device(on).device_id, fingerprint=fingerprint)
    for run in lab.store.unanalysed():
        index = lab.store.run(run).entry_index
        lab.store.analysed(run, 2, metrics(index, open_entries[-1], before, after, p50), lab.now_ns)
    return lab.job(job_id)


def calm(
    lab: Lab, count: int = MIN_HISTORY, before: float = USUAL_NS, p50: float | None = None
) -> None:
    """A history of jobs with little scatter."""
    for number in range(count):
        wobble = 1 + 0.001 * (number % 5 - 2)
        measure(
            lab,
            lab.submit(),
            before=before * wobble,
            after=USUAL_NS * wobble,
            p50=p50 and p50 * wobble,
        )


def only_repeat(lab: Lab) -> str:
    [(view, _)] = lab.store.queued()
    return view.job_id


class TestSuspicion:
    def test_with_a_short_history_nothing_happens(self, lab: Lab) -> None:
        calm(lab, MIN_HISTORY - 1)
        view = measure(lab, lab.submit(), before=3 * USUAL_NS)
        assert (view.state, view.suspect) == (JobState.FINISHED, None)
        assert lab.store.queued() == ()

    @pytest.mark.parametrize("point", ["before", "after"])
    def test_a_suspect_job_is_measured_once_more(self, lab: Lab, point: str) -> None:
        calm(lab)
        first = lab.submit(spec(priority=3, idempotency_key="mine"))
        lab.submit(spec(selector=Selector(device="nobody")))
        view = measure(lab, first, **{point: 1.5 * USUAL_NS})  # type: ignore[arg-type]
        assert view.suspect is not None
        assert f"the sentinel {point} the job took 225.0 us" in view.suspect
        again = next(job for job, _ in lab.store.queued() if job.repeats == first)
        assert view.repeated_by == again.job_id
        asked, repeated = lab.store.spec(first), lab.store.spec(again.job_id)
        assert repeated == replace(
            asked, idempotency_key="", selector=Selector(device=ID), wait_for_device=True
        )
        assert [row.flags for row in lab.store.rows(TableQuery(job_id=first))] == [
            ("preliminary", "suspect")
        ] * 3

    def test_fixed_points_of_an_older_definition_are_no_history(self, lab: Lab) -> None:
        calm(lab)
        job_id = lab.submit()
        lease = lab.claimed(job_id)
        for index in range(3):
            lab.report(lease, index)
        for run in lab.store.unanalysed():
            found = metrics(lab.store.run(run).entry_index, 2, 3 * USUAL_NS, 3 * USUAL_NS, None)
            newer = tuple(replace(one, definition=2) for one in found)
            lab.store.analysed(run, 3, newer, lab.now_ns)
        assert lab.job(job_id).suspect is None
        assert lab.store.queued() == ()

    @pytest.mark.parametrize("drift", [1.0, 1.5])
    def test_a_drift_behind_a_last_entry_that_failed_is_seen(self, lab: Lab, drift: float) -> None:
        calm(lab)
        job_id = lab.submit()
        lease = lab.claimed(job_id)
        for index in (0, 1):
            lab.report(lease, index)
        sentinel = RawRef(PassName.SENTINEL, 1, RawRole.FLOOR, digest("after"))
        why = failure(message="the child crashed")
        lab.report(lease, 2, status=RunStatus.FAILED, raw=(sentinel,), failure=why)
        assert lab.job(job_id).state is JobState.ANALYSING
        pending = lab.store.unanalysed()
        assert [lab.store.run(run).entry_index for run in pending] == [0, 1, 2]
        for index, run in enumerate(pending):
            found = metrics(index, 2, USUAL_NS, drift * USUAL_NS, None)
            lab.store.analysed(run, 2, found, lab.now_ns)
        view = lab.job(job_id)
        assert (view.state, view.entries[2].state) == (JobState.FINISHED, EntryState.FAILED)
        assert view.entries[2].reason == "the child crashed"
        assert lab.store.run(pending[2]).failure == why
        assert (view.suspect is not None) == (drift > 1)

    def test_a_failed_run_whose_sentinel_cannot_be_read_stays_as_it_failed(self, lab: Lab) -> None:
        job_id = lab.submit()
        lease = lab.claimed(job_id)
        for index in (0, 1):
            lab.report(lease, index)
        lab.analyse()
        sentinel = RawRef(PassName.SENTINEL, 1, RawRole.FLOOR, digest("after"))
        why = failure(message="the child crashed")
        lab.report(lease, 2, status=RunStatus.FAILED, raw=(sentinel,), failure=why)
        (run,) = lab.store.unanalysed()
        lab.store.analysis_failed(run, failure(FailureGroup.HARNESS, "damaged"), lab.now_ns)
        view = lab.job(job_id)
        assert view.state is JobState.FINISHED
        assert (view.entries[2].state, view.entries[2].reason) == (
            EntryState.FAILED,
            "the child crashed",
        )
        lab.store.analysed(run, 2, (), lab.now_ns)
        assert lab.job(job_id).entries[2].state is EntryState.FAILED

    def test_a_sound_repetition_takes_the_place_of_what_was_suspect(self, lab: Lab) -> None:
        calm(lab)
        measure(lab, lab.submit(), after=2 * USUAL_NS)
        rows = lab.store.rows(TableQuery())
        assert {"suspect" in row.flags for row in rows} == {True}
        view = measure(lab, only_repeat(lab))
        assert (view.suspect, view.repeated_by) == (None, None)
        rows = lab.store.rows(TableQuery())
        assert {"suspect" in row.flags for row in rows} == {False}
        assert len(rows) == len(ENTRIES)

    def test_a_repetition_is_not_repeated_and_three_in_a_row_cordon(self, lab: Lab) -> None:
        calm(lab)
        measure(lab, lab.submit(), before=2 * USUAL_NS)
        again = only_repeat(lab)
        view = measure(lab, again, before=2 * USUAL_NS)
        assert view.suspect is not None
        assert view.repeated_by is None
        assert lab.store.queued() == ()
        assert not lab.store.care(ID).out
        view = measure(lab, lab.submit(), before=2 * USUAL_NS)
        care = lab.store.care(ID)
        assert care.cordoned is not None
        assert care.cordoned.startswith("3 suspect jobs in a row, the last because the sentinel")
        assert care.health is Health.SUSPECT
        assert view.repeated_by == only_repeat(lab)

    def test_what_was_not_timed_does_not_break_the_row(self, lab: Lab) -> None:
        calm(lab)
        for before in (2 * USUAL_NS, None, 2 * USUAL_NS, 2 * USUAL_NS):
            measure(lab, lab.submit(), before=before, after=before and USUAL_NS)
        assert lab.store.care(ID).cordoned is not None

    def test_an_uncordoned_device_begins_anew(self, lab: Lab) -> None:
        calm(lab)
        for _ in range(3):
            measure(lab, lab.submit(), before=2 * USUAL_NS)
        for job, _ in lab.store.queued():
            lab.store.cancel(job.job_id, "enough", lab.now_ns)
        lab.store.uncordon(ID, now_ns=lab.now_ns)
        view = measure(lab, lab.submit(), before=2 * USUAL_NS)
        assert view.suspect is None
        calm(lab, MIN_HISTORY - 1, before=2 * USUAL_NS)
        view = measure(lab, lab.submit(), before=USUAL_NS)
        assert view.suspect is not None

    def test_each_device_and_stack_has_its_own_history(self, lab: Lab) -> None:
        calm(lab)
        view = measure(lab, lab.submit(), before=2 * USUAL_NS, fingerprint="stack-2")
        assert view.suspect is None
        view = measure(lab, lab.submit(), before=2 * USUAL_NS, on="nano")
        assert view.suspect is None
        view = measure(lab, lab.submit(), before=2 * USUAL_NS)
        assert view.suspect is not None

    def test_the_median_of_the_baseline_is_a_fixed_point(self, lab: Lab) -> None:
        calm(lab, p50=80_000)
        for changed in (
            spec(baseline=replace(BASELINE, sha256="9" * 64), entries=(Entry("fp32"),)),
            spec(profile=Profile.STANDARD),
            spec(overrides=Overrides(launches=9)),
        ):
            assert measure(lab, lab.submit(changed), p50=160_000).suspect is None
        view = measure(lab, lab.submit(), p50=160_000)
        assert view.suspect is not None
        assert "the FP32 baseline's median took 160.0 us" in view.suspect

    def test_the_baseline_is_compared_with_the_last_thirty_days(self, lab: Lab) -> None:
        calm(lab, p50=80_000)
        lab.wait(31 * 24 * 3600)
        assert measure(lab, lab.submit(), p50=160_000).suspect is None

    def test_nothing_happens_before_the_last_run_is_analysed(self, lab: Lab) -> None:
        calm(lab)
        lease = lab.claimed(lab.submit())
        for entry in lease.entries:
            lab.report(lease, entry.index)
        first, *rest = lab.store.unanalysed()
        lab.store.analysed(first, 2, metrics(0, 2, 2 * USUAL_NS, None, None), lab.now_ns)
        assert lab.job(lease.job_id).suspect is None
        assert lab.store.queued() == ()
        for run in rest:
            lab.store.analysed(run, 2, metrics(1, 2, None, None, None), lab.now_ns)
        assert lab.job(lease.job_id).suspect is not None
        # A later analysis with a newer method changes numbers, not what was done about them.
        lab.store.analysed(first, 3, metrics(0, 2, 2 * USUAL_NS, None, None), lab.now_ns)
        assert len(lab.store.queued()) == 1

    def test_each_lease_of_a_job_has_its_own_bracket(self, lab: Lab) -> None:
        calm(lab)
        job_id = lab.submit()
        lease = lab.claimed(job_id)
        lab.report(lease, 0)
        [run] = lab.store.unanalysed()
        lab.store.analysed(run, 2, metrics(0, 2, 2 * USUAL_NS, None, None), lab.now_ns)
        lab.wait(61)
        lab.store.expire(lab.now_ns)
        view = measure(lab, job_id)
        assert view.suspect is not None

    def test_a_database_with_all_of_it_is_sound(self, tmp_path: Path) -> None:
        lab = Lab(Store.open(tmp_path / "store.db"))
        lab.register()
        calm(lab)
        for _ in range(3):
            measure(lab, lab.submit(), before=2 * USUAL_NS)
        certify(lab)
        assert not [
            finding
            for finding in invariants.examine(tmp_path / "store.db").findings
            if not finding.startswith("blob ")
        ]
        lab.store.close()
