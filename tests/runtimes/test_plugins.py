"""A runtime is one file: from a temporary folder it runs a job and reaches the table.

An entry may name another one, and an artifact for the wrong one is refused at submission. One agent
has them all, and whatever library of a runtime is installed.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from bitgauge.benchmarks import zoo
from bitgauge.benchmarks.common.plugins import PLUGIN_PATH
from bitgauge.benchmarks.vocabulary.enums import Capability, CellState, JobState, PassName
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code
from bitgauge.benchmarks.vocabulary.reasons import INSUFFICIENT_SAMPLES, INVALID_DISCARDED
from bitgauge.benchmarks.vocabulary.values.jobs import Entry, JobSpec, Selector
from bitgauge.benchmarks.vocabulary.values.rows import TableQuery, TableRow
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue, RawRef
from bitgauge.coordinator.client.client import Client
from bitgauge.coordinator.client.upload import local_file, upload
from onnxruntime.quantization import quantize_dynamic

from tests.labs.adding import write_examples
from tests.processes.bench import AGENT, BRIEF, wait_for_device
from tests.processes.conftest import BITGAUGE, Up, environment

pytestmark = pytest.mark.timeout(240)

NAME = "plugged"
MLP = next(one for one in zoo.models() if one.name == "digits-mlp")
RUNTIME = """
\"\"\"A runtime of somebody's own: all of ONNX Runtime's graph work switched off.\"\"\"

from bitgauge.agents.runtimes.base import Traits
from bitgauge.agents.runtimes.ort import empty_artifact, load, prepare
from bitgauge.benchmarks.vocabulary.values.devices import RuntimeDescription

NAME = "plainort"
RANK = 90
HINT = "pip install onnxruntime"
TRAITS = Traits(("onnx",))


def probe():
    return RuntimeDescription(name=NAME, version="7.5")
"""
ALONE = RUNTIME.replace("plainort", "loneort").replace('("onnx",)', '("onnx",), alone=True')


@dataclass(frozen=True)
class Bench:
    """A coordinator, and an agent whose plug-ins are its own; what the agent says goes to `log`."""

    up: Up
    log: Path

    def measured(
        self,
        client: Client,
        model: str,
        baseline: Path,
        entries: Sequence[Entry | Path],
        **more: Any,
    ) -> tuple[str, list[TableRow]]:
        """A job's id and rows once it has finished; a path is an entry of its own, by file name."""
        evaluation = local_file(more.pop("evaluation", zoo.evaluation_path()))
        files = {one: local_file(one) for one in (baseline, *entries) if isinstance(one, Path)}
        upload(client, [*files.values(), evaluation])
        spec = JobSpec(
            model_name=model,
            baseline=files[baseline].digest,
            entries=tuple(
                Entry("", files[one].digest, one.name) if isinstance(one, Path) else one
                for one in entries
            ),
            evaluation=evaluation.digest,
            selector=Selector(device=NAME),
            **{"overrides": BRIEF, **more},
        )
        job_id = client.submit(spec).job_id
        *_, last = client.watch(job_id[:13])
        assert last.state is JobState.FINISHED, last
        return job_id, list(client.table(TableQuery(job_id=job_id)))


