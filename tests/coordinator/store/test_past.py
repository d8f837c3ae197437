"""What every store keeps of the past: series, comparisons, regressions, annotations, alerts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from bitgauge.benchmarks.vocabulary.enums import Profile
from bitgauge.benchmarks.vocabulary.errors import Code
from bitgauge.benchmarks.vocabulary.values.devices import StackItem
from bitgauge.benchmarks.vocabulary.values.history import CompareQuery, HistoryQuery, Regression
from bitgauge.benchmarks.vocabulary.values.jobs import Workload
from bitgauge.benchmarks.vocabulary.values.rows import StackChange
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue
from bitgauge.coordinator.decisions.asker import ITSELF, Asker
from bitgauge.coordinator.store import past_questions as history_queries
from bitgauge.coordinator.store.values import Settled

from tests.labs.refused import refused
from tests.labs.store import ENTRIES, INT8, SECOND_NS, Lab, spec
from tests.labs.values import device, digest

ID = device().device_id
INT8_ROW = HistoryQuery(recipe="int8-dynamic")
SOUND = {
    "latency_ratio": MetricValue("latency_ratio", 0.5, 0.495, 0.505, n=60, verdict="FASTER"),
    "latency_p50_ns": MetricValue("latency_p50_ns", 1000.0, 990.0, 1010.0, n=500),
    "accuracy_delta_pp": MetricValue("accuracy_delta_pp", -0.2, -0.6, 0.2, n=1000, verdict="PASS"),
    "saturated_pct": MetricValue("saturated_pct", 0.0, n=100),
    "nonfinite_count": MetricValue("nonfinite_count", 0.0, n=1000, verdict="PASS"),
}


@pytest.fixture(autouse=True)
def nano(lab: Lab) -> None:
    lab.register(device("nano"))


def measure(
    lab: Lab,
    job_id: str | None = None,
    *,
    on: str = "rpi5",
    fingerprint: str = "stack-1",
    stack: tuple[StackItem, ...] = (StackItem("onnxruntime", "1.31"),),
    wobble: float = 0.0,
    **changes: MetricValue,
) -> str:
    """A job that was measured and analysed; every candidate gets the same metrics.

    `wobble` scatters the latencies, `changes` replaces metrics of the candidates.
    """
    job_id = job_id or lab.submit()
    lab.wait(60)
    lease = lab.claimed(job_id, on)
    for entry in lease.entries:
        if not entry.accepted:
            lab.wait(1)
            lab.report(
                lease,
                entry.index,
                device_id=device(on).device_id,
                fingerprint=fingerprint,
                stack=stack,
            )
    for run in lab.store.unanalysed():
        found = {**SOUND, **(changes if lab.store.run(run).entry_index else {})}
        lab.store.analysed(
            run, 1, tuple(_wobbled(one, wobble) for one in found.values()), lab.now_ns
        )
    return job_id


def _wobbled(metric: MetricValue, wobble: float) -> MetricValue:
    if not metric.key.startswith("latency") or metric.value is None:
        return metric
    return replace(
        metric,
        value=metric.value * (1 + wobble),
        low=metric.low and metric.low * (1 + wobble),
        high=metric.high and metric.high * (1 + wobble),
    )


def usual(lab: Lab, count: int) -> None:
    """A calm past."""
    for number in range(count):
        measure(lab, wobble=0.002 * (number % 5 - 2))
        judge(lab)


def judge(lab: Lab) -> list[Regression]:
    """Judge every run that is yet to be judged, as the coordinator does."""
    return [one for run in lab.store.unjudged() for one in lab.store.judge_run(run, lab.now_ns)]


def ratio(value: float, verdict: str = "FASTER") -> MetricValue:
    return MetricValue("latency_ratio", value, value * 0.99, value * 1.01, n=60, verdict=verdict)


def accuracy(value: float, verdict: str) -> MetricValue:
    return MetricValue("accuracy_delta_pp", value, value - 0.4, value + 0.4, 1000, verdict=verdict)


SATURATED = MetricValue("saturated_pct", 0.3, n=100)
FAILED = accuracy(-3.0, "FAIL")


def queued(lab: Lab) -> list[str]:
    return [job.job_id for job, _ in lab.store.queued()]


class TestSeries:
    def test_values_marks_and_order(self, lab: Lab) -> None:
        measure(lab)
        measure(lab, fingerprint="stack-2", stack=(StackItem("onnxruntime", "1.32"),))
        [found] = lab.store.series(INT8_ROW)
        assert [point.value.value for point in found.points] == [0.5, 0.5]
        assert found.metric == "latency_ratio"
        assert found.points[0].changes == ()
        assert found.points[1].changes == (StackChange("onnxruntime", "1.31", "1.32"),)
        assert found.points[0].artifact == INT8
        [told] = history_queries.histories(lab.store, INT8_ROW)
        assert told.finding == "no action, 2 values of 10"

    def test_a_run_names_its_series_and_a_baseline_shows_its_time(self, lab: Lab) -> None:
        job = measure(lab)
        run = lab.job(job).entries[0].run_id
        [found] = lab.store.series(HistoryQuery(run_id=run))
        assert (found.row.recipe, found.metric) == ("fp32", "latency_p50_ns")
        with refused(Code.UNKNOWN_RUN):
            lab.store.series(HistoryQuery(run_id="nobody"))

    def test_other_workloads_profiles_and_devices_are_other_series(self, lab: Lab) -> None:
        measure(lab)
        measure(lab, lab.submit(spec(workload=Workload(batch=8))))
        measure(lab, lab.submit(spec(profile=Profile.STANDARD)))
        measure(lab, on="nano")
        assert len(lab.store.series(INT8_ROW)) == 4
        assert len(lab.store.series(replace(INT8_ROW, device="nano"))) == 1
        assert len(lab.store.series(replace(INT8_ROW, batch=8))) == 1

    def test_a_step_is_found_with_the_change_that_came_with_it(self, lab: Lab) -> None:
        usual(lab, 12)
        for number in range(5):
            measure(lab, wobble=0.002 * number, fingerprint="stack-2", latency_ratio=ratio(0.6))
        [found] = history_queries.histories(lab.store, INT8_ROW)
        [step] = found.steps
        assert step.index == 12
        assert step.verdict == "regressed"
        assert [change.name for change in step.changes] == ["fingerprint"]
        assert found.finding.startswith("worse, 0.499 to 0.602, from run")


class TestCompare:
    def test_two_runs_name_the_version_that_changed(self, lab: Lab) -> None:
        first = measure(lab)
        second = measure(
            lab,
            fingerprint="stack-2",
            stack=(StackItem("onnxruntime", "1.32"),),
            latency_ratio=ratio(0.6),
        )
        first_run, second_run = (str(lab.job(job).entries[1].run_id) for job in (first, second))
        found = history_queries.compare(lab.store, CompareQuery(first_run, second_run))
        [row] = found.rows
        assert found.factor == "run"
        assert row.changes == (StackChange("onnxruntime", "1.31", "1.32"),)
        [change] = [one for one in row.metrics if one.key == "latency_ratio"]
        assert (change.verdict, change.before.value, change.after.value) == ("regressed", 0.5, 0.6)
        assert change.value == pytest.approx(1.2)
        assert change.low is not None
        assert 1.15 < change.low < 1.2
        assert row.paired is None

    def test_a_baseline_and_its_candidate_show_the_paired_ratio_too(self, lab: Lab) -> None:
        job = lab.job(measure(lab))
        fp32, int8 = (str(job.entries[index].run_id) for index in (0, 1))
        [row] = history_queries.compare(lab.store, CompareQuery(fp32, int8)).rows
        assert row.paired == SOUND["latency_ratio"]

    def test_stacks_and_dates(self, lab: Lab) -> None:
        day_ns = 86_400 * SECOND_NS
        lab.now_ns = 20_000 * day_ns
        measure(lab)
        lab.wait(5 * 86_400)
        measure(lab, fingerprint="abcd1234", latency_ratio=ratio(0.6))
        by_date = history_queries.compare(lab.store, CompareQuery("2024-10-04", "2024-10-20"))
        assert by_date.factor == "date"
        assert len(by_date.rows) == len(ENTRIES)
        query = CompareQuery("rpi5@2024-10-04", "abcd", recipe="int8-dynamic")
        [row] = history_queries.compare(lab.store, query).rows
        assert [change.name for change in row.changes] == ["fingerprint"]
        rows = lab.store.settled_rows(Settled(until_unix_ns=history_queries.end_of("2024-10-04")))
        assert {row.fingerprint for row in rows} == {"stack-1"}

    def test_recipes_and_devices(self, lab: Lab) -> None:
        measure(lab)
        measure(lab, on="nano", latency_ratio=ratio(0.7))
        found = history_queries.compare(
            lab.store, CompareQuery("int8-dynamic", "int4-wo-b32", device="rpi5")
        )
        assert (found.factor, len(found.rows)) == ("recipe", 1)
        found = history_queries.compare(lab.store, CompareQuery("rpi5", "nano"))
        assert (found.factor, len(found.rows)) == ("device", len(ENTRIES))

    def test_what_cannot_be_compared_is_said(self, lab: Lab) -> None:
        measure(lab, lab.submit(spec(profile=Profile.QUICK)))
        measure(lab, lab.submit(spec(workload=Workload(batch=8))), on="nano")
        found = history_queries.compare(lab.store, CompareQuery("rpi5", "nano"))
        assert found.rows == ()
        assert len(found.left_out) == len(ENTRIES)
        assert all(
            "another workload (single_stream batch 1 threads 1 and" in one for one in found.left_out
        )

    @pytest.mark.parametrize(
        ("before", "after", "says"),
        [
            ("rpi5", "int8-dynamic", "'rpi5' is a device and 'int8-dynamic' a recipe"),
            ("nonsense", "rpi5", "'nonsense' is no run, stack"),
            ("2026-13-40", "2026-01-01", "'2026-13-40' is no date"),
            ("run:xyz", "rpi5", "'xyz' is no run that is known here"),
            ("2001-01-01", "2026-01-01", "Nothing was measured for the table of 2001-01-01"),
        ],
    )
    def test_a_mistake_is_one_sentence(self, lab: Lab, before: str, after: str, says: str) -> None:
        lab.now_ns = 1_600_000_000 * SECOND_NS
        measure(lab)
        with pytest.raises(Exception, match=says):
            history_queries.compare(lab.store, CompareQuery(before, after))


class TestRegressions:
    def test_a_calm_past_accuses_nobody(self, lab: Lab) -> None:
        usual(lab, 25)
        assert lab.store.regressions(ended=True) == ()
        assert queued(lab) == []

    def test_from_new_by_one_more_measurement_to_confirmed_and_fixed(self, lab: Lab) -> None:
        measure(lab)
        judge(lab)
        first = measure(
            lab,
            fingerprint="stack-2",
            stack=(StackItem("onnxruntime", "1.32"),),
            accuracy_delta_pp=FAILED,
        )
        opened = judge(lab)
        assert {one.row.recipe for one in opened} == {"int8-dynamic", "int4-wo-b32"}
        one = next(one for one in opened if one.row.recipe == "int8-dynamic")
        assert (one.state, one.signal, one.metric) == ("new", "verdict", "accuracy_delta_pp")
        assert one.changes == (StackChange("onnxruntime", "1.31", "1.32"),)
        assert one.run_ids == (lab.job(first).entries[1].run_id,)
        assert lab.store.due_alert(lab.now_ns) is None
        asked = lab.store.spec(str(one.confirm_job_id))
        assert [entry.recipe for entry in asked.entries] == ["fp32", "int8-dynamic"]
        assert asked.selector.device == ID
        measure(lab, one.confirm_job_id, accuracy_delta_pp=FAILED)
        [confirmed] = [found for found in judge(lab) if found.subject == one.subject]
        assert (confirmed.state, len(confirmed.run_ids)) == ("confirmed", 2)
        due = lab.store.due_alert(lab.now_ns)
        assert due is not None
        assert due.regression.regression_id == one.regression_id
        for job in queued(lab):
            lab.store.cancel(job, "not of interest", lab.now_ns)
        measure(lab)
        told = {found.regression_id: found.state for found in judge(lab)}
        assert told[one.regression_id] == "fixed"
        assert lab.store.due_alert(lab.now_ns) is None

    def test_what_the_second_measurement_does_not_show_is_closed(self, lab: Lab) -> None:
        measure(lab)
        judge(lab)
        measure(lab, saturated_pct=SATURATED)
        opened = judge(lab)
        assert {one.signal for one in opened} == {"overflow_rate"}
        for one in opened:
            measure(lab, one.confirm_job_id)
        assert {one.state for one in judge(lab)} == {"not_confirmed"}
        assert lab.store.regressions(ended=False) == ()
        assert len(lab.store.regressions(ended=True)) == 2
        assert {one.alert for one in lab.store.regressions(ended=True)} == {None}
        assert queued(lab) == []

    @pytest.mark.parametrize(
        ("change", "opened"),
        [
            ({"accuracy_delta_pp": accuracy(-0.8, "PASS")}, 0),
            ({"latency_ratio": ratio(0.9)}, 0),
            ({"latency_ratio": ratio(1.2, "SLOWER")}, 0),
            ({"accuracy_delta_pp": accuracy(-0.8, "UNDECIDED")}, 0),
            ({"accuracy_delta_pp": FAILED}, 2),
            ({"saturated_pct": SATURATED}, 2),
            ({"nonfinite_count": MetricValue("nonfinite_count", 3.0, n=9, verdict="FAIL")}, 2),
        ],
    )
    def test_what_counts_with_nine_values(
        self, lab: Lab, change: dict[str, Any], opened: int
    ) -> None:
        usual(lab, 9)
        measure(lab, **change)
        assert len(judge(lab)) == opened

    @pytest.mark.parametrize(
        ("change", "signals"),
        [
            ({"accuracy_delta_pp": accuracy(-0.8, "PASS")}, {"accuracy_loss"}),
            ({"latency_ratio": ratio(0.9)}, {"latency_drift"}),
            ({"latency_ratio": ratio(1.2, "SLOWER")}, {"latency_drift", "verdict"}),
            ({"latency_ratio": ratio(0.4)}, set()),
            ({"accuracy_delta_pp": accuracy(0.9, "PASS")}, set()),
        ],
    )
    def test_what_counts_with_ten(
        self, lab: Lab, change: dict[str, Any], signals: set[str]
    ) -> None:
        usual(lab, 11)
        measure(lab, **change)
        assert {one.signal for one in judge(lab)} == signals

    def test_one_run_is_measured_once_more_however_much_is_wrong(self, lab: Lab) -> None:
        usual(lab, 11)
        measure(lab, accuracy_delta_pp=FAILED, saturated_pct=SATURATED, latency_ratio=ratio(0.9))
        opened = judge(lab)
        assert len(opened) > 4
        assert len(queued(lab)) == 2

    def test_a_run_is_judged_once_and_an_open_regression_opens_once(self, lab: Lab) -> None:
        measure(lab)
        judge(lab)
        measure(lab, accuracy_delta_pp=FAILED)
        runs = lab.store.unjudged()
        assert len(judge(lab)) == 2
        assert [lab.store.judge_run(run, lab.now_ns) for run in runs] == [()] * len(runs)
        jobs = queued(lab)
        measure(lab, accuracy_delta_pp=FAILED)
        assert {one.state for one in judge(lab)} == {"confirmed"}
        assert queued(lab) == jobs

    def test_nothing_is_confirmed_by_the_job_that_showed_it(self, lab: Lab) -> None:
        twice = (*ENTRIES[:2], replace(ENTRIES[1], recipe="int8-static-u8s8-pc"))
        for number in range(11):
            measure(lab, lab.submit(spec(entries=twice)), wobble=0.002 * (number % 5 - 2))
        judge(lab)
        measure(lab, lab.submit(spec(entries=twice)), latency_ratio=ratio(0.6))
        told = judge(lab)
        # Both rows of the family are in this one job.
        assert {one.signal for one in told} == {"latency_drift"}
        assert {one.state for one in told} == {"new"}
        [drift] = lab.store.regressions(ended=True)
        measure(lab, drift.confirm_job_id, latency_ratio=ratio(0.6))
        assert {one.state for one in judge(lab)} == {"confirmed"}

    def test_a_suspect_job_accuses_nobody(self, lab: Lab) -> None:
        for _ in range(12):
            measure(
                lab,
                sentinel_before_ns=MetricValue("sentinel_before_ns", 1e5),
            )
        judge(lab)
        job = measure(
            lab,
            accuracy_delta_pp=FAILED,
            sentinel_before_ns=MetricValue("sentinel_before_ns", 3e5),
        )
        assert lab.job(job).suspect is not None
        assert judge(lab) == []
        [found] = lab.store.series(INT8_ROW)
        assert [point.counts for point in found.points][-2:] == [True, False]
        # What repeats it is judged.
        measure(lab, lab.job(job).repeated_by, accuracy_delta_pp=FAILED)
        assert {one.state for one in judge(lab)} == {"new"}

    def test_a_slow_drift_is_found_against_the_first_values(self, lab: Lab) -> None:
        usual(lab, 11)
        for number in range(30):
            measure(lab, wobble=0.004 * number)
        assert "latency_drift" in {one.signal for one in judge(lab)}

    def test_a_new_definition_of_a_metric_starts_a_new_past(self, lab: Lab) -> None:
        usual(lab, 11)
        slower, failed = ratio(0.9, "SLOWER"), replace(FAILED, definition=2)
        measure(lab, latency_ratio=replace(slower, definition=2), accuracy_delta_pp=failed)
        assert judge(lab) == []
        [found] = lab.store.series(INT8_ROW)
        assert [point.value.definition for point in found.points] == [*[1] * 11, 2]
        # As one that follows the same definition would be: a regression.
        measure(lab, latency_ratio=slower, accuracy_delta_pp=FAILED)
        assert {one.metric for one in judge(lab)} == {"latency_ratio", "accuracy_delta_pp"}

    def test_another_row_is_another_past(self, lab: Lab) -> None:
        measure(lab)
        judge(lab)
        measure(lab, on="nano", accuracy_delta_pp=FAILED)
        measure(lab, lab.submit(spec(profile=Profile.STANDARD)), accuracy_delta_pp=FAILED)
        measure(lab, lab.submit(spec(baseline=digest("other"))), accuracy_delta_pp=FAILED)
        assert judge(lab) == []

    def test_a_retired_device_is_asked_nothing_more(self, lab: Lab) -> None:
        measure(lab)
        judge(lab)
        measure(lab, accuracy_delta_pp=FAILED)
        lab.store.retire(ID, "gone", lab.now_ns)
        assert {one.confirm_job_id for one in judge(lab)} == {None}
        assert queued(lab) == []


class TestAnnotations:
    def test_an_explained_change_becomes_the_new_baseline(self, lab: Lab) -> None:
        measure(lab)
        judge(lab)
        measure(lab, accuracy_delta_pp=FAILED)
        one, other = judge(lab)
        done = lab.store.explain(one.regression_id[:12], "accepted", lab.now_ns, Asker("ann"))
        assert done.rows == 1
        [explained] = done.regressions
        assert (explained.state, explained.note) == ("explained", "accepted")
        assert [left.regression_id for left in lab.store.regressions(ended=False)] == [
            other.regression_id
        ]
        with refused(Code.ILLEGAL_TRANSITION):
            lab.store.explain(one.regression_id, "again", lab.now_ns, Asker("ann"))
        with refused(Code.UNKNOWN_REGRESSION):
            lab.store.explain("zz", "why", lab.now_ns, Asker("ann"))
        [row] = [
            found for found in lab.store.series(HistoryQuery()) if found.row_key == one.subject
        ]
        [annotation] = row.annotations
        assert (annotation.note, annotation.made_by) == ("accepted", "ann")
        # What it accepts is the first value of the new baseline.
        assert annotation.from_unix_ns == row.points[-1].settled_unix_ns

    def test_rows_restart_and_count_anew(self, lab: Lab) -> None:
        usual(lab, 11)
        done = lab.store.annotate(INT8_ROW, "a new cooler", lab.now_ns + 1, Asker("ann"))
        assert (done.rows, done.regressions) == (1, ())
        [found] = history_queries.histories(lab.store, INT8_ROW)
        assert found.finding == "no action, 0 values of 10 since the baseline restarted"
        measure(lab, accuracy_delta_pp=accuracy(-0.8, "PASS"))
        # int4 has its ten values, int8 has none any more.
        assert {one.row.recipe for one in judge(lab)} == {"int4-wo-b32"}
        with refused(Code.UNKNOWN_RUN):
            lab.store.annotate(HistoryQuery(recipe="fp16"), "x", lab.now_ns, ITSELF)

    def test_a_drift_is_explained_for_all_rows_of_its_family(self, lab: Lab) -> None:
        for number in range(11):
            for batch in (1, 8):
                job = lab.submit(spec(workload=Workload(batch=batch)))
                measure(lab, job, wobble=0.002 * (number % 5 - 2))
        judge(lab)
        measure(lab, latency_ratio=ratio(0.6))
        drifts = [one for one in judge(lab) if one.row.recipe == "int8-dynamic"]
        [drift] = drifts
        assert drift.signal == "latency_drift"
        assert lab.store.explain(drift.regression_id, "ok", lab.now_ns, ITSELF).rows == 2


class TestAlerts:
    def confirmed(self, lab: Lab) -> str:
        measure(lab)
        judge(lab)
        measure(lab, lab.submit(spec(entries=ENTRIES[:2])), saturated_pct=SATURATED)
        [one] = judge(lab)
        measure(lab, one.confirm_job_id, saturated_pct=SATURATED)
        judge(lab)
        return one.regression_id

    def alert(self, lab: Lab) -> str | None:
        [one] = lab.store.regressions(ended=True)
        return one.alert

    def test_an_alert_waits_until_it_is_taken(self, lab: Lab) -> None:
        one = self.confirmed(lab)
        assert self.alert(lab) == "waits for a webhook"
        later = lab.now_ns + 60 * SECOND_NS
        lab.store.alert_failed(one, "the webhook at h did not answer within 10 s", later)
        assert lab.store.due_alert(lab.now_ns) is None
        told = str(self.alert(lab))
        assert told.startswith("not delivered after 1 attempt: the webhook at h did not answer")
        due = lab.store.due_alert(later)
        assert due is not None
        assert (due.attempts, due.regression.regression_id) == (1, one)
        lab.store.alert_sent(one, later)
        assert str(self.alert(lab)).startswith("sent 1970-01-01")
        assert lab.store.due_alert(later) is None

    def test_what_is_over_alerts_nobody(self, lab: Lab) -> None:
        one = self.confirmed(lab)
        lab.store.explain(one, "known", lab.now_ns, ITSELF)
        assert lab.store.due_alert(lab.now_ns) is None
        assert self.alert(lab) == "not sent: it was over before anybody took it"
