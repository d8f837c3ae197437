"""Memory beyond the peak: the arena, the shapes, the floor, mapped weights, the control group."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnx.helper
import onnx.numpy_helper
import pytest
from bitgauge.agents.execution.plan import plan_passes
from bitgauge.agents.passes.memory import shape_schedule
from bitgauge.agents.sandbox import cgroup
from bitgauge.benchmarks.analysis.analyse import analyse
from bitgauge.benchmarks.quality.sets import EvaluationSet, InputSpec, write_evaluation_set
from bitgauge.benchmarks.raw.container import RawFile
from bitgauge.benchmarks.raw.memory import memory_raw, memory_samples
from bitgauge.benchmarks.samples import MemoryCheckpoint, MemorySamples
from bitgauge.benchmarks.vocabulary.enums import PassName, Profile, RawRole
from bitgauge.benchmarks.vocabulary.errors import BadInput
from bitgauge.benchmarks.vocabulary.profiles import PLANS
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import AssignedEntry, Workload
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue

from tests.bench.one_launch import launch, plain
from tests.labs.rooms.raw_files import FACTS
from tests.labs.values import detail, origin

MIB = 1 << 20
STANDARD = replace(FACTS, profile=Profile.STANDARD)


def raw(
    need_mib: int,
    number: int = 0,
    *,
    role: RawRole = RawRole.CANDIDATE,
    arena: str = "on",
    mapped_mib: int = 0,
    group: Sequence[int] = (),
    profile: Profile = Profile.STANDARD,
) -> RawFile:
    def point(name: str, used: int, mapped: int) -> MemoryCheckpoint:
        rss = 40 * MIB + used
        return MemoryCheckpoint(name, rss, rss, 7 * MIB + mapped, rss, rss, rss)

    need, mapped = need_mib * MIB, mapped_mib * MIB
    points = (
        point("m0", 0, 0),
        point("m1", need // 2, mapped),
        point("m2", need, mapped + MIB),
        point("m3", 0, 0),
    )
    place = origin(PassName.MEMORY, role, number, profile=profile)
    return memory_raw(place, MemorySamples(points, "vmhwm", arena, (1, 2, 3), tuple(group)))


def metrics(*raws: RawFile, profile: Profile = Profile.STANDARD) -> dict[str, MetricValue]:
    facts = replace(FACTS, profile=profile)
    return {metric.key: metric for metric in analyse(raws, facts)}


# -- analysis ---------------------------------------------------------------------------------


def test_phases_mapped_weights_and_the_floor_are_numbers_of_their_own() -> None:
    found = metrics(
        raw(20, 0, mapped_mib=3),
        raw(24, 1, mapped_mib=4),
        raw(22, 2, mapped_mib=3),
        raw(5, role=RawRole.FLOOR),
    )
    run, load = found["peak_run_bytes"], found["peak_load_bytes"]
    assert (run.value, run.low, run.high, run.n) == (24 * MIB, 20 * MIB, 24 * MIB, 3)
    assert detail(run)["batches"] == "1 2 3"
    assert (load.value, load.low, load.high) == (12 * MIB, 10 * MIB, 12 * MIB)
    mapped = found["mmap_weights_bytes"]
    assert (mapped.value, detail(mapped)["after_load_bytes"]) == (5 * MIB, str(4 * MIB))
    assert detail(mapped)["floor_bytes"] == str(MIB), "pages of the runtime itself"
    assert found["host_floor_bytes"].value == 5 * MIB
    assert "few_launches" in found["host_floor_bytes"].flags


def test_a_launch_without_arena_counts_for_its_own_number_alone() -> None:
    launches = [raw(20, 0), raw(30, 1), raw(20, 2)]
    without = metrics(*launches)
    both = metrics(*launches, raw(12, 3, arena="off"))
    off = both["peak_no_arena_bytes"]
    assert (off.value, off.n, detail(off)["with_arena_bytes"]) == (12 * MIB, 1, str(30 * MIB))
    assert "few_launches" not in off.flags, "the profile asks for one"
    for key in ("peak_memory_bytes", "peak_run_bytes", "host_steady_bytes"):
        assert both[key] == without[key]


def test_why_there_is_no_number_without_arena() -> None:
    quick = metrics(raw(20, profile=Profile.QUICK), profile=Profile.QUICK)
    assert quick["peak_no_arena_bytes"].reason == "not_in_profile"
    assert metrics(raw(20, arena="none"))["peak_no_arena_bytes"].reason == "no_arena"
    assert metrics(raw(20))["peak_no_arena_bytes"].reason == "pass_missing"


def test_the_control_group_is_a_second_witness_where_it_speaks() -> None:
    told = raw(20, 0, group=[30 * MIB, 40 * MIB, 55 * MIB, 60 * MIB])
    found = metrics(told, raw(20, 1))["cgroup_peak_bytes"]
    assert (found.value, found.n) == (55 * MIB, 1), "until m2; what release costs is not counted"
    assert detail(found)["before_load_bytes"] == str(30 * MIB)
    assert metrics(raw(20))["cgroup_peak_bytes"].reason == "no_control_group"
    assert metrics()["cgroup_peak_bytes"].reason == "pass_missing"


def test_files_of_older_agents_are_read_and_broken_ones_refused() -> None:
    older = raw(20)
    for key in ("arena", "batches", "group_peak_bytes"):
        del older.meta[key]
    samples = memory_samples(older)
    assert (samples.arena, samples.batches, samples.group_peak_bytes) == ("on", (), ())
    for key, value in (
        ("group_peak_bytes", [1, 2]),
        ("group_peak_bytes", ["x"] * 4),
        ("group_peak_bytes", [-1] * 4),
        ("batches", 3),
    ):
        broken = raw(20)
        broken.meta[key] = value
        with pytest.raises(BadInput):
            memory_samples(broken)


# -- the device's side ------------------------------------------------------------------------


def test_one_launch_more_has_the_arena_off_except_under_quick() -> None:
    entry = AssignedEntry(1, "int8-dynamic", Digest("c" * 64, 1))
    for profile, extra in ((Profile.QUICK, 0), (Profile.STANDARD, 1), (Profile.CERTIFIED, 1)):
        plan = PLANS[profile]
        launches = [
            one.launch
            for one in plan_passes(entry, Digest("b" * 64, 1), plan, keeps_time=True)
            if (one.pass_name, one.role) == (PassName.MEMORY, RawRole.CANDIDATE)
        ]
        assert launches == list(range(plan.memory_launches + extra))


def test_shapes_run_ascending_and_the_target_last() -> None:
    free, fixed = InputSpec("x", "float32", (None, 8)), InputSpec("x", "float32", (4, 8))
    assert [shape_schedule([free], batch) for batch in (1, 2, 3, 8)] == [
        (1,),
        (1, 2),
        (1, 2, 3),
        (1, 2, 4, 8),
    ]
    assert shape_schedule([fixed], 4) == (4,)


def test_the_peak_of_a_group_is_read_through_its_descriptor(tmp_path: Path) -> None:
    """Files after cgroup-v2.rst and cgroup-v1/memory.rst of the kernel's documentation."""
    one, two = tmp_path / "v1", tmp_path / "v2"
    for folder in (one, two):
        folder.mkdir()
    assert cgroup.ControlGroup((one, two)).open_peak() is None
    (one / "memory.max_usage_in_bytes").write_text("4096\n")
    (two / "memory.peak").write_text("8192\n")
    for folder, text in ((one, b"4096\n"), (two, b"8192\n")):
        descriptor = cgroup.ControlGroup((folder,)).open_peak()
        assert descriptor is not None
        assert os.read(descriptor, 64) == text
        os.close(descriptor)


