"""What the words of `run` ask for."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from bitgauge.benchmarks import zoo
from bitgauge.benchmarks.quality.made import made_inputs
from bitgauge.benchmarks.quality.sets import encoded_set
from bitgauge.benchmarks.vocabulary.enums import (
    HardwareClass,
    Scenario,
)
from bitgauge.benchmarks.vocabulary.errors import BadInput
from bitgauge.benchmarks.vocabulary.recipes import DEFAULT_RECIPES
from bitgauge.benchmarks.vocabulary.values.devices import StackItem
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import (
    JobSpec,
    Selector,
    Workload,
)
from bitgauge.coordinator.cli.app import run_command_line
from bitgauge.coordinator.cli.orders import (
    entries_of,
    jobs_of,
    parse_batches,
    parse_dims,
    parse_recipes,
    parse_selector,
    request_of,
)
from bitgauge.coordinator.client.upload import LocalFile
from bitgauge.coordinator.models.recognise import inspect_model

from tests.labs.rooms.orders import FakeClient


def test_without_a_set_inputs_are_made_from_the_signature(
    fake: FakeClient, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (model,) = (one for one in zoo.models() if one.name == "digits-mlp")
    words = ["run", "--baseline", str(model.path), "--recipes", "fp16"]
    assert run_command_line(words) == 0
    assert "accuracy and numerics are not judged" in capsys.readouterr().err
    content = encoded_set(made_inputs(inspect_model(model.path).inputs, {}))
    (spec,) = fake.specs
    assert spec.evaluation.sha256 == hashlib.sha256(content).hexdigest()
    assert spec.evaluation in fake.known


def test_selectors() -> None:
    assert parse_selector(["rpi5"]) == Selector(device="rpi5")
    words = ["class:edge-arm", "tag:rack=3", "tag:slot=", "runtime:litert", "memory:2GiB"]
    assert parse_selector(words) == Selector(
        hardware_class=HardwareClass.EDGE_ARM,
        runtime="litert",
        min_memory_bytes=2 << 30,
        tags=(StackItem("rack", "3"), StackItem("slot", "")),
    )
    for bad, expected in (
        (["clas:cpu_only"], "did you mean class"),
        (["class:cpu"], "did you mean cpu_only"),
        (["tag:rack"], "not tag:KEY=VALUE"),
        (["a", "name:b"], "gives name twice"),
        (["class:"], "names nothing"),
    ):
        with pytest.raises(BadInput, match=expected):
            parse_selector(bad)


def test_recipes_and_batches() -> None:
    assert parse_recipes("", calibrated=False) == ()
    assert parse_recipes("fp16, int8-dynamic,fp16", calibrated=False) == ("fp16", "int8-dynamic")
    for calibrated in (True, False):
        assert len(parse_recipes("all", calibrated=calibrated)) == len(DEFAULT_RECIPES)
    lite = zoo.models()[0].path.with_suffix(".tflite")
    assert parse_recipes("all,fp16", None, lite, calibrated=True) == ("all", "fp16")
    onnx = parse_recipes("all", None, zoo.models()[0].path, calibrated=True)
    assert len(onnx) == len(DEFAULT_RECIPES)
    both = parse_recipes("fp16@litert, all@*,fp16", calibrated=False)
    assert both == ("fp16@litert", "all@*", "fp16")
    with pytest.raises(BadInput, match="int8-static-s8s8-pc@litert needs a calibration set"):
        parse_recipes("int8-static-s8s8-pc@litert", calibrated=False)
    with pytest.raises(BadInput, match="int8-static-u8s8-pc needs a calibration set"):
        parse_recipes("fp16,int8-static-u8s8-pc", calibrated=False)
    with pytest.raises(BadInput, match="nearest known spelling"):
        parse_recipes("int8-dynamik", calibrated=True)
    kept = parse_recipes("fp16,int8-dynamic", ["b", "a,c"], calibrated=True)
    assert kept == ("fp16", "int8-dynamic+a%2Cc+b")
    assert parse_recipes(",".join(kept), ["b"], calibrated=True) == kept
    assert parse_recipes("int8-dynamic@litert", ["b"], calibrated=True) == (
        "int8-dynamic+b@litert",
    )
    with pytest.raises(BadInput, match="what another may be made of; name the recipes"):
        parse_recipes("all@litert", ["b"], calibrated=True)
    assert parse_batches(["64", "1,64"]) == (64, 1)
    for bad in ("0", "x", "1,", "-1", "1.5"):
        with pytest.raises(BadInput, match="not a whole number"):
            parse_batches([bad])


def test_one_batch_keeps_its_idempotency_key() -> None:
    baseline = LocalFile(Path("m.onnx"), Digest("a" * 64, 1))
    asked = JobSpec(
        model_name="m",
        baseline=baseline.digest,
        entries=entries_of(baseline, (), ("fp32", "fp16")),
        evaluation=Digest("b" * 64, 1),
        idempotency_key="mine",
    )
    (spec,) = jobs_of(asked, (1,))
    assert spec.idempotency_key == "mine"
    assert [entry.recipe for entry in spec.entries] == ["fp32", "fp16"]


def test_named_axes_are_sorted_pairs() -> None:
    told = (StackItem("S", "16"), StackItem("T=1", "4"))
    assert parse_dims(["T=1=4", "S=16"]) == parse_dims([" S = 16,T=1=4"]) == told
    assert parse_dims([]) == ()
    for bad in ("S", "S=", "=4", "S=0", "S=x", "S=-1", "a b=3", "S=1,S=2", ""):
        with pytest.raises(BadInput, match="--dim"):
            parse_dims([bad])


def test_a_request_is_asked_for_in_its_scenario_alone() -> None:
    assert request_of(Scenario.LLM, 2, None, None) == Workload(Scenario.LLM, 1, 2, 128, 32)
    assert request_of(Scenario.LLM, 1, 7, 3) == Workload(Scenario.LLM, 1, 1, 7, 3)
    assert request_of(Scenario.OFFLINE, 1, None, None) == Workload(Scenario.OFFLINE)
    for tokens in ((1, None), (None, 1)):
        with pytest.raises(BadInput, match="give --scenario llm too"):
            request_of(Scenario.SINGLE_STREAM, 1, *tokens)
