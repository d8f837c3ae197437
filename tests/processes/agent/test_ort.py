"""ONNX Runtime in the agent: errors in one sentence, and a real run of a real model."""

from __future__ import annotations

import dataclasses
from collections import Counter
from dataclasses import replace
from pathlib import Path

import bitgauge.benchmarks.zoo
import numpy as np
import pytest
from bitgauge.agents.execution.plan import PassPlan
from bitgauge.agents.passes._batches import Batches
from bitgauge.agents.runtimes import ort
from bitgauge.agents.runtimes.base import SessionOptions
from bitgauge.benchmarks.analysis.analyse import analyse
from bitgauge.benchmarks.analysis.facts import RunFacts
from bitgauge.benchmarks.raw.absolute import absolute_samples
from bitgauge.benchmarks.raw.container import RawFile, read_raw
from bitgauge.benchmarks.raw.given import given_of
from bitgauge.benchmarks.raw.memory import memory_samples
from bitgauge.benchmarks.raw.numerics import read_ledger
from bitgauge.benchmarks.raw.pair import pair_samples
from bitgauge.benchmarks.raw.quality import quality_samples
from bitgauge.benchmarks.raw.sentinel import sentinel_latencies
from bitgauge.benchmarks.vocabulary.enums import PassName, RawRole, RunStatus
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code
from bitgauge.benchmarks.vocabulary.profiles import shortest_s
from bitgauge.benchmarks.vocabulary.reasons import ANOMALOUS, IMPOSSIBLE
from bitgauge.benchmarks.vocabulary.values.devices import StackItem
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import AssignedEntry, Entry, JobSpec
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue, RunReport

from tests.labs.agent import Lab

pytest.importorskip("onnxruntime")
onnx = pytest.importorskip("onnx")

ZOO = Path(bitgauge.benchmarks.zoo.__file__).parent


def model(tmp_path: Path, *, name: str = "x", shape: list[object] | None = None) -> Path:
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    size = shape or ["batch", 4]
    graph = helper.make_graph(
        [helper.make_node("Identity", [name], ["y"])],
        "small",
        [helper.make_tensor_value_info(name, kind, size)],
        [helper.make_tensor_value_info("y", kind, size)],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7)
    path = tmp_path / "model.onnx"
    path.write_bytes(made.SerializeToString())
    return path


def test_the_hand_made_floor_is_valid_onnx() -> None:
    parsed = onnx.load_model_from_string(ort.empty_artifact())
    onnx.checker.check_model(parsed)
    assert [node.op_type for node in parsed.graph.node] == ["Identity"]


def test_specs_say_where_a_call_may_choose(tmp_path: Path) -> None:
    session = ort.load(model(tmp_path), SessionOptions())
    (spec,) = session.input_specs
    assert (spec.name, spec.dtype, spec.shape) == ("x", "float32", (None, 4))


@pytest.mark.parametrize("cut", [10, 60])
def test_a_truncated_model_is_one_sentence(tmp_path: Path, cut: int) -> None:
    path = model(tmp_path)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(BitgaugeError) as caught:
        ort.load(path, SessionOptions())
    assert caught.value.code is Code.BAD_MODEL
    assert caught.value.sentence.startswith("ONNX Runtime says: ")
    assert "[ONNXRuntimeError]" not in caught.value.sentence


def test_what_has_no_kernel_is_unsupported_and_memory_is_memory() -> None:
    class NotImplemented(Exception):
        pass

    said = "[ONNXRuntimeError] : 9 : NOT_IMPLEMENTED : Could not find an implementation for Foo"
    unsupported = ort.explain(NotImplemented(said), loading=True)
    assert unsupported.code is Code.UNSUPPORTED_ARTIFACT
    assert unsupported.sentence == "ONNX Runtime says: Could not find an implementation for Foo."
    memory = ort.explain(RuntimeError("Failed to allocate memory for 5 bytes"), loading=False)
    assert memory.code is Code.OUT_OF_MEMORY
    assert ort.explain(RuntimeError("odd"), loading=False).code is Code.RUN_FAILED


def test_every_option_that_was_given_is_read_back(tmp_path: Path) -> None:
    path = model(tmp_path)
    plain = ort.load(path, SessionOptions(threads=2)).options_set()
    assert plain["intra_op_num_threads"] == "2"
    assert plain["session.force_spinning_stop"] == "1"
    assert plain["graph_optimization_level"] == "ORT_ENABLE_ALL"
    assert plain["provider"] == "CPUExecutionProvider"
    assert all(name.strip("_") == name and len(text) < 40 for name, text in plain.items())
    for option in ort.TRAITS.options:
        assert option.name not in plain
        given = SessionOptions(further=(StackItem(option.name, option.values[0]),))
        assert ort.load(path, given).options_set()[option.name] == option.values[0]
    assert ort.load(path, SessionOptions(arena=False)).options_set()["enable_cpu_mem_arena"] == (
        "False"
    )


