"""What every store keeps of the past: series, comparisons, regressions, annotations, alerts."""

from __future__ import annotations

from dataclasses import replace

import pytest
from bitgauge.benchmarks.vocabulary.enums import Profile, Realness
from bitgauge.benchmarks.vocabulary.errors import Code
from bitgauge.benchmarks.vocabulary.values.devices import StackItem
from bitgauge.benchmarks.vocabulary.values.history import CompareQuery, HistoryQuery
from bitgauge.benchmarks.vocabulary.values.jobs import Workload
from bitgauge.benchmarks.vocabulary.values.rows import StackChange
from bitgauge.coordinator.decisions.asker import ITSELF, Asker
from bitgauge.coordinator.store import past_questions as history_queries
from bitgauge.coordinator.store.values import Settled

from tests.labs.refused import refused
from tests.labs.rooms.past import (
    FAILED,
    INT8_ROW,
    SATURATED,
    SOUND,
    accuracy,
    judge,
    measure,
    ratio,
    usual,
)
from tests.labs.store import ENTRIES, INT8, SECOND_NS, Lab, spec
from tests.labs.values import device

pytestmark = pytest.mark.usefixtures("nano")


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
    def test_runs_of_emulated_devices_are_named_and_never_mixed_with_real_ones(
        self, lab: Lab
    ) -> None:
        real = lab.job(measure(lab)).entries[1].run_id
        lab.register(replace(device("nano"), realness=Realness.EMULATED))
        first, second = (lab.job(measure(lab, on="nano")).entries[1].run_id for _ in range(2))
        assert real
        assert first
        assert second
        [row] = history_queries.compare(lab.store, CompareQuery(first, second)).rows
        assert (row.before.run_id, row.after.run_id) == (first, second)
        with refused(Code.BAD_ARGUMENT, "nano is emulated and rpi5 is not"):
            history_queries.compare(lab.store, CompareQuery(real, first))
        with refused(Code.BAD_ARGUMENT, "'nano' is no"):
            history_queries.compare(lab.store, CompareQuery("nano", "nano"))

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
