"""What a refresh measures: exactly what has a reason, most valuable first, within the budget."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

import pytest
from bitgauge.agents.runtimes.ort import EXACT_MODE
from bitgauge.benchmarks.refresh.plan import Ask, Demand, Known, RunTime, plan
from bitgauge.benchmarks.refresh.targets import (
    Target,
    kept,
    parse_only,
    targets_of_rows,
    targets_of_suite,
)
from bitgauge.benchmarks.table.rows import row_key
from bitgauge.benchmarks.vocabulary.enums import CellState, HardwareClass, ModelClass, Realness
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError
from bitgauge.benchmarks.vocabulary.recipes import CUSTOM
from bitgauge.benchmarks.vocabulary.values.campaigns import RefreshPlan, Volume
from bitgauge.benchmarks.vocabulary.values.devices import RuntimeDescription, StackItem
from bitgauge.benchmarks.vocabulary.values.jobs import Overrides, Workload
from bitgauge.benchmarks.vocabulary.values.rows import StackChange, TableRow
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue
from bitgauge.coordinator.decisions.scheduler import matches
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.labs.refresh import NOW_NS, SUITE, S, device, row_of, targets, with_metric

HERE, THERE = device("here"), device("there")
EVERYTHING = targets(HERE, THERE)
KERNEL = StackChange("kernel_release", "6.1", "6.2")


def cells(found: RefreshPlan) -> set[tuple[str, str, Workload, str, str]]:
    return {
        (cell.model_name, cell.recipe, cell.workload, cell.device_name, cell.why)
        for job in found.jobs
        for cell in job.cells
    }


def place(target: Target, why: str) -> tuple[str, str, Workload, str, str]:
    return (target.model.name, target.recipe, target.workload, target.device_name, why)


def altered(target: Target, how: str) -> TableRow | None:
    row = row_of(target)
    undecided = MetricValue("latency_ratio", 1.0, 0.9, 1.1, verdict="UNDECIDED")
    return {
        "never_run": None,
        "fresh": row,
        "stale": replace(row, state=CellState.STALE, changes=(KERNEL,)),
        "stale failure": replace(row, state=CellState.FAILED, changes=(KERNEL,)),
        "failed": replace(row, state=CellState.FAILED, metrics=()),
        "unsupported": replace(row, state=CellState.UNSUPPORTED, metrics=()),
        "undecided": with_metric(row, undecided),
        "suspect": replace(row, flags=("suspect",)),
        "undecided accuracy": with_metric(
            row, MetricValue("accuracy_delta_pp", -0.9, -1.5, 0.1, verdict="UNDECIDED")
        ),
    }[how]


REASONS = {
    "never_run": "never_run",
    "stale": "stale",
    "stale failure": "stale",
    "failed": "failed",
    "undecided": "undecided",
    "suspect": "undecided",
}
HOW = st.sampled_from(["fresh", "unsupported", "undecided accuracy", *REASONS])
STATES = st.lists(HOW, min_size=len(EVERYTHING), max_size=len(EVERYTHING))


def rows_of(states: Sequence[str]) -> tuple[TableRow, ...]:
    made = (altered(target, how) for target, how in zip(EVERYTHING, states, strict=True))
    return tuple(row for row in made if row is not None)


@given(states=STATES)
def test_only_what_has_a_reason_is_measured(states: list[str]) -> None:
    found = plan(EVERYTHING, Known(rows=rows_of(states)), NOW_NS)
    assert cells(found) == {
        place(target, REASONS[how])
        for target, how in zip(EVERYTHING, states, strict=True)
        if how in REASONS
    }
    assert found.fresh == sum(how not in REASONS for how in states)
    only_stale = plan(EVERYTHING, Known(rows=rows_of(states)), NOW_NS, stale_only=True)
    assert cells(only_stale) == {cell for cell in cells(found) if cell[-1] == "stale"}


TIMES = tuple(
    RunTime(
        target.model.name,
        target.recipe,
        target.device_id,
        target.workload,
        target.profile,
        target.overrides,
        seconds=1.0 + 7 * index % 11,
    )
    for index, target in enumerate(EVERYTHING)
)
ASKS = (
    Ask(3, ModelClass.CNN, HardwareClass.CPU_ONLY, Workload()),
    Ask(1, ModelClass.MLP, None, None),
)
VOLUMES = (Volume(1e6, ModelClass.MLP), Volume(10.0, workload=Workload(batch=8)))


@given(states=STATES, seed=st.integers(0, 1000), budget_s=st.none() | st.integers(1, 200))
@settings(deadline=None)
def test_the_order_of_what_is_known_never_matters(
    states: list[str], seed: int, budget_s: int | None
) -> None:
    known = Known(rows_of(states), ASKS, VOLUMES, TIMES)
    draw = random.Random(seed)

    def mixed(values: tuple[object, ...]) -> tuple[object, ...]:
        return tuple(draw.sample(values, len(values)))

    parts = (known.rows, known.asks, known.volumes, known.times)
    shuffled = Known(*map(mixed, parts))  # type: ignore[arg-type]
    first = plan(EVERYTHING, known, NOW_NS, budget_s=budget_s)
    again = plan(mixed(EVERYTHING), shuffled, NOW_NS, budget_s=budget_s)  # type: ignore[arg-type]
    assert first == again


@given(states=STATES, budget_s=st.integers(1, 150))
def test_the_budget_is_kept_and_what_it_cuts_is_listed(states: list[str], budget_s: int) -> None:
    known = Known(rows=rows_of(states), times=TIMES)
    whole = plan(EVERYTHING, known, NOW_NS)
    found = plan(EVERYTHING, known, NOW_NS, budget_s=budget_s)
    assert found.seconds <= budget_s
    assert found.seconds == pytest.approx(sum(job.seconds for job in found.jobs))
    cut = {(c.model_name, c.recipe, c.workload, c.device_name, c.why) for c in found.cut}
    assert cells(found) | cut == cells(whole)
    assert not cells(found) & cut
    if whole.seconds <= budget_s:
        assert not cut


@given(states=STATES)
def test_one_job_per_model_workload_and_device_with_what_needs_it(states: list[str]) -> None:
    found = plan(EVERYTHING, Known(rows=rows_of(states)), NOW_NS)
    places = [(job.spec.model_name, job.spec.workload, job.device_id) for job in found.jobs]
    assert len(places) == len(set(places))
    for job in found.jobs:
        recipes = [entry.recipe for entry in job.spec.entries]
        assert recipes[0] == "fp32"
        assert set(recipes[1:]) == {cell.recipe for cell in job.cells} - {"fp32"}
        assert job.spec.selector.device == job.device_id
        assert job.spec.entries[0].artifact == job.spec.baseline
        assert job.spec.deadline_s >= job.seconds


def order(found: RefreshPlan) -> list[str]:
    return [job.spec.model_name for job in found.jobs]


def test_what_is_asked_for_and_used_comes_first() -> None:
    here = targets(HERE, suite=replace(SUITE, workloads=(Workload(),)))
    asks = (Ask(50, ModelClass.MLP, HardwareClass.CPU_ONLY, Workload()),)
    assert order(plan(here, Known(asks=asks), NOW_NS)) == ["two", "one"]
    asks = (replace(asks[0], model_class=ModelClass.CNN),)
    assert order(plan(here, Known(asks=asks), NOW_NS)) == ["one", "two"]
    volumes = (Volume(1e9, ModelClass.MLP),)
    assert order(plan(here, Known(volumes=volumes), NOW_NS)) == ["two", "one"]
    unnamed = (Ask(1000), Ask(1000, workload=Workload()))
    assert all(Demand(unnamed, ()).of(target) == 1.0 for target in here)


def test_what_takes_long_comes_later_and_what_is_known_well_too() -> None:
    here = targets(HERE, suite=replace(SUITE, workloads=(Workload(),), recipes=("fp16",)))
    slow = tuple(replace(t, seconds=100.0 if t.model_name == "one" else 1.0) for t in TIMES)
    assert order(plan(here, Known(times=slow), NOW_NS)) == ["two", "one"]
    wide = MetricValue("latency_ratio", 1.0, 0.8, 1.2, verdict="UNDECIDED")
    narrow = MetricValue("latency_ratio", 1.0, 0.97, 1.03, verdict="UNDECIDED")
    rows = tuple(
        with_metric(row_of(t), wide if t.model.name == "two" else narrow)
        for t in here
        if t.recipe == "fp16"
    )
    known = Known(rows=(*rows, *(row_of(t) for t in here if t.recipe == "fp32")))
    assert order(plan(here, known, NOW_NS)) == ["two", "one"]


def test_age_makes_stale_and_names_itself() -> None:
    here = targets(HERE)
    old = tuple(row_of(target, measured_unix_ns=NOW_NS - 100 * S) for target in here)
    assert not plan(here, Known(rows=old), NOW_NS, max_age_s=101).jobs
    found = plan(here, Known(rows=old), NOW_NS, max_age_s=99)
    assert {change.name for job in found.jobs for c in job.cells for change in c.changes} == {"age"}
    assert len(cells(found)) == len(here)


def test_numbers_of_another_profile_or_baseline_are_no_knowledge() -> None:
    target = targets(HERE)[1]
    for row in (
        row_of(target, overrides=Overrides(launches=1)),
        row_of(target, baseline=replace(target.model.baseline, size_bytes=1)),
        row_of(target, workload=Workload(batch=2)),
        row_of(target, device_id="another"),
    ):
        assert cells(plan([target], Known(rows=(row,)), NOW_NS)) == {place(target, "never_run")}


def test_devices_that_cannot_or_may_not_are_left_out_and_named() -> None:
    fake = RuntimeDescription("onnxruntime", "1", simulated=True)
    devices = (
        HERE,
        device("emulated", realness=Realness.EMULATED),
        device("simulated", realness=Realness.SIMULATED),
        device("fake", runtimes=(fake,)),
        device("away", state="unreachable"),
        device("out", cordoned="its fan is loud"),
        device("gone", retired=True),
        device("board", hardware_class=HardwareClass.EDGE_ARM),
    )
    found, skipped = targets_of_suite(SUITE, devices, matches)
    assert {target.device_name for target in found} == {"here"}
    told = {one.device_name: one.reason for one in skipped}
    assert set(told) == {"emulated", "simulated", "fake", "away", "out", "gone"}
    assert told["out"] == "is cordoned: its fan is loud"
    twice = replace(SUITE, selectors=SUITE.selectors * 2)
    assert targets(HERE, suite=twice) == targets(HERE)


def test_static_recipes_need_a_calibration_set() -> None:
    bare = replace(SUITE.models[0], calibration=None)
    suite = replace(SUITE, models=(bare,), recipes=("fp16", "int8-static-u8s8-pc"))
    assert {target.recipe for target in targets(HERE, suite=suite)} == {"fp32", "fp16"}


def test_what_is_stale_in_the_table_is_measured_as_it_was() -> None:
    target = replace(
        targets(HERE)[2], overrides=Overrides(session_options=(EXACT_MODE,)), accuracy_margin_pp=0.5
    )
    row = replace(altered(target, "stale") or row_of(target), toolchain="tool 1")
    spec = replace(plan([target], Known(), NOW_NS).jobs[0].spec, wait_for_device=True)
    found, skipped = targets_of_rows([(row, spec)], [HERE])
    assert [one.key for one in found] == [target.key]
    assert (found[0].accuracy_margin_pp, found[0].artifact, skipped) == (0.5, None, ())
    mine = replace(row, recipe=CUSTOM, label="mine", artifact=spec.evaluation, toolchain=None)
    (again,), _ = targets_of_rows([(mine, spec)], [HERE])
    assert (again.artifact, again.label) == (spec.evaluation, "mine")
    assert again.key == row_key(mine), "it leads to the row that it is about"
    (job,) = plan([again], Known(rows=(mine,)), NOW_NS, stale_only=True).jobs
    asked = job.spec.entries[1]
    assert (asked.recipe, asked.name, asked.format_family) == (CUSTOM, "mine", mine.family)
    assert job.spec.given(asked) == mine.artifact
    lite = replace(mine, runtime="litert", reference=row.runtime)
    both = device("here", runtimes=(*HERE.description.runtimes, RuntimeDescription("litert", "2")))
    (again,), _ = targets_of_rows([(lite, spec)], [both])
    assert again.key == row_key(lite) != row_key(replace(lite, reference=""))
    (job,) = plan([again], Known(rows=(lite,)), NOW_NS, stale_only=True).jobs
    assert job.spec.runtimes == (row.runtime, "litert"), "against the same reference as before"
    without = device("here", runtimes=())
    found, skipped = targets_of_rows([(row, spec)], [without])
    assert (found, skipped[0].reason) == ((), "has no runtime onnxruntime any more")


def test_only_keeps_what_is_named_and_suggests_the_nearest() -> None:
    wanted = parse_only(["model=one", "recipe=fp16", "recipe=fp32", "device=there"])
    found = kept(EVERYTHING, wanted)
    assert {(t.model.name, t.recipe, t.device_name) for t in found} == {
        ("one", "fp16", "there"),
        ("one", "fp32", "there"),
    }
    with pytest.raises(BitgaugeError, match="Unknown recipe 'fp61'; did you mean fp16"):
        kept(EVERYTHING, [StackItem("recipe", "fp61")])
    with pytest.raises(BitgaugeError, match="did you mean model"):
        parse_only(["modle=one"])
    with pytest.raises(BitgaugeError, match="not NAME=VALUE"):
        parse_only(["one"])


def test_runtime_and_recipe_together_are_what_is_measured() -> None:
    lite = RuntimeDescription("litert", "2", artifact_kinds=("tflite",), fingerprint="f")
    both = device("both", runtimes=(*HERE.description.runtimes, lite))
    asked = replace(SUITE, recipes=("fp16", "fp16@litert", "fp32@litert"))
    found = targets(HERE, both, suite=asked)
    others = [one for one in found if one.runtime == "litert"]
    assert {one.device_name for one in others} == {"both"}, "the other device does not have it"
    assert {one.recipe for one in others} == {"fp16", "fp32"}
    assert {one.reference for one in others} == {"onnxruntime"}
    assert not any(one.is_baseline for one in others)
    assert len({one.key for one in found}) == len(found)
    known = tuple(row_of(one, reference=one.reference) for one in others)
    left = plan(found, Known(rows=known), NOW_NS)
    assert {cell.runtime for job in left.jobs for cell in job.cells} == {"onnxruntime"}
    whole = plan(found, Known(), NOW_NS)
    [job, *_] = [one for one in whole.jobs if one.device_name == "both"]
    assert job.spec.runtime == "onnxruntime"
    assert [(one.recipe, one.runtime) for one in job.spec.entries[:1]] == [("fp32", "")]
    assert {(one.recipe, one.runtime) for one in job.spec.entries[1:]} == {
        ("fp16", ""),
        ("fp16", "litert"),
        ("fp32", "litert"),
    }
    assert {one.runtime for one in kept(found, parse_only(["recipe=fp16@litert"]))} == {"litert"}


def test_what_no_builder_makes_of_a_model_is_not_planned() -> None:
    lite = RuntimeDescription("litert", "2", artifact_kinds=("tflite",), fingerprint="f")
    both = device("both", runtimes=(*HERE.description.runtimes, lite))
    asked = replace(SUITE, recipes=("fp16", "fp16@litert"))
    found, _ = targets_of_suite(asked, (both,), matches, lambda model, *_: bool(model.sources))
    assert {one.runtime for one in found} == {"onnxruntime"}
