"""The least time of a job, and the deadline that cannot be met."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from bitgauge.benchmarks.vocabulary.enums import PassName, Profile, Scenario
from bitgauge.benchmarks.vocabulary.profiles import deadline_warning, lasting, plan_of, shortest_s
from bitgauge.benchmarks.vocabulary.values.jobs import (
    Entry,
    JobSpec,
    Overrides,
    Workload,
    usual_request,
)

from tests.labs import values
from tests.labs.values import BASELINE

BLOB = BASELINE


def job(entries: int, profile: Profile = Profile.QUICK, **changes: object) -> JobSpec:
    given = (Entry("fp32", BASELINE), *(Entry(f"r{at}") for at in range(1, entries)))
    return values.job(entries=given, profile=profile, **changes)


def test_every_window_that_must_be_spent_is_counted() -> None:
    # floor 0.2 + 1; alone 3 * (0.2 + 1); quads 0.2 + 60 * 4 * 5 ms
    assert shortest_s(job(1)) == pytest.approx(1.2 + 3.6)
    assert shortest_s(job(3)) == pytest.approx(1.2 + 3 * 3.6 + 2 * 1.4)
    offline = job(2, workload=Workload(Scenario.OFFLINE))
    assert shortest_s(offline) == pytest.approx(shortest_s(job(2)) + 2 * 0.5)
    # A profile that ends early when it is precise: 5 launches of 15, not all.
    assert shortest_s(job(1, Profile.CERTIFIED)) == pytest.approx(2 + 5 * 11 + 10)


def test_what_is_overridden_or_not_asked_for_is_not_counted() -> None:
    little = Overrides(warmup_ms=0, launches=1, budget_ms=100)
    assert shortest_s(job(2, overrides=little)) == pytest.approx(0.1 + 2 * 0.1 + 0.1)
    assert shortest_s(job(5, passes=(PassName.QUALITY,))) == 0
    assert shortest_s(job(2, passes=(PassName.PAIR,))) == pytest.approx(1.4)


def test_requests_to_a_language_model_are_timed_besides_its_calls() -> None:
    # floor; alone and requests 3 * (0.2 + 1) each; quads of calls and of requests; no sweep
    llm = job(2, workload=usual_request())
    assert shortest_s(llm) == pytest.approx(1.2 + 2 * (3.6 + 3.6) + 2 * 1.4)
    assert shortest_s(replace(llm, profile=Profile.STANDARD)) < 12 * 60
    assert shortest_s(replace(llm, passes=(PassName.THROUGHPUT, PassName.PERPLEXITY))) == 0
    assert shortest_s(job(2, passes=(PassName.GENERATION,))) == 0


def test_launches_that_take_turns_are_counted_one_by_one() -> None:
    spec = values.job(
        entries=(Entry("fp32", BASELINE), Entry("r1"), Entry("r2", runtime="litert")),
        profile=Profile.QUICK,
        passes=(PassName.PAIR,),
    )
    together = shortest_s(spec)
    assert together == pytest.approx(2 * 1.4)
    # 3 quads of 4 launches, each 0.2 s + 60 * 5 ms
    assert shortest_s(spec, {"litert"}) == pytest.approx(1.4 + 12 * 0.5)
    assert shortest_s(spec, {"torch"}) == together
    assert deadline_warning(replace(spec, deadline_s=5), {"litert"})
    assert deadline_warning(replace(spec, deadline_s=5)) is None


@pytest.mark.parametrize(("launches", "quads"), [(1, 2), (2, 2), (7, 7), (100, 30)])
def test_how_many_quads_of_launches(launches: int, quads: int) -> None:
    assert plan_of(Profile.QUICK, Overrides(launches=launches)).apart_quads == quads
    by_profile = {one: plan_of(one).apart_quads for one in Profile}
    assert list(by_profile.values()) == [3, 5, 15, 3]


def test_sustained_over_many_recipes_does_not_fit_an_hour() -> None:
    assert deadline_warning(job(5, Profile.SUSTAINED)) is None
    spec = job(6, Profile.SUSTAINED)
    warning = deadline_warning(spec)
    assert warning is not None
    assert "6 entries under profile sustained" in warning
    assert "at least 61 min" in warning
    assert "the deadline of 60 min" in warning
    found = re.search(r"--deadline (\d+)", warning)
    assert found
    enough = int(found.group(1))
    assert 1.2 * shortest_s(spec) < enough < 1.5 * shortest_s(spec)
    assert deadline_warning(job(6, Profile.SUSTAINED, deadline_s=enough)) is None


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (9.8, "10 s"),
        (119, "119 s"),
        (121, "3 min"),
        (3600, "60 min"),
        (7260, "2 h 1 min"),
        (7200, "2 h"),
    ],
)
def test_durations_are_rounded_up(seconds: float, words: str) -> None:
    assert lasting(seconds) == words
