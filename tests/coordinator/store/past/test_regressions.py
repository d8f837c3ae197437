"""What became worse is found and told once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from bitgauge.benchmarks.vocabulary.enums import Profile
from bitgauge.benchmarks.vocabulary.values.devices import StackItem
from bitgauge.benchmarks.vocabulary.values.rows import StackChange
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue

from tests.labs.rooms.past import (
    FAILED,
    INT8_ROW,
    SATURATED,
    accuracy,
    judge,
    measure,
    ratio,
    usual,
)
from tests.labs.store import ENTRIES, Lab, spec
from tests.labs.values import device, digest

ID = device().device_id

pytestmark = pytest.mark.usefixtures("nano")


def queued(lab: Lab) -> list[str]:
    return [job.job_id for job, _ in lab.store.queued()]


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
            measure(lab, sentinel_before_ns=MetricValue("sentinel_before_ns", 1e5))
        judge(lab)
        job = measure(
            lab, accuracy_delta_pp=FAILED, sentinel_before_ns=MetricValue("sentinel_before_ns", 3e5)
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
