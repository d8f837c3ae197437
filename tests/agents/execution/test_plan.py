"""Which launches a run needs."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from bitgauge.agents.execution.plan import (
    PassPlan,
    as_baseline,
    bracketed,
    is_enough,
    one_at_a_time,
    plan_passes,
    references,
    shared_with,
)
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
    around = bracketed(plans, sentinels, "onnxruntime")
    assert tuple(one for one in around if one.pass_name is not PassName.SENTINEL) == plans
    assert {one.launch for one in around if one.pass_name is PassName.SENTINEL} == sentinels
    assert (around[0].pass_name is PassName.SENTINEL) is (0 in sentinels)
    assert (around[-1].pass_name is PassName.SENTINEL) is (1 in sentinels)


def test_a_sentinel_is_no_part_of_the_baseline() -> None:
    refs = [
        RawRef(one.pass_name, one.launch, one.role, BASELINE)
        for one in bracketed((), {0, 1}, "onnxruntime")
    ]
    assert as_baseline(refs) == ()


def test_each_artifact_is_executed_by_its_own_runtime() -> None:
    """The baseline by its own in every pass in which it stands beside a candidate."""
    other = replace(INT8, runtime="litert")
    plans = plan_passes(
        other, BASELINE, PLAN, keeps_time=True, metered=True, baseline_runtime="onnxruntime"
    )
    by_role = {one.role: (one.artifacts, one.runtimes) for one in plans}
    assert by_role == {
        RawRole.BOTH: ((BASELINE, CANDIDATE), ("onnxruntime", "litert")),
        RawRole.BASELINE: ((BASELINE,), ("onnxruntime",)),
        RawRole.CANDIDATE: ((CANDIDATE,), ("litert",)),
        RawRole.FLOOR: ((), ("litert",)),
    }
    first, *_, last = bracketed(plans, (0, 1), "onnxruntime")
    assert first.runtimes == last.runtimes == ("onnxruntime",)


def test_a_floor_is_that_of_a_runtime() -> None:
    refs = as_baseline(
        RawRef(one.pass_name, one.launch, one.role, BASELINE)
        for one in plan_passes(FP32, BASELINE, PLAN, keeps_time=True)
    )
    assert shared_with(INT8, refs, "onnxruntime") == refs
    left = shared_with(replace(INT8, runtime="litert"), refs, "onnxruntime")
    assert left == tuple(ref for ref in refs if ref.role is not RawRole.FLOOR) != refs


def shape(plans: tuple[PassPlan, ...]) -> list[tuple[str, str, int]]:
    keys = [(one.pass_name.value, one.role.value) for one in plans]
    return [(name, role, len(list(group))) for (name, role), group in itertools.groupby(keys)]


def entry(index: int, digest: Digest = CANDIDATE) -> AssignedEntry:
    return AssignedEntry(index, "int8-dynamic" if index else "fp32", digest)


def test_the_baseline_is_measured_alone() -> None:
    plans = plan_passes(entry(0, BASELINE), BASELINE, PLAN, keeps_time=True)
    assert shape(plans) == [
        ("quality", "both", 1),
        ("numerics", "both", 1),
        ("memory", "floor", 3),
        ("memory", "candidate", 3),
        ("absolute", "floor", 1),
        ("absolute", "candidate", 3),
        ("operators", "candidate", 1),
    ]
    assert plans[0].artifacts == (BASELINE,)
    assert plans[2].artifacts == ()


def made(plans: tuple[PassPlan, ...]) -> tuple[RawRef, ...]:
    return tuple(
        RawRef(one.pass_name, one.launch, one.role, Digest(f"{index:064x}", 9))
        for index, one in enumerate(plans)
    )


def test_a_candidate_takes_over_what_the_baseline_measured() -> None:
    shared = as_baseline(made(plan_passes(entry(0, BASELINE), BASELINE, PLAN, keeps_time=True)))
    plans = plan_passes(entry(1), BASELINE, PLAN, keeps_time=True, available=shared)
    assert shape(plans) == [
        ("quality", "both", 1),
        ("numerics", "both", 1),
        ("memory", "candidate", 3),
        ("absolute", "candidate", 3),
        ("pair", "both", 1),
        ("operators", "candidate", 1),
    ]
    assert plans[-2].artifacts == (BASELINE, CANDIDATE)
    roles = [(ref.pass_name.value, ref.role.value) for ref in shared]
    assert sorted(set(roles)) == [
        ("absolute", "baseline"),
        ("absolute", "floor"),
        ("memory", "baseline"),
        ("memory", "floor"),
        ("operators", "baseline"),
    ]


def test_a_candidate_on_another_device_measures_the_baseline_again() -> None:
    plans = plan_passes(entry(1), BASELINE, PLAN, keeps_time=True)
    assert shape(plans) == [
        ("quality", "both", 1),
        ("numerics", "both", 1),
        ("memory", "floor", 3),
        ("memory", "baseline", 3),
        ("memory", "candidate", 3),
        ("absolute", "floor", 1),
        ("absolute", "baseline", 3),
        ("absolute", "candidate", 3),
        ("pair", "both", 1),
        ("operators", "baseline", 1),
        ("operators", "candidate", 1),
    ]


def test_certified_launches_end_when_they_are_precise() -> None:
    certified = PLANS[Profile.CERTIFIED]
    plans = plan_passes(entry(0, BASELINE), BASELINE, certified, keeps_time=True)
    timed = [one for one in plans if (one.pass_name, one.role) == ("absolute", "candidate")]
    assert len(timed) == 15
    assert not is_enough(timed[4], certified, [1e6] * 4)
    assert is_enough(timed[5], certified, [1e6] * 5)
    assert not is_enough(timed[5], certified, [1e6, 2e6] * 3)
    memory = next(one for one in plans if one.pass_name == "memory")
    assert not is_enough(memory, certified, [1e6] * 9)
    assert not is_enough(timed[5], PLAN, [1e6] * 5)
    # Where the baseline ended early, its candidates do not go on with it.
    shared = as_baseline(made((*(one for one in plans if one.pass_name != "absolute"), timed[0])))
    later = plan_passes(entry(1), BASELINE, certified, keeps_time=True, available=shared)
    assert ("absolute", "baseline") not in {(one.pass_name, one.role) for one in later}


def test_an_artifact_against_itself_is_a_pair() -> None:
    plans = plan_passes(entry(1, BASELINE), BASELINE, PLAN, keeps_time=True)
    assert plans[-3].artifacts == (BASELINE, BASELINE)


@pytest.mark.parametrize("index", [0, 1])
def test_without_time_only_quality_is_measured(index: int) -> None:
    plans = plan_passes(entry(index), BASELINE, PLAN, keeps_time=False)
    assert shape(plans) == [("quality", "both", 1), ("numerics", "both", 1)]


def turns(own: str, other: str, alone: tuple[str, ...], name: str = "run") -> list[PassPlan]:
    plans = plan_passes(
        replace(INT8, runtime=own),
        BASELINE,
        PLAN,
        keeps_time=True,
        metered=True,
        baseline_runtime=other,
        alone=alone,
        name=name,
    )
    return [one for one in plans if one.pass_name is PassName.PAIR]


@pytest.mark.parametrize("alone", ["litert", "onnxruntime"])
def test_libraries_that_are_not_timed_together_take_turns(alone: str) -> None:
    found = turns("litert", "onnxruntime", (alone,))
    assert [one.launch for one in found] == list(range(4 * PLAN.apart_quads))
    letters = "".join("AB"[one.role is RawRole.CANDIDATE] for one in found)
    assert {letters[at : at + 4] for at in range(0, len(letters), 4)} <= {"ABBA", "BAAB"}
    sides = {(one.role, one.artifacts, one.runtimes) for one in found}
    assert sides == {
        (RawRole.BASELINE, (BASELINE,), ("onnxruntime",)),
        (RawRole.CANDIDATE, (CANDIDATE,), ("litert",)),
    }


def test_which_begins_is_drawn_by_the_run() -> None:
    one, again = (turns("litert", "onnxruntime", ("litert",), "a") for _ in range(2))
    assert one == again
    starts = [turns("litert", "onnxruntime", ("litert",), str(at))[0].role for at in range(40)]
    assert 8 < starts.count(RawRole.BASELINE) < 32


@pytest.mark.parametrize(
    ("own", "alone"), [("litert", ()), ("litert", ("torch",)), ("onnxruntime", ("onnxruntime",))]
)
def test_others_share_a_child(own: str, alone: tuple[str, ...]) -> None:
    found = turns(own, "onnxruntime", alone)
    assert [one.role for one in found] == [RawRole.BOTH] * PLAN.pair_launches


def test_where_memory_holds_one_artifact_each_has_launches_of_its_own() -> None:
    entry = replace(INT8, runtime="litert")
    plans = plan_passes(
        entry, BASELINE, PLAN, keeps_time=True, metered=True, baseline_runtime="onnxruntime"
    )
    found = {
        one.pass_name: one_at_a_time(one, PLAN, name="run")
        for one in plans
        if len(one.artifacts) > 1
    }
    assert found[PassName.QUALITY] == (), "it holds one after the other anyway"
    assert [one.artifacts for one in found[PassName.NUMERICS]] == [(CANDIDATE,)]
    assert [one.role for one in found[PassName.NUMERICS]] == [RawRole.BOTH]
    turns = found[PassName.PAIR]
    assert len(turns) == 4 * PLAN.apart_quads
    assert [one.launch for one in turns] == list(range(len(turns)))
    assert {(one.role, one.runtimes) for one in turns} == {
        (RawRole.BASELINE, ("onnxruntime",)),
        (RawRole.CANDIDATE, ("litert",)),
    }
    alone = plan_passes(
        entry,
        BASELINE,
        PLAN,
        keeps_time=True,
        baseline_runtime="onnxruntime",
        alone=("litert",),
        name="run",
    )
    assert turns == tuple(
        replace(one, no_room=True) for one in alone if one.pass_name is PassName.PAIR
    )
    assert [one.role for one in found.get(PassName.ENERGY, ())] in ([], [RawRole.CANDIDATE])
    single = next(one for one in plans if one.pass_name is PassName.ABSOLUTE and one.artifacts)
    assert one_at_a_time(single, PLAN) == ()


def test_only_a_candidate_is_no_reference() -> None:
    """It alone is placed elsewhere than where its hardware class computes."""
    for entry in (FP32, INT8):
        for plan in plan_passes(entry, BASELINE, PLAN, keeps_time=True):
            count = references(plan, entry.index)
            assert [digest == BASELINE for digest in plan.artifacts] == (
                [at < count for at in range(len(plan.artifacts))]
            )
            assert count > 0 or plan.role is RawRole.CANDIDATE