@pytest.fixture(scope="module")
def bench(up: Up, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("plugged")
    plugins = write_examples(folder / "plug")
    for name, text in (
        ("plainort", RUNTIME),
        ("loneort", ALONE),
        ("broken", "import nothing_of_that_name\n"),
    ):
        (plugins / f"runtimes/{name}.py").write_text(text)
    token = up.home / "tokens/agent"
    log = folder / "agent.log"
    with log.open("w") as said:
        agent = subprocess.Popen(
            [AGENT, "run", "--coordinator", up.address, "--name", NAME, "--token-file", token],
            env={**environment(folder / "agent-home"), PLUGIN_PATH: str(plugins)},
            stdout=said,
            stderr=said,
        )
    try:
        wait_for_device(up, NAME)
        yield Bench(up, log)
    finally:
        agent.terminate()
        code = agent.wait(timeout=20)
    assert code == 0
    assert "Traceback" not in log.read_text()


def is_told(metric: MetricValue) -> bool:
    """Whether there is a number, or what a busy machine left is too little for one."""
    return metric.value is not None or metric.reason in (INSUFFICIENT_SAMPLES, INVALID_DISCARDED)


def test_a_runtime_from_a_temporary_folder_runs_a_job(bench: Bench) -> None:
    model = zoo.models()[0].path
    digest = local_file(model).digest
    entries = (Entry("fp32", digest), Entry("fp32", digest, "beside", runtime="onnxruntime"))
    with bench.up.client() as client:
        _, rows = bench.measured(client, "plugged-model", model, entries, runtime="plainort")
    assert {row.runtime for row in rows} == {"plainort", "onnxruntime"}
    for row in rows:
        assert row.state is CellState.MEASURED
        assert is_told(row.metric("latency_p50_ns"))
    (beside,) = (row for row in rows if row.runtime == "onnxruntime")
    assert is_told(beside.metric("latency_ratio")), "each in its own runtime, in one child"
    said = bench.log.read_text()
    assert "broken" in said
    assert "nothing_of_that_name" in said


def test_an_artifact_for_the_wrong_runtime_is_refused(bench: Bench, tmp_path: Path) -> None:
    lite = tmp_path / "m.tflite"
    lite.write_bytes(b"\x1c\0\0\0TFL3rest")
    with bench.up.client() as client:
        wrong = local_file(lite)
        upload(client, [wrong])
        entry = Entry("", wrong.digest, lite.name, runtime="plainort")
        with pytest.raises(BitgaugeError) as caught:
            bench.measured(client, "m", zoo.models()[0].path, [entry], runtime="plainort")
    assert caught.value.code is Code.WRONG_ARTIFACT_KIND
    assert caught.value.sentence == (
        "Artifact m.tflite is of kind tflite, and plainort takes onnx; litert and plainlite take"
        " it, name one with --runtime."
    )


def test_a_runtime_that_is_alone_takes_turns_with_the_reference(bench: Bench) -> None:
    model = zoo.models()[0].path
    digest = local_file(model).digest
    entries = (Entry("fp32", digest), Entry("fp32", digest, "lone", runtime="loneort"))
    brief = replace(BRIEF, budget_ms=50)
    with bench.up.client() as client:
        job_id, rows = bench.measured(
            client, "apart-model", model, entries, runtime="onnxruntime", overrides=brief
        )
        runs = {run.entry_index: run for run in client.runs(job_id)}
        runtimes = [one for view in client.devices() for one in view.description.runtimes]
    (lone,) = (one for one in runs[1].metrics if one.key == "latency_ratio")
    roles = _pair_roles(runs[1].raw)
    assert len(roles) == 8
    assert {tuple(roles[at : at + 4]) for at in (0, 4)} <= {
        ("baseline", "candidate", "candidate", "baseline"),
        ("candidate", "baseline", "baseline", "candidate"),
    }
    assert lone.value, lone.reason
    assert "apart" in lone.flags
    told = {item.name: item.value for item in lone.detail}
    assert (told["launches"], told["degrees_of_freedom"]) == ("8", "1")
    (row,) = (one for one in rows if one.runtime == "loneort")
    assert "apart" in row.metric("latency_ratio").flags
    (advertised,) = (one for one in runtimes if one.name == "loneort")
    assert Capability.ALONE in advertised.capabilities


def _pair_roles(raw: tuple[RawRef, ...]) -> list[str]:
    pairs = [ref for ref in raw if ref.pass_name is PassName.PAIR]
    return [ref.role.value for ref in sorted(pairs, key=lambda ref: ref.launch)]


@pytest.mark.parametrize(
    ("runtime", "kind", "library"),
    [("litert", "tflite", "ai_edge_litert"), ("torch", "pt2", "torch")],
)
def test_a_file_of_another_runtime_is_held_against_the_onnx_baseline(
    bench: Bench, runtime: str, kind: str, library: str
) -> None:
    """Nobody says which runtime where one alone takes it; select names both."""
    pytest.importorskip(library, reason=f"NOT RUN: pip install 'bitgauge[{runtime}]'")
    path = MLP.form(kind)
    model = f"{kind}-model"
    several = runtime if kind == "tflite" else ""  # a plug-in of the agent takes it too
    with bench.up.client() as client:
        file = local_file(path)
        upload(client, [file])
        entry = Entry("", file.digest, path.name, runtime=several)
        _, rows = bench.measured(client, model, MLP.path, [entry])
    found = {row.runtime: row for row in rows}
    row = found[runtime]
    told = (row.state, row.reference, row.recipe)
    assert told == (CellState.MEASURED, "onnxruntime", "fp32"), row.reason
    assert is_told(row.metric("latency_ratio")), "both in one child"
    assert row.metric("accuracy_delta_pp").value == pytest.approx(0, abs=0.2)
    assert row.metric("numerics_nonfinite_count").value == 0
    assert found["onnxruntime"].is_baseline
    words = ("--model", model, "--model-class", "mlp", "--hardware", "cpu_only", "--any-accuracy")
    asked = bench.up.bitgauge("select", *words)
    assert f"fp32 {path.name} {file.digest.short} on {runtime}" in asked.stdout


FUNCTION = """
import torch

class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(1)
        self.layer = torch.nn.Linear(64, 10)

    def forward(self, pixels):
        return {"logits": self.layer(pixels.flatten(1))}

def net():
    return Net(), {"pixels": torch.zeros(2, 1, 8, 8)}
"""


@pytest.mark.timeout(600)
def test_a_function_of_the_users_is_measured_where_he_trusts_it(
    bench: Bench, tmp_path: Path
) -> None:
    """Nobody names the runtime: one takes the program that comes of it."""
    pytest.importorskip("torch", reason="NOT RUN: pip install 'bitgauge[torch]'")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/nets.py").write_text(FUNCTION)

    def typed(*more: str) -> subprocess.CompletedProcess[str]:
        words = ["run", "--baseline", "mine.nets:net", "--eval", str(zoo.evaluation_path())]
        words += ["--recipes", "fp32", "--launches", "1", "--budget", "500ms", *more]
        return subprocess.run(
            [BITGAUGE, *words, "--on", NAME, "--json", "--coordinator", bench.up.address],
            env=environment(bench.up.home),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )

    refused = typed()
    assert refused.returncode == 2
    assert "mine.nets:net is Python code, which would run on this machine" in refused.stderr
    assert "say --trusted if it may" in refused.stderr
    assert "Traceback" not in refused.stderr
    done = typed("--trusted")
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(done.stdout)["rows"]
    assert (row["model_name"], row["runtime"], row["recipe"]) == ("net", "torch", "fp32")
    assert row["state"] == "measured"
    told = {one["key"]: one.get("value") for one in row["metrics"]}
    assert told["latency_p50_ns"]
    assert told["accuracy_pct"] is not None


def test_the_examples_of_the_documentation_reach_the_table(bench: Bench, tmp_path: Path) -> None:
    """A file format, a runtime, a kind of artifact that nobody knew before, and what builds it."""
    rng = np.random.default_rng(5)
    matrix = tmp_path / "m.linear"
    matrix.write_text(json.dumps({"linear": rng.normal(size=(4, 3)).tolist()}))
    evaluation = tmp_path / "e.npz"
    arrays: dict[str, Any] = {
        "schema": "bitgauge.eval/1",
        "ids": np.arange(200),
        "labels": rng.integers(0, 3, 200),
        "inputs/x": rng.normal(size=(200, 4)).astype(np.float32),
    }
    np.savez(evaluation, **arrays)
    entries = (matrix, Entry("fp16"))
    with bench.up.client() as client:
        _, rows = bench.measured(
            client, "matrix", matrix, entries, runtime="matrix", evaluation=evaluation
        )
    assert {row.recipe for row in rows} == {"fp32", "fp16"}
    for row in rows:
        assert (row.runtime, row.state) == ("matrix", CellState.MEASURED), row.reason
        assert is_told(row.metric("latency_p50_ns"))
        assert row.metric("accuracy_pct").value
    # The other recipe was built in the environment of its builder, which was made for it.
    assert list((bench.up.home / "environments").glob("halves-*/environment.json"))


def test_the_runtime_of_the_documentation_runs_a_job_from_its_folder(bench: Bench) -> None:
    lite = MLP.form("tflite")
    with bench.up.client() as client:
        _, (row,) = bench.measured(client, "plain-model", lite, [lite], runtime="plainlite")
    assert (row.runtime, row.recipe, row.state) == ("plainlite", "fp32", CellState.MEASURED)
    known = zoo.known_accuracy(MLP.name) * 100
    assert row.metric("accuracy_pct").value == pytest.approx(known, abs=0.2)


def test_two_files_of_one_recipe_are_two_rows_that_are_named_by_label_and_digest(
    bench: Bench, tmp_path: Path
) -> None:
    files = [tmp_path / "a.onnx", tmp_path / "b.onnx"]
    for path in files:
        quantize_dynamic(str(zoo.models()[0].path), str(path))
        model = onnx.load(str(path))
        model.producer_name = path.stem
        onnx.save(model, str(path))
    with bench.up.client() as client:
        bench.measured(client, "own-model", zoo.models()[0].path, files, runtime="plainort")
        own = [local_file(path) for path in files]
        rows = {row.label: row for row in client.table(TableQuery(model_name="own-model"))}
        assert set(rows) == {"", "a.onnx", "b.onnx"}
        assert {rows[one.path.name].artifact for one in own} == {one.digest for one in own}
        assert {rows[one.path.name].recipe for one in own} == {"int8-dynamic"}
        (short,) = client.table(TableQuery(artifact=own[1].digest.short))
        assert short == rows["b.onnx"]
        assert client.run("a.onnx").run_id == rows["a.onnx"].run_id
    printed = bench.up.bitgauge("table", "--rows", "--model", "own-model").stdout
    for one in own:
        assert f"{one.path.name} {one.digest.short}" in printed
    compared = bench.up.bitgauge("compare", "a.onnx", own[1].digest.short).stdout
    assert "b.onnx" in compared
