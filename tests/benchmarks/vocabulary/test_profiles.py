"""The numbers of each profile, as the documentation promises them."""

from __future__ import annotations

import pytest
from bitgauge.benchmarks.vocabulary.enums import Profile
from bitgauge.benchmarks.vocabulary.profiles import MIN_QUADS, PLANS, SECOND_NS, plan_of
from bitgauge.benchmarks.vocabulary.values.jobs import Overrides


def test_quick_is_what_a_first_look_costs() -> None:
    plan = PLANS[Profile.QUICK]
    assert (plan.pair_launches, plan.quads, plan.max_quads) == (1, 60, 120)
    assert (plan.absolute_launches, plan.absolute_timed_ns) == (3, SECOND_NS)
    assert plan.memory_launches == 3
    assert (plan.warmup_min_iterations, plan.warmup_cap_ns) == (10, 3 * SECOND_NS)


@pytest.mark.parametrize("profile", Profile)
def test_every_profile_can_be_carried_out(profile: Profile) -> None:
    plan = PLANS[profile]
    assert MIN_QUADS <= plan.quads <= plan.max_quads
    assert plan.max_quads % plan.quads == 0
    assert plan.warmup_min_ns < plan.warmup_cap_ns
    assert 0 < plan.margin < 1
    assert plan.min_block_iterations >= 5


def test_a_longer_profile_buys_no_less() -> None:
    costs = [
        (
            plan.pair_launches,
            plan.max_quads,
            plan.absolute_launches * plan.absolute_timed_ns,
            plan.memory_launches,
            plan.warmup_cap_ns,
        )
        for plan in (PLANS[profile] for profile in Profile if profile is not Profile.SUSTAINED)
    ]
    assert [sorted(column) for column in zip(*costs, strict=True)] == [
        list(column) for column in zip(*costs, strict=True)
    ]


def test_what_is_overridden_is_what_is_measured() -> None:
    plan = plan_of(Profile.STANDARD, Overrides(warmup_ms=40_000, launches=2, budget_ms=500))
    assert plan.warmup_min_ns == plan.warmup_cap_ns == 40 * SECOND_NS
    assert (plan.pair_launches, plan.absolute_launches) == (2, 2)
    assert plan.pair_budget_ns == plan.absolute_timed_ns == SECOND_NS // 2
    assert plan_of(Profile.STANDARD) is PLANS[Profile.STANDARD]
