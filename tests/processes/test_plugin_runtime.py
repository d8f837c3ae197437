"""A runtime is one file: one from a temporary folder runs a job and reaches the table.

An entry may name another one, and an artifact for the wrong one is refused at submission.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from bitgauge.benchmarks import zoo
from bitgauge.benchmarks.common.plugins import PLUGIN_PATH
from bitgauge.benchmarks.vocabulary.enums import Capability, CellState, JobState, PassName
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code
from bitgauge.benchmarks.vocabulary.values.jobs import Entry, JobSpec, Selector
from bitgauge.benchmarks.vocabulary.values.rows import TableQuery
from bitgauge.benchmarks.vocabulary.values.runs import RawRef
from bitgauge.coordinator.client.upload import local_file, upload
from onnxruntime.quantization import quantize_dynamic

from tests.labs.adding import write_examples

from .bench import AGENT, BRIEF
from .conftest import Up, environment

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


@contextlib.contextmanager
def plugged(up: Up, name: str, folder: Path, plugins: Path) -> Iterator[list[str]]:
    """An agent with plug-ins of its own has registered; at its end, what it said."""
    token = up.home / "tokens/agent"
    agent = subprocess.Popen(
        [AGENT, "run", "--coordinator", up.address, "--name", name, "--token-file", token],
        env={**environment(folder / "agent-home"), PLUGIN_PATH: str(plugins)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    said: list[str] = []
    try:
        _wait_for_device(up, name)
        yield said
    finally:
        agent.terminate()
        said.append(agent.communicate(timeout=20)[0])
    assert agent.returncode == 0
    assert "Traceback" not in said[0]


@pytest.mark.timeout(120)
def test_a_runtime_from_a_temporary_folder_runs_a_job(up: Up, tmp_path: Path) -> None:
    (tmp_path / "plug/runtimes").mkdir(parents=True)
    (tmp_path / "plug/runtimes/plainort.py").write_text(RUNTIME)
    (tmp_path / "plug/runtimes/broken.py").write_text("import nothing_of_that_name\n")
    with plugged(up, "plugged", tmp_path, tmp_path / "plug") as said, up.client() as client:
        model = local_file(zoo.models()[0].path)
        evaluation = local_file(zoo.evaluation_path())
        upload(client, [model, evaluation])
        job_id = client.submit(
            JobSpec(
                model_name="plugged-model",
                baseline=model.digest,
                entries=(
                    Entry("fp32", model.digest),
                    Entry("fp32", model.digest, "beside", runtime="onnxruntime"),
                ),
                evaluation=evaluation.digest,
                runtime="plainort",
                selector=Selector(device="plugged"),
                overrides=BRIEF,
            )
        ).job_id
        *_, last = client.watch(job_id)
        assert last.state is JobState.FINISHED
        rows = client.table(TableQuery(job_id=job_id))
        assert {row.runtime for row in rows} == {"plainort", "onnxruntime"}
        for row in rows:
            assert row.state is CellState.MEASURED
            assert row.metric("latency_p50_ns").value
        (beside,) = (row for row in rows if row.runtime == "onnxruntime")
        assert beside.metric("latency_ratio").value, "each in its own runtime, in one child"
        lite = tmp_path / "m.tflite"
        lite.write_bytes(b"\x1c\0\0\0TFL3rest")
        wrong = local_file(lite)
        upload(client, [wrong])
        with pytest.raises(BitgaugeError) as caught:
            client.submit(
                JobSpec(
                    model_name="plugged-model",
                    baseline=model.digest,
                    entries=(Entry("", wrong.digest, "m.tflite", runtime="plainort"),),
                    evaluation=evaluation.digest,
                    runtime="plainort",
                )
            )
        assert caught.value.code is Code.WRONG_ARTIFACT_KIND
        assert caught.value.sentence == (
            "Artifact m.tflite is of kind tflite, and plainort takes onnx."
        )
    assert "broken" in said[0]
    assert "nothing_of_that_name" in said[0]


@pytest.mark.timeout(240)
def test_a_runtime_that_is_alone_takes_turns_with_the_reference(up: Up, tmp_path: Path) -> None:
    (tmp_path / "plug/runtimes").mkdir(parents=True)
    alone = RUNTIME.replace('Traits(("onnx",))', 'Traits(("onnx",), alone=True)')
    (tmp_path / "plug/runtimes/loneort.py").write_text(alone.replace("plainort", "loneort"))
    with plugged(up, "apart", tmp_path, tmp_path / "plug"), up.client() as client:
        model = local_file(zoo.models()[0].path)
        evaluation = local_file(zoo.evaluation_path())
        upload(client, [model, evaluation])
        job_id = client.submit(
            JobSpec(
                model_name="apart-model",
                baseline=model.digest,
                entries=(
                    Entry("fp32", model.digest),
                    Entry("fp32", model.digest, "lone", runtime="loneort"),
                ),
                evaluation=evaluation.digest,
                runtime="onnxruntime",
                selector=Selector(device="apart"),
                overrides=replace(BRIEF, budget_ms=50),
            )
        ).job_id
        *_, last = client.watch(job_id)
        assert last.state is JobState.FINISHED
        runs = {run.entry_index: run for run in client.runs(job_id)}
        (lone,) = (one for one in runs[1].metrics if one.key == "latency_ratio")
        roles = _pair_roles(runs[1].raw)
        assert len(roles) == 8
        assert {tuple(roles[at : at + 4]) for at in (0, 4)} <= {
            ("baseline", "candidate", "candidate", "baseline"),
            ("candidate", "baseline", "baseline", "candidate"),
        }
        assert lone.value, lone.reason
        assert "apart" in lone.flags
        said = {item.name: item.value for item in lone.detail}
        assert (said["launches"], said["degrees_of_freedom"]) == ("8", "1")
        (row,) = (
            one for one in client.table(TableQuery(job_id=job_id)) if one.runtime == "loneort"
        )
        assert "apart" in row.metric("latency_ratio").flags
        (advertised,) = (
            one
            for view in client.devices()
            for one in view.description.runtimes
            if one.name == "loneort"
        )
        assert Capability.ALONE in advertised.capabilities


def _pair_roles(raw: tuple[RawRef, ...]) -> list[str]:
    pairs = [ref for ref in raw if ref.pass_name is PassName.PAIR]
    return [ref.role.value for ref in sorted(pairs, key=lambda ref: ref.launch)]


@pytest.mark.timeout(120)
def test_a_tflite_file_is_held_against_the_onnx_baseline(up: Up, tmp_path: Path) -> None:
    """Nobody says which runtime: the one that takes it; select names both."""
    pytest.importorskip("ai_edge_litert", reason="NOT RUN: pip install 'bitgauge[litert]'")
    from tests.labs.graphs import lite

    path = tmp_path / "digits.tflite"
    path.write_bytes(lite.mlp().encoded())
    model = next(one for one in zoo.models() if one.name == "digits-mlp")
    with plugged(up, "lite", tmp_path, tmp_path) as said, up.client() as client:
        files = [local_file(one) for one in (model.path, path, zoo.evaluation_path())]
        upload(client, files)
        job_id = client.submit(
            JobSpec(
                model_name="lite-model",
                baseline=files[0].digest,
                entries=(Entry("", files[1].digest, path.name),),
                evaluation=files[2].digest,
                selector=Selector(device="lite"),
                overrides=BRIEF,
            )
        ).job_id
        *_, last = client.watch(job_id)
        assert last.state is JobState.FINISHED
        rows = {row.runtime: row for row in client.table(TableQuery(job_id=job_id))}
        row = rows["litert"]
        assert (row.state, row.reference, row.recipe) == (
            CellState.MEASURED,
            "onnxruntime",
            "fp32",
        ), row.reason
        assert row.metric("latency_ratio").value, "both in one child"
        assert row.metric("accuracy_delta_pp").value == pytest.approx(0, abs=0.2)
        assert rows["onnxruntime"].is_baseline
        asked = up.bitgauge(
            "select",
            "--model",
            "lite-model",
            "--model-class",
            "mlp",
            "--hardware",
            "cpu_only",
            "--any-accuracy",
        )
        assert f"fp32 {path.name} {files[1].digest.short} on litert" in asked.stdout
    assert "Traceback" not in said[0]


@pytest.mark.timeout(120)
def test_the_examples_of_the_documentation_reach_the_table(up: Up, tmp_path: Path) -> None:
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
    plugins = write_examples(tmp_path / "plug")
    with plugged(up, "shown", tmp_path, plugins), up.client() as client:
        model, sets = local_file(matrix), local_file(evaluation)
        upload(client, [model, sets])
        job_id = client.submit(
            JobSpec(
                model_name="matrix",
                baseline=model.digest,
                entries=(Entry("", model.digest, "m.linear"), Entry("fp16")),
                evaluation=sets.digest,
                runtime="matrix",
                selector=Selector(device="shown"),
                overrides=BRIEF,
            )
        ).job_id
        *_, last = client.watch(job_id)
        assert last.state is JobState.FINISHED, last
        rows = {row.recipe: row for row in client.table(TableQuery(job_id=job_id))}
        assert set(rows) == {"fp32", "fp16"}
        for row in rows.values():
            assert (row.runtime, row.state) == ("matrix", CellState.MEASURED), row.reason
            assert row.metric("latency_p50_ns").value
            assert row.metric("accuracy_pct").value
    # The other recipe was built in the environment of its builder, which was made for it.
    assert list((up.home / "environments").glob("halves-*/environment.json"))


@pytest.mark.timeout(120)
def test_the_runtime_of_the_documentation_runs_a_job_from_its_folder(
    up: Up, tmp_path: Path
) -> None:
    (mlp, *_) = zoo.models()
    with plugged(up, "plain", tmp_path, write_examples(tmp_path / "plug")), up.client() as client:
        model, sets = local_file(mlp.form("tflite")), local_file(zoo.evaluation_path())
        upload(client, [model, sets])
        job_id = client.submit(
            JobSpec(
                model_name="plain-model",
                baseline=model.digest,
                entries=(Entry("", model.digest, "again"),),
                evaluation=sets.digest,
                runtime="plainlite",
                selector=Selector(device="plain"),
                overrides=BRIEF,
            )
        ).job_id
        *_, last = client.watch(job_id)
        assert last.state is JobState.FINISHED, last
        (row,) = client.table(TableQuery(job_id=job_id))
        assert (row.runtime, row.recipe, row.state) == ("plainlite", "fp32", CellState.MEASURED)
        known = zoo.known_accuracy(mlp.name) * 100
        assert row.metric("accuracy_pct").value == pytest.approx(known, abs=0.2)


def _wait_for_device(up: Up, name: str) -> None:
    deadline = time.monotonic() + 30
    with up.client() as client:
        while not any(view.description.name == name for view in client.devices()):
            assert time.monotonic() < deadline, "the agent did not register"
            time.sleep(0.1)


@pytest.mark.timeout(120)
def test_two_files_of_one_recipe_are_two_rows_that_are_named_by_label_and_digest(
    up: Up, tmp_path: Path
) -> None:
    (tmp_path / "plug/runtimes").mkdir(parents=True)
    (tmp_path / "plug/runtimes/plainort.py").write_text(RUNTIME)
    files = [tmp_path / "a.onnx", tmp_path / "b.onnx"]
    for path in files:
        quantize_dynamic(str(zoo.models()[0].path), str(path))
        model = onnx.load(str(path))
        model.producer_name = path.stem
        onnx.save(model, str(path))
    with plugged(up, "own", tmp_path, tmp_path / "plug"), up.client() as client:
        baseline, evaluation = local_file(zoo.models()[0].path), local_file(zoo.evaluation_path())
        own = [local_file(path) for path in files]
        upload(client, [baseline, evaluation, *own])
        spec = JobSpec(
            model_name="own-model",
            baseline=baseline.digest,
            entries=tuple(Entry("", one.digest, one.path.name) for one in own),
            evaluation=evaluation.digest,
            runtime="plainort",
            selector=Selector(device="own"),
            overrides=BRIEF,
        )
        job_id = client.submit(spec).job_id
        *_, last = client.watch(job_id[:13])
        assert last.state is JobState.FINISHED
        rows = {row.label: row for row in client.table(TableQuery(model_name="own-model"))}
        assert set(rows) == {"", "a.onnx", "b.onnx"}
        assert {rows[one.path.name].artifact for one in own} == {one.digest for one in own}
        assert {rows[one.path.name].recipe for one in own} == {"int8-dynamic"}
        (short,) = client.table(TableQuery(artifact=own[1].digest.short))
        assert short == rows["b.onnx"]
        assert client.run("a.onnx").run_id == rows["a.onnx"].run_id
        printed = up.bitgauge("table", "--rows", "--model", "own-model").stdout
        for one in own:
            assert f"{one.path.name} {one.digest.short}" in printed
        compared = up.bitgauge("compare", "a.onnx", own[1].digest.short).stdout
        assert "b.onnx" in compared