async def test_a_batch_that_the_artifact_does_not_take_is_unsupported(
    lab: Lab, tmp_path: Path
) -> None:
    fixed = model(tmp_path, shape=[3, 10], name="input").read_bytes()
    lab.assignment([fixed], runtime="onnxruntime")
    async with lab.agent():
        (report,) = await lab.reports(1)
    assert report.failure is not None
    assert (report.status, report.failure.code) == (RunStatus.UNSUPPORTED, "unsupported_artifact")
    assert "a batch of 3 only" in report.failure.message


async def test_a_real_model_is_measured_in_every_pass(lab: Lab) -> None:
    artifact = (ZOO / "digits-mlp.onnx").read_bytes()
    evaluation = (ZOO / "evaluation.npz").read_bytes()
    job = lab.assignment([artifact, artifact], runtime="onnxruntime", evaluation=evaluation)
    async with lab.agent():
        first, second = await lab.reports(2, timeout_s=120)
    assert (first.failure, second.failure) == (None, None)
    asked = JobSpec("m", job.baseline, (Entry("fp32"),) * 2, job.evaluation)
    took_s = sum(one.ended_unix_ns - one.started_unix_ns for one in (first, second)) / 1e9
    assert 5 < shortest_s(asked) < took_s, "it is a lower bound"
    count = Counter((ref.pass_name.value, ref.role.value) for ref in second.raw)
    assert count == {
        ("quality", "both"): 1,
        ("numerics", "both"): 1,
        ("memory", "floor"): 3,
        ("memory", "baseline"): 3,
        ("memory", "candidate"): 3,
        ("absolute", "floor"): 1,
        ("absolute", "baseline"): 3,
        ("absolute", "candidate"): 3,
        ("pair", "both"): 1,
        ("operators", "baseline"): 1,
        ("operators", "candidate"): 1,
        ("sentinel", "floor"): 1,
    }
    bracket = [
        ref for run in (first, second) for ref in run.raw if ref.pass_name.value == "sentinel"
    ]
    assert [(ref.launch, ref.role.value) for ref in bracket] == [(0, "floor"), (1, "floor")]
    for ref in bracket:
        latencies = sentinel_latencies(read_raw(lab.coordinator.blobs[ref.digest.sha256]))
        assert 0.1e9 < latencies.sum() < 0.4e9
    raws = {
        (ref.pass_name.value, ref.role.value): read_raw(lab.coordinator.blobs[ref.digest.sha256])
        for ref in second.raw
    }
    for (name, role), raw in raws.items():
        told = given_of(raw)
        assert told.seed is not None
        if role == "floor":
            assert told.evaluation_sha256 is None
            continue
        assert told.evaluation_sha256 == job.evaluation.sha256
        assert told.inputs is not None
        assert told.inputs.startswith("pixels float32[1,1,8,8]"), (name, told)
        assert told.session_options is not None
        options = told.session_options.split(", ")
        assert {"intra_op_num_threads=1", "execution_mode=ORT_SEQUENTIAL"} <= set(options)
        assert {"provider=CPUExecutionProvider", "session.force_spinning_stop=1"} <= set(options)
    assert len({given_of(raw).seed for raw in raws.values()}) == len(raws)
    quality = quality_samples(raws["quality", "both"])
    assert quality.labels is not None
    assert (quality.ref_top1 == quality.labels).mean() > 0.94
    assert (quality.ref_top1 == quality.cand_top1).all()
    pair = pair_samples(raws["pair", "both"])
    assert pair.value_ns.size >= 4 * 60
    assert raws["pair", "both"].meta["placements"] > 10
    absolute, cold = absolute_samples(raws["absolute", "candidate"])
    assert absolute.latency_ns.sum() >= 1e9
    assert cold.load_ns > cold.first_inference_ns > 0
    memory = memory_samples(raws["memory", "candidate"])
    floor = memory_samples(raws["memory", "floor"])
    ledger = read_ledger(raws["numerics", "both"])
    assert (ledger.why_not, ledger.exposure, ledger.samples) == ("", "all", 256)
    assert len(ledger.operators) == 3
    need = memory.at("m1").hwm_bytes - memory.at("m0").hwm_bytes
    assert need > floor.at("m1").hwm_bytes - floor.at("m0").hwm_bytes > 0
    stored = [
        read_raw(lab.coordinator.blobs[ref.digest.sha256])
        for ref in second.raw
        if ref.pass_name in (PassName.ABSOLUTE, PassName.NUMERICS)
        and ref.role in (RawRole.CANDIDATE, RawRole.BOTH)
    ]
    facts = RunFacts(
        second.run_id, 1, "fp32", job.profile, job.workload, job.entries[1].artifact, job.baseline
    )
    honest = median_of(stored, facts)
    detail = {item.name: item.value for item in honest.detail}
    assert not {IMPOSSIBLE, ANOMALOUS} & set(honest.flags)
    assert 1e6 < float(detail["flops_per_s"]) < 0.9 * float(detail["flops_anchor_per_s"])
    assert all(row.weight_bytes for row in ledger.operators)
    assert "cache" in detail["bytes_unchecked"], "they fit in it, or nobody tells its size"
    forged = median_of([forged_ns(raw, 1) for raw in stored], facts)
    assert forged.value == 1
    assert ANOMALOUS in forged.flags or "beyond_unchecked" in {one.name for one in forged.detail}


