"""How far a ladder is climbed: never empty, never beyond what was asked for."""

from __future__ import annotations

import math

from bitgauge.benchmarks.ladder.climb import (
    NOT_MEASURED,
    Tried,
    best_of,
    climbed,
    next_rung,
)
from bitgauge.benchmarks.ladder.distances import distances
from bitgauge.benchmarks.ladder.rungs import Rung
from bitgauge.benchmarks.vocabulary.values.gates import (
    FAILED,
    PASSED,
    REVIEW,
    GateRule,
    GateVerdict,
    RuleVerdict,
    UseCase,
)
from hypothesis import given
from hypothesis import strategies as st

OUTCOMES = (PASSED, FAILED, REVIEW, NOT_MEASURED)


def rung(name: str, seconds: float = 10.0) -> Rung:
    return Rung(name, 0.5, 0.5, seconds, "")


def verdict(*rules: RuleVerdict, outcome: str = FAILED) -> GateVerdict:
    use_case = UseCase("u", (GateRule("max_accuracy_loss_pp", 1.0),))
    return GateVerdict("r", "m", "a", "d", "d", use_case, outcome, rules=rules)


def rule(key: str, limit: float | None, value: float | None, said: str = FAILED) -> RuleVerdict:
    return RuleVerdict(key, "", said, limit=limit, value=value, why="w")


def tried(name: str, outcome: str, ratio: float | None = None, **more: object) -> Tried:
    return Tried(rung(name), outcome, ratio=ratio, seconds=10.0, **more)  # type: ignore[arg-type]


def test_the_first_that_passes_is_enough_unless_time_is_given() -> None:
    rungs = [rung("a"), rung("b"), rung("c")]
    passed = [tried("a", PASSED, 0.5)]
    assert next_rung(rungs, passed, budget_s=None) == "the first that passes was asked for"
    assert next_rung(rungs, passed, budget_s=25.0) == rungs[1]
    spent = next_rung(rungs, [*passed, tried("b", FAILED)], budget_s=25.0)
    assert spent == "20 of 25 seconds of the device were spent"


def test_what_passes_and_gains_nothing_ends_no_ladder() -> None:
    rungs = [rung("a"), rung("b")]
    slower = tried("a", PASSED, 5.8, gains=False)
    assert next_rung(rungs, [slower], budget_s=None) == rungs[1]
    found = climbed(rungs, [slower], "")
    assert (found.best, found.outcome) == (slower, FAILED)
    assert best_of([slower, tried("b", REVIEW, 0.5)]) != slower


def test_one_rung_is_tried_whatever_the_budget() -> None:
    assert next_rung([rung("a", 100.0)], [], budget_s=1.0) == rung("a", 100.0)


def test_the_best_is_the_fastest_that_passes() -> None:
    found = [tried("a", PASSED, 0.9), tried("b", PASSED, 0.3), tried("c", FAILED, 0.1)]
    assert best_of(found) == found[1]


def test_where_nothing_passes_the_nearest_to_its_limits_is_left() -> None:
    far = tried("far", FAILED, 0.1, verdict=verdict(rule("max_accuracy_loss_pp", 1.0, -5.0)))
    near = tried("near", FAILED, 0.9, verdict=verdict(rule("max_accuracy_loss_pp", 1.0, -1.5)))
    none = tried("none", NOT_MEASURED)
    assert best_of([far, near, none]) == near
    assert (near.farthest, far.farthest, none.farthest) == (0.5, 4.0, math.inf)
    assert climbed([], [none], "").outcome == FAILED


def test_distances_know_which_side_of_a_limit_is_right() -> None:
    found = distances(
        verdict(
            rule("max_accuracy_loss_pp", 1.0, -3.0),
            rule("max_latency_ratio", 0.5, 0.6),
            rule("min_int_coverage", 0.8, 0.6),
            rule("max_perplexity_increase_pct", 1.0, 1.02),
            rule("max_energy", 5.0, None, REVIEW),
            rule("max_size_ratio", 0.5, 0.4, PASSED),
            rule("saturating", None, None),
        )
    )
    told = {one.rule: round(one.excess, 6) for one in found}
    assert told == {
        "max_energy": math.inf,
        "saturating": math.inf,
        "max_accuracy_loss_pp": 2.0,
        "max_perplexity_increase_pct": 1.0,
        "min_int_coverage": 0.25,
        "max_latency_ratio": 0.2,
    }
    assert [one.excess for one in found] == sorted((one.excess for one in found), reverse=True)


@given(
    st.lists(st.sampled_from(OUTCOMES), min_size=1, max_size=6),
    st.one_of(st.none(), st.floats(0, 100)),
)
def test_a_ladder_ends_with_something_and_tries_nothing_twice(
    outcomes: list[str], budget_s: float | None
) -> None:
    rungs = [rung(str(at)) for at in range(len(outcomes))]
    done: list[Tried] = []
    while not isinstance(step := next_rung(rungs, done, budget_s=budget_s), str):
        assert step.recipe not in {one.rung.recipe for one in done}
        done.append(tried(step.recipe, outcomes[len(done)], 0.5))
    found = climbed(rungs, done, step)
    assert found.best is not None
    assert len(found.tried) + len(found.left) == len(rungs)
    assert found.stopped
    if any(one.outcome == PASSED for one in found.tried):
        assert found.outcome == PASSED
