"""The examples of `docs/adding.md`, each from a temporary folder, as a reader would try them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from bitgauge.agents import registry as agent
from bitgauge.agents.meters.base import MeterLost
from bitgauge.agents.runtimes.base import RuntimeModule, SessionOptions
from bitgauge.benchmarks import zoo
from bitgauge.benchmarks.common.plugins import PLUGIN_PATH
from bitgauge.benchmarks.quality.sets import InputSpec
from bitgauge.benchmarks.quality.tasks.registry import kind_named
from bitgauge.benchmarks.vocabulary.errors import BadInput
from bitgauge.benchmarks.vocabulary.recipes import parse
from bitgauge.coordinator.builders import registry as builders
from bitgauge.coordinator.builders.base import BuildRequest, Unsupported
from bitgauge.coordinator.cli.app import run_command_line
from bitgauge.coordinator.environments.definition import definition
from bitgauge.coordinator.environments.making import MakingTerms, in_environment
from bitgauge.coordinator.environments.shelf import Shelf
from bitgauge.coordinator.exports.formats import registry as exporters
from bitgauge.coordinator.models import recognise
from bitgauge.coordinator.sets.base import SetOptions
from bitgauge.coordinator.sets.make import make_sets

from tests.contracts import test_device, test_runtime
from tests.labs.adding import PAGE, examples, write_examples
from tests.labs.record import RECIPE
from tests.labs.stored_run import store_run

SECTIONS = re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]
MOST_LINES = 70
"""A page of print, empty lines aside."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of plug-ins with every example."""
    made = write_examples(tmp_path / "plug")
    monkeypatch.setenv(PLUGIN_PATH, str(made))
    monkeypatch.setenv("BITGAUGE_HOME", str(tmp_path / "home"))
    return made


@pytest.mark.parametrize("section", SECTIONS, ids=lambda text: str(text).splitlines()[0])
def test_each_is_shown_in_under_a_page(section: str) -> None:
    assert len(examples(section)) == (3 if "lock.txt" in section else 1)
    assert sum(bool(line.strip()) for line in section.splitlines()) < MOST_LINES


def test_the_table_names_every_kind_that_is_shown() -> None:
    kinds = {name.split("/")[0] for name in examples(PAGE)}
    assert kinds == set(re.findall(r"\| `FOLDER/(\w+)/` \|", PAGE))


def kept_by(runtime: RuntimeModule, tmp_path: Path) -> None:
    """What every runtime keeps."""
    test_runtime.test_the_description_says_what_it_is(runtime)
    test_runtime.test_the_empty_artifact_runs(runtime, tmp_path)
    test_runtime.test_a_file_that_is_no_artifact_is_one_sentence(runtime, tmp_path)
    test_runtime.test_it_advertises_what_its_traits_say(runtime)


@pytest.mark.usefixtures("folder")
def test_the_runtime(tmp_path: Path) -> None:
    runtime = agent.runtime("plainlite")
    kept_by(runtime, tmp_path)
    session = runtime.load(zoo.models()[0].form("tflite"), SessionOptions())
    with np.load(zoo.evaluation_path(), allow_pickle=False) as held:
        (answer,) = session.run({"pixels": held["inputs/pixels"][:1]})
        assert answer.argmax() == held["labels"][0]


@pytest.mark.usefixtures("folder")
def test_the_runtime_of_the_file_format(tmp_path: Path) -> None:
    runtime = agent.runtime("matrix")
    kept_by(runtime, tmp_path)
    path = tmp_path / "model"
    path.write_bytes(b'{"linear": [[1, 2], [3, 4]]}')
    session = runtime.load(path, SessionOptions())
    (answer,) = session.run({"x": np.array([[1, 1]], np.float32)})
    assert answer.tolist() == [[4, 6]]