def heavy(path: Path) -> Path:
    """A model whose activations at batch 8 are 32 MiB each, and whose weights are nothing."""
    width = 1 << 20
    add = onnx.numpy_helper.from_array(np.ones(1, np.float32), "one")
    nodes = [
        onnx.helper.make_node("Expand", ["x", "shape"], ["wide"]),
        onnx.helper.make_node("Add", ["wide", "one"], ["a"]),
        onnx.helper.make_node("Sin", ["a"], ["b"]),
        onnx.helper.make_node("ReduceSum", ["b", "axes"], ["y"], keepdims=1),
    ]
    shape = onnx.numpy_helper.from_array(np.array([1, width], np.int64), "shape")
    axes = onnx.numpy_helper.from_array(np.array([1], np.int64), "axes")
    value = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        nodes,
        "heavy",
        [value("x", onnx.TensorProto.FLOAT, ["n", 1])],
        [value("y", onnx.TensorProto.FLOAT, ["n", 1])],
        [add, shape, axes],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.save(model, path)
    return path


def evaluation_set(folder: Path) -> Path:
    path = folder / "evaluation.npz"
    ids = np.arange(9).astype(str)
    write_evaluation_set(path, EvaluationSet({"x": np.ones((9, 1), np.float32)}, None, ids))
    return path


@pytest.mark.child
async def test_a_real_launch_grows_with_its_batch_and_says_its_arena(tmp_path: Path) -> None:
    evaluation = evaluation_set(tmp_path)
    model, workload = heavy(tmp_path / "model.onnx"), Workload(batch=8)
    last = PLANS[Profile.STANDARD].memory_launches
    found = {}
    for number in (0, last):
        samples = memory_samples(
            await launch(
                PassName.MEMORY,
                [model],
                evaluation,
                number=number,
                profile=Profile.STANDARD,
                workload=workload,
            )
        )
        found[samples.arena] = samples
        assert samples.batches == (1, 2, 4, 8)
        grown = samples.at("m2").hwm_bytes - samples.at("m0").hwm_bytes
        assert grown > 32 * MIB
        assert samples.group_peak_bytes == (), "no control group was given"
    assert set(found) == {"on", "off"}
    peak = {name: one.at("m2").hwm_bytes for name, one in found.items()}
    assert abs(peak["on"] - peak["off"]) > 8 * MIB, "the option reaches the runtime"


@pytest.mark.child
async def test_a_real_group_witnesses_the_launch(tmp_path: Path) -> None:
    groups = cgroup.find()
    if not groups.memory:
        pytest.skip("NOT RUN: this user may make no memory control group here")
    evaluation = evaluation_set(tmp_path)
    samples = memory_samples(
        await launch(
            PassName.MEMORY,
            [heavy(tmp_path / "model.onnx")],
            evaluation,
            workload=Workload(batch=8),
            confinement=replace(plain(), groups=groups),
        )
    )
    before, _, until, after = samples.group_peak_bytes
    assert 0 < before < until <= after, "it counts from the group's beginning and never falls"
    need = samples.at("m2").hwm_bytes - samples.at("m0").hwm_bytes
    assert until - before > need // 2
