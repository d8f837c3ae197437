"""Two versions, answer by answer, and what a margin would have let through."""

from __future__ import annotations

import numpy as np
import pytest
from bitgauge.benchmarks.gates.paired import paired_answers
from bitgauge.benchmarks.gates.simulate import replay
from bitgauge.benchmarks.quality.accuracy import score
from bitgauge.benchmarks.samples import QualitySamples
from bitgauge.benchmarks.vocabulary.values.devices import StackItem
from bitgauge.benchmarks.vocabulary.values.gates import FAILED, PASSED, PairedAnswers
from bitgauge.benchmarks.vocabulary.values.history import HistoryPoint, RowHistory
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue
from hypothesis import given
from hypothesis import strategies as st

from tests.labs import values


def answers(told: list[int], labels: list[int], ids: list[str] | None = None) -> QualitySamples:
    outputs = np.eye(4, dtype=np.float32)[told] * 5
    truth = np.array(labels)
    return score(np.eye(4, dtype=np.float32)[truth] * 5, outputs, truth, ids)


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=30
    )
)
def test_counts_are_those_of_a_slow_look_at_each_sample(samples: list[tuple[int, ...]]) -> None:
    before, now, labels = (list(one) for one in zip(*samples, strict=True))
    found = paired_answers(answers(before, labels), answers(now, labels))
    lost = sum(a == y != b for a, b, y in samples)
    won = sum(a != y == b for a, b, y in samples)
    assert found == PairedAnswers(len(samples), lost, won)


def test_samples_are_paired_by_their_ids_and_not_by_their_place() -> None:
    before = answers([0, 1, 2], [0, 1, 3], ["a", "b", "c"])
    now = answers([3, 1, 0, 2], [3, 1, 0, 2], ["c", "b", "a", "d"])
    assert paired_answers(before, now) == PairedAnswers(3, 0, 1)
    other = answers([0], [0], ["z"])
    assert paired_answers(before, other) is None


def series(b: int, verdict: str, flags: tuple[str, ...] = ()) -> RowHistory:
    detail = (StackItem("b", str(b)), StackItem("c", "0"))
    value = MetricValue(
        "accuracy_delta_pp", -b / 100, -b / 100 - 0.1, -b / 100 + 0.1, n=10_000, detail=detail
    )
    one = HistoryPoint("r", "j", 1, 1, MetricValue(value.key, reason="no_labels"))
    two = HistoryPoint("s", "j", 2, 2, replaced(value, verdict), flags=flags)
    return RowHistory(values.row("int8-dynamic"), "k", value.key, (one, two))


def replaced(value: MetricValue, verdict: str) -> MetricValue:
    return MetricValue(
        value.key, value.value, value.low, value.high, value.n, None, verdict, detail=value.detail
    )


def test_a_margin_is_replayed_over_what_tells_its_counts() -> None:
    [found] = replay([series(300, "PASS")], 1.0)
    assert (found.run_id, found.then, found.verdict, found.bill) == ("s", PASSED, FAILED, None)
    assert [one.verdict for one in replay([series(300, "FAIL")], 5.0)] == [PASSED]
    assert replay([series(300, "PASS", flags=("suspect",))], 1.0) == ()


def test_a_bill_counts_errors_time_and_energy_over_the_volume() -> None:
    row = values.row(
        "int8-dynamic",
        run_id="s",
        metrics=(
            MetricValue("latency_ratio", 0.5),
            MetricValue("latency_p50_ns", 1e6),
            MetricValue("energy_ratio", 0.25),
            MetricValue("energy_mj", 1.0),
        ),
    )
    [found] = replay([series(50, "PASS")], 5.0, [row], cost_per_error=2.0, volume=1e6)
    assert found.bill
    assert found.bill.loss == pytest.approx(0.005 * 1e6 * 2)  # half a percent more errors
    assert found.bill.loss_low < found.bill.loss < found.bill.loss_high
    assert found.bill.hours_saved == pytest.approx(1e6 * 1e-3 / 3600)  # a millisecond each
    assert found.bill.kwh_saved == pytest.approx(1e6 * 3e-3 / 3.6e6)  # three millijoules each