def test_the_device_kind(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    device = agent.device("npu")
    stick = folder / "sys/npu-8f21"
    monkeypatch.setattr(device, "SYSFS", stick.parent)
    assert device.probe() == ()
    stick.mkdir(parents=True)
    for name, text in (("model", "Stick 2"), ("memory", "1073741824"), ("temp", "41500")):
        (stick / name).write_text(f"{text}\n")
    assert [unit.label for unit in device.probe()] == ["npu-8f21"]
    for kept in (
        test_device.test_facts_are_complete_and_stable,
        test_device.test_the_stack_names_inputs_once_and_no_readings,
        test_device.test_conditions_fill_the_columns_that_they_name_and_no_others,
        test_device.test_a_preflight_can_be_stored_and_has_the_same_facts_each_time,
        test_device.test_a_device_at_rest_is_cool,
        test_device.test_nodes_are_paths_that_are_there,
    ):
        kept(device, "npu-8f21")
    assert device.conditions("npu-8f21").read().temperature_c == 41.5
    assert device.describe("npu-8f21").processor_model == "Stick 2"


def test_the_meter(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = agent.find("meters")
    assert found.problems == ()
    supply = found.get("bench_supply")
    monkeypatch.setenv("BENCH_SUPPLY", str(folder / "energy_mj"))
    assert supply.describe() is None
    (folder / "energy_mj").write_text("1234.5")
    described, problems = agent.describe_meters(found)
    assert ("bench_supply", "board") in {(one.name, one.scope) for one in described}
    assert problems == ()
    reader = supply.open_reader()
    assert reader.read().value == 1234.5
    (folder / "energy_mj").unlink()
    with pytest.raises(MeterLost, match="cannot be read"):
        reader.read()


@pytest.mark.usefixtures("folder")
def test_the_file_format(tmp_path: Path) -> None:
    path = tmp_path / "model"
    path.write_bytes(b'{"linear": [[1, 2, 3], [4, 5, 6]]}')
    assert recognise.kind_of(path) == "linear"
    facts = recognise.inspect_model(path, "it")
    assert (str(facts.recipe), facts.parameter_count) == ("fp32", 6)
    path.write_bytes(b'{"linear": 7}')
    with pytest.raises(BadInput, match="it is no linear model"):
        recognise.inspect_model(path, "it")
    assert recognise.kind_of(zoo.models()[0].path) == "onnx"


@pytest.mark.usefixtures("folder")
def test_the_builder_with_packages_of_its_own(tmp_path: Path) -> None:
    model = tmp_path / "model"
    recipe, kinds = parse("fp16"), ("linear",)
    assert "halves/1 halves@" in builders.toolchain(recipe, kinds)
    with in_environment(definition("halves"), Shelf(tmp_path / "made"), MakingTerms()) as ready:
        request = BuildRequest(recipe, model, tmp_path / "artifact", environment=ready.path)
        model.write_text('{"linear": [[1, 0.1]]}')
        builders.build(request, kinds)
        assert json.loads(request.output.read_text()) == {"linear": [[1, 0.0999755859375]]}
        assert request.log.notes == ["1 rows were rounded"]
        model.write_text('{"linear": [[1e6, 0.1]]}')
        with pytest.raises(Unsupported, match="too large for half precision"):
            builders.build(request, kinds)


@pytest.mark.usefixtures("folder")
def test_the_builder(tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    recipe = parse("fp16-stored_half")
    assert recipe in builders.buildable_recipes()
    assert builders.toolchain(recipe).startswith("stored_half/1 onnx=")
    (small,) = (one for one in zoo.models() if one.name == "digits-mlp")
    made = tmp_path / "stored_half.onnx"
    builders.build(BuildRequest(recipe, small.path, made))
    assert made.stat().st_size < 0.6 * small.path.stat().st_size
    session = onnxruntime.InferenceSession(made, providers=["CPUExecutionProvider"])
    assert session.get_inputs()


@pytest.mark.usefixtures("folder")
def test_the_kind_of_task(tmp_path: Path) -> None:
    write_examples(tmp_path)
    kind = kind_named("within", (tmp_path,))
    truth = {"target": np.array([1.0, 2.0, 3.0])}
    assert kind.problem(truth, 3) == ""
    figures = kind.figures([np.array([[1.05], [2.5], [3.0]])], truth, 0)
    assert kind.score(figures, np.ones(3)) == pytest.approx(2 / 3)


@pytest.mark.usefixtures("folder")
def test_the_source_of_sets(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.eye(5, 3))
    spec = InputSpec("in", "float32", (None, 3))
    made = make_sets(tmp_path / "x.npy", [spec], SetOptions(), calibration=2)
    assert made.calibration is not None
    assert (len(made.evaluation), made.evaluation.labels) == (3, None)
    with pytest.raises(BadInput, match="is one array, the model takes 2"):
        make_sets(tmp_path / "x.npy", [spec, spec], SetOptions())


def test_the_exporter(folder: Path) -> None:
    (folder / "state").mkdir()
    database = str(store_run(folder / "state").database)
    made = folder / "table.jsonl"
    assert run_command_line(["export", "--db", database, "-o", str(made)]) == 0
    rows = [json.loads(line) for line in made.read_text().splitlines()]
    assert [row["recipe"] for row in rows] == ["fp32", RECIPE]
    assert all(row["metrics"] for row in rows)
    assert "lines" in {*exporters.found().modules}
    with pytest.raises(BadInput, match="Unknown format 'lines'"):
        exporters.of_records("lines", None)


def test_the_command(folder: Path) -> None:
    """In a process of its own: commands are found when the application is imported."""

    def typed(*words: str) -> subprocess.CompletedProcess[str]:
        program = "import sys; from bitgauge.coordinator.cli.app import main; main(sys.argv[1:])"
        return subprocess.run(
            [sys.executable, "-c", program, *words],
            env={**os.environ, PLUGIN_PATH: str(folder)},
            capture_output=True,
            text=True,
            check=False,
        )

    (folder / "commands/broken.py").write_text("import nothing_of_that_name\n")
    listed = typed("--help")
    assert "fleet" in listed.stdout
    assert listed.stderr.count("\n") == 1
    assert "broken.py was skipped: ModuleNotFoundError" in listed.stderr
    (folder / "commands/broken.py").unlink()
    database = str(folder / "no.db")
    refused = typed("fleet", "--db", database)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.startswith("error: ")
    (folder / "state").mkdir()
    stored = store_run(folder / "state")
    counted = typed("fleet", "--db", str(stored.database), "--json")
    assert json.loads(counted.stdout) == {"cpu_only": 1}, counted.stderr