def median_of(raws: list[RawFile], facts: RunFacts) -> MetricValue:
    return next(one for one in analyse(raws, facts) if one.key == "latency_p50_ns")


def forged_ns(raw: RawFile, latency_ns: int) -> RawFile:
    """The raw file with every single latency set to this, on a clock that could tell it."""
    if "latency_ns" not in raw.arrays or raw.meta["pass_name"] != "absolute":
        return raw
    latency = np.full_like(raw.arrays["latency_ns"], latency_ns)
    meta = {**raw.meta, "clock_resolution_ns": 1}
    return RawFile(meta, {**raw.arrays, "latency_ns": latency})


def test_the_hand_made_sentinel_is_valid_onnx(tmp_path: Path) -> None:
    parsed = onnx.load_model_from_string(ort.sentinel_artifact())
    onnx.checker.check_model(parsed, full_check=True)
    path = tmp_path / "sentinel.onnx"
    path.write_bytes(ort.sentinel_artifact())
    session = ort.load(path, SessionOptions())
    (output,) = session.run(Batches(None, session.input_specs, 1).first())
    assert output.shape == (64, 256)
    assert (output == 1).all()


def only_quality(entry: AssignedEntry, baseline: Digest, *_: object, **__: object) -> object:
    pair = (baseline,) if entry.index == 0 else (baseline, entry.artifact)
    return (PassPlan(PassName.QUALITY, 0, RawRole.BOTH, pair, (entry.runtime,) * len(pair)),)


def sentinels(report: RunReport) -> list[int]:
    return [ref.launch for ref in report.raw if ref.pass_name is PassName.SENTINEL]


async def test_each_lease_has_its_own_bracket(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bitgauge.agents.execution.run.plan_passes", only_quality)
    artifact = (ZOO / "digits-mlp.onnx").read_bytes()
    evaluation = (ZOO / "evaluation.npz").read_bytes()
    lab.assignment([artifact] * 3, runtime="onnxruntime", evaluation=evaluation)
    async with lab.agent():
        reports = await lab.reports(3, timeout_s=60)
        assert [sentinels(report) for report in reports] == [[0], [], [1]]
        # A lease that goes on where another ended brackets what is left; entry 0 is shared.
        lab.coordinator.reports.clear()
        done = dataclasses.replace(
            AssignedEntry(0, "fp32", lab.coordinator.put(artifact)),
            accepted=True,
            raw=reports[0].raw,
        )
        left = AssignedEntry(1, "fp32", done.artifact)
        lab.assignment(
            [artifact], runtime="onnxruntime", evaluation=evaluation, entries=(done, left)
        )
        (report,) = await lab.reports(1, timeout_s=60)
        assert sentinels(report) == [0, 1]


async def test_a_sentinel_that_fails_takes_no_result_along(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bitgauge.agents.execution.run.plan_passes", only_quality)
    monkeypatch.setattr(ort, "TRAITS", replace(ort.TRAITS, sentinel=lambda: b"no model"))
    artifact = (ZOO / "digits-mlp.onnx").read_bytes()
    evaluation = (ZOO / "evaluation.npz").read_bytes()
    lab.assignment([artifact], runtime="onnxruntime", evaluation=evaluation)
    async with lab.agent():
        (report,) = await lab.reports(1, timeout_s=60)
    assert (report.status, report.failure) == (RunStatus.MEASURED, None)
    assert [ref.pass_name for ref in report.raw] == [PassName.QUALITY]


@pytest.mark.parametrize(
    ("passes", "found"), [((PassName.PAIR,), []), ((PassName.PAIR, PassName.SENTINEL), [0, 1])]
)
async def test_a_job_of_single_passes_asks_for_its_sentinel(
    lab: Lab, passes: tuple[PassName, ...], found: list[int]
) -> None:
    artifact = (ZOO / "digits-mlp.onnx").read_bytes()
    evaluation = (ZOO / "evaluation.npz").read_bytes()
    lab.assignment([artifact], runtime="onnxruntime", evaluation=evaluation, passes=passes)
    async with lab.agent():
        (report,) = await lab.reports(1, timeout_s=60)
    assert report.status is RunStatus.MEASURED
    assert sentinels(report) == found
