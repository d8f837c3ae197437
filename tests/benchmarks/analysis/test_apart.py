"""The ratio of launches that take turns: what the row says, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from bitgauge.benchmarks.raw.container import RawFile
from bitgauge.benchmarks.raw.pair import apart_samples, either_samples
from bitgauge.benchmarks.samples import ApartSamples
from bitgauge.benchmarks.vocabulary.enums import RawRole
from bitgauge.benchmarks.vocabulary.errors import BadInput
from bitgauge.benchmarks.vocabulary.reasons import FLAGS
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue

from tests.labs.conditions import conditions
from tests.labs.rooms.raw_files import FACTS, apart, by_key, pair
from tests.labs.values import detail

A, B = RawRole.BASELINE, RawRole.CANDIDATE
QUADS = FACTS.plan.apart_quads


def session(quads: int = QUADS, ratio: float = 0.8) -> list[RawFile]:
    orders = ((A, B, B, A), (B, A, A, B))
    roles = [role for quad in range(quads) for role in orders[quad % 2]]
    return [apart(role, at, ratio) for at, role in enumerate(roles)]


def ratio_of(raws: list[RawFile]) -> MetricValue:
    return by_key(raws)["latency_ratio"]


def test_the_row_says_how_it_was_measured() -> None:
    metric = ratio_of(session())
    assert metric.value == pytest.approx(0.8, rel=0.01)
    assert (metric.verdict, metric.difference, metric.n) == ("FASTER", "detected", QUADS)
    assert {"apart", "preliminary", "untrusted"} <= set(metric.flags) <= set(FLAGS)
    assert "few_launches" not in metric.flags
    said = detail(metric)
    assert (said["method"], said["quads"], said["launches"]) == ("apart", "3", "12")
    assert said["degrees_of_freedom"] == "2"
    assert "apart" not in ratio_of([pair(0.8)]).flags
    assert "no_room" not in metric.flags
    tight = ratio_of([apart(A, 0, no_room=True), *session()[1:]])
    assert {"apart", "no_room"} <= set(tight.flags) <= set(FLAGS)


def test_fewer_quads_are_said_and_one_gives_no_number() -> None:
    assert "few_launches" in ratio_of(session(2)).flags
    one = ratio_of(session(1))
    assert (one.value, one.reason) == (None, "insufficient_samples")


def test_blocks_that_others_disturbed_do_not_count() -> None:
    raws = session()
    stolen = np.zeros(60)
    stolen[:3] = 1.0
    values = 1e6 * np.where(stolen > 0, 9.0, 1.0)
    surrounded = conditions(60, steal_ticks=stolen, psi_some_avg10=0.0)
    raws[0] = apart(A, 0, value_ns=values, conditions=surrounded)
    metric = ratio_of(raws)
    assert "discarded_blocks" in metric.flags
    assert detail(metric)["discarded_causes"] == "steal:3"
    everywhere = conditions(60, steal_ticks=1.0, psi_some_avg10=0.0)
    lost = [apart(A, 0, conditions=everywhere), *session()[1:]]
    found = ratio_of(lost)
    assert found.n == QUADS - 1
    assert "few_launches" in found.flags


def test_launches_that_take_no_turns_are_refused() -> None:
    swapped = [apart(role, at) for at, role in enumerate((A, B, A, B) * 3)]
    cases = {
        "in the order A B B A": [swapped, session()[:-1], session()[1:]],
        "both artifacts and one": [[*session(), pair(0.8)]],
    }
    for words, sessions in cases.items():
        for raws in sessions:
            with pytest.raises(BadInput, match=words):
                by_key(raws)


def test_its_raw_file_goes_both_ways_and_claims_no_other_place() -> None:
    raw = apart(B, 5)
    back = apart_samples(raw)
    assert (back.quad, back.place, back.stopped) == (1, 1, "blocks")
    assert np.array_equal(back.value_ns, raw.arrays["value_ns"])
    assert type(either_samples(raw)) is ApartSamples
    for changes, words in (
        ({"place": 2}, "place among the launches"),
        ({"quad": 0}, "place among the launches"),
        ({"value_ns": np.full(60, -1.0)}, "no positive number"),
    ):
        with pytest.raises(BadInput, match=words):
            apart_samples(apart(B, 5, **changes))
    with pytest.raises(BadInput, match="neither"):
        apart_samples(replace(raw, meta={**raw.meta, "role": "floor"}))
