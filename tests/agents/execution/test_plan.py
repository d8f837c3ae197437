"""Which launches a run needs."""

from __future__ import annotations

import pytest
from bitgauge.agents.execution.plan import as_baseline, bracketed, plan_passes
from bitgauge.benchmarks.vocabulary.enums import PassName, Profile, RawRole
from bitgauge.benchmarks.vocabulary.profiles import PLANS
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import AssignedEntry
from bitgauge.benchmarks.vocabulary.values.runs import RawRef
from hypothesis import given
from hypothesis import strategies as st

BASELINE, CANDIDATE = Digest("b" * 64, 1), Digest("c" * 64, 1)
PLAN = PLANS[Profile.QUICK]
FP32 = AssignedEntry(0, "fp32", BASELINE)
INT8 = AssignedEntry(1, "int8-dynamic", CANDIDATE)


def test_a_health_check_is_the_quality_pass_alone() -> None:
    plans = plan_passes(FP32, BASELINE, PLAN, keeps_time=True, only=(PassName.QUALITY,))
    assert [(one.pass_name, one.artifacts) for one in plans] == [(PassName.QUALITY, (BASELINE,))]


@pytest.mark.parametrize("entry", [FP32, INT8])
@given(only=st.sets(st.sampled_from(list(PassName))))
def test_only_chooses_among_the_passes_of_the_profile(
    entry: AssignedEntry, only: set[PassName]
) -> None:
    everything = plan_passes(entry, BASELINE, PLAN, keeps_time=True)
    chosen = plan_passes(entry, BASELINE, PLAN, keeps_time=True, only=only)
    wanted = only or set(PassName)
    assert chosen == tuple(one for one in everything if one.pass_name in wanted)


def test_where_time_means_nothing_only_quality_and_numerics_are_measured() -> None:
    plans = plan_passes(INT8, BASELINE, PLAN, keeps_time=False)
    assert [one.pass_name for one in plans] == [PassName.QUALITY, PassName.NUMERICS]


def test_what_the_baseline_measured_is_not_measured_again() -> None:
    done = as_baseline(
        RawRef(one.pass_name, one.launch, one.role, BASELINE)
        for one in plan_passes(FP32, BASELINE, PLAN, keeps_time=True)
    )
    assert done
    plans = plan_passes(INT8, BASELINE, PLAN, keeps_time=True, available=done)
    assert {one.role for one in plans} == {RawRole.BOTH, RawRole.CANDIDATE}


@given(st.sets(st.sampled_from([0, 1])))
def test_the_sentinel_goes_around_everything_else(sentinels: set[int]) -> None:
    plans = plan_passes(INT8, BASELINE, PLAN, keeps_time=True)
    around = bracketed(plans, sentinels)
    assert tuple(one for one in around if one.pass_name is not PassName.SENTINEL) == plans
    assert {one.launch for one in around if one.pass_name is PassName.SENTINEL} == sentinels
    assert (around[0].pass_name is PassName.SENTINEL) is (0 in sentinels)
    assert (around[-1].pass_name is PassName.SENTINEL) is (1 in sentinels)


def test_a_sentinel_is_no_part_of_the_baseline() -> None:
    refs = [RawRef(one.pass_name, one.launch, one.role, BASELINE) for one in bracketed((), {0, 1})]
    assert as_baseline(refs) == ()
