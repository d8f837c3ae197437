"""A suite file: what it says, and one sentence with file, line and key when it is wrong."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from bitgauge.benchmarks import zoo
from bitgauge.benchmarks.refresh.suite import volumes_of_csv
from bitgauge.benchmarks.refresh.targets import spec_of, targets_of_suite
from bitgauge.benchmarks.suites import FOLDER, shipped
from bitgauge.benchmarks.vocabulary.enums import HardwareClass, ModelClass, Profile, Scenario
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code
from bitgauge.benchmarks.vocabulary.recipes import DEFAULT_RECIPES
from bitgauge.benchmarks.vocabulary.typed import parse_long_time_ns
from bitgauge.benchmarks.vocabulary.values.campaigns import Volume
from bitgauge.benchmarks.vocabulary.values.devices import RuntimeDescription, StackItem
from bitgauge.benchmarks.vocabulary.values.jobs import Overrides, Selector, Workload, usual_request
from bitgauge.coordinator.client.suites import read_suite
from bitgauge.coordinator.client.upload import local_file
from bitgauge.coordinator.lab.campaigns.plan import expanded

from tests.labs import values
from tests.labs.refresh import device

RECIPES = '["fp16", "int8-static-u8s8-pc", "fp16"]'
FULL = """\
# A comment with name = "nothing" and [[model]]
name = "edge"
profile = "standard"
recipes = ["fp16", "int8-static-u8s8-pc", "fp16"]
accuracy_margin_pp = 0.5
use_case = "default"
budget = "90 min"
max_age = "30 d"
volume_file = "volumes.csv"

[[model]]
zoo = "digits-cnn"

[[model]]
baseline = "files/mine.onnx"
evaluation = "files/eval.npz"
calibration = "files/calibration.npz"
class = "transformer"

[[selector]]
hardware_class = "cpu_only"
runtime = "onnxruntime"
memory = "2 GiB"
tags = {room = "a", rack = "3"}

[[selector]]
device = "rpi5"

[[workload]]
batch = 64
threads = 2
scenario = "offline"

[overrides]
launches = 2
warm_up = "100 ms"
budget = "1 s"

[[volume]]
model_class = "cnn"
hardware_class = "edge_arm"
batch = 64
per_day = 1e6
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "files").mkdir()
    for name in ("mine.onnx", "eval.npz", "calibration.npz"):
        (tmp_path / "files" / name).write_bytes(name.encode())
    (tmp_path / "volumes.csv").write_text("model_class,per_day,batch\ncnn,5,\n,7,8\n")
    return tmp_path


def read(folder: Path, text: str) -> object:
    path = folder / "suite.toml"
    path.write_text(text)
    return read_suite(str(path))


def test_every_key_arrives(folder: Path) -> None:
    path = folder / "edge.toml"
    path.write_text(FULL)
    local = read_suite(str(path))
    suite = local.suite
    assert (suite.name, suite.profile, suite.use_case) == ("edge", Profile.STANDARD, "default")
    assert suite.recipes == ("fp16", "int8-static-u8s8-pc")
    assert (suite.accuracy_margin_pp, suite.budget_s, suite.max_age_s) == (0.5, 5400, 30 * 86400)
    assert [(model.name, model.model_class) for model in suite.models] == [
        ("digits-cnn", ModelClass.CNN),
        ("mine", ModelClass.TRANSFORMER),
    ]
    assert suite.models[1].calibration == local_file(folder / "files" / "calibration.npz").digest
    assert suite.models[0].evaluation == local_file(zoo.evaluation_path()).digest
    tags = (StackItem("rack", "3"), StackItem("room", "a"))
    assert suite.selectors == (
        Selector(None, HardwareClass.CPU_ONLY, "onnxruntime", 2 << 30, tags),
        Selector(device="rpi5"),
    )
    assert suite.workloads == (Workload(Scenario.OFFLINE, 64, 2),)
    assert suite.overrides == Overrides(100, 2, 1000)
    assert suite.volumes == (
        Volume(1e6, ModelClass.CNN, HardwareClass.EDGE_ARM, Workload(batch=64)),
        Volume(5.0, ModelClass.CNN),
        Volume(7.0, workload=Workload(batch=8)),
    )
    assert len(local.files) == 6


def test_the_suites_that_ship_are_read_by_name() -> None:
    assert "zoo" in shipped()
    for name in shipped():
        local = read_suite(name)
        assert local.suite.name == name
        assert local == read_suite(str(FOLDER / f"{name}.toml"))
    suite = read_suite("zoo").suite
    assert [model.name for model in suite.models] == [model.name for model in zoo.models()]
    assert suite.recipes == tuple(str(recipe) for recipe in DEFAULT_RECIPES)


def test_the_decoder_of_the_zoo_has_sets_of_its_own(folder: Path) -> None:
    path = folder / "texts.toml"
    path.write_text(
        'name = "texts"\nrecipes = ["int4-q4_k_m"]\n[[model]]\nzoo = "tiny-llama"\n'
        '[[workload]]\nscenario = "llm"\n'
    )
    local = read_suite(str(path))
    (model,) = local.suite.models
    decoder = zoo.decoder()
    paths = (decoder.path, decoder.evaluation_path, decoder.calibration_path)
    assert [model.baseline, model.evaluation, model.calibration] == [
        local_file(one).digest for one in paths
    ]
    assert model.model_class is ModelClass.TRANSFORMER
    assert [file.path for file in local.files] == [*paths]


def changed(old: str, new: str) -> str:
    assert FULL.count(old) == 1, old
    return FULL.replace(old, new)


def test_what_a_model_is_run_with_arrives_in_its_job(folder: Path) -> None:
    kind = 'class = "transformer"'
    wishes = '\noutput = "logits"\nfloat32 = true\ndims = {t = 16, s = 8}'
    path = folder / "suite.toml"
    path.write_text(changed(kind, kind + wishes))
    suite = read_suite(str(path)).suite
    dims = (StackItem("s", "8"), StackItem("t", "16"))
    assert [(one.output, one.float32, one.dims) for one in suite.models] == [
        ("", False, ()),
        ("logits", True, dims),
    ]
    found, _ = targets_of_suite(
        replace(suite, selectors=(Selector(),)), [device("here")], lambda *_: ()
    )
    [target] = [one for one in found if one.model.name == "mine" and one.is_baseline]
    spec = spec_of([target], 60)
    assert (spec.output, spec.float32, spec.dims) == ("logits", True, dims)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (
            changed('profile = "standard"', 'profle = "standard"'),
            3,
            "profle: is no key here; did you mean profile?",
        ),
        (
            changed('"standard"', '"standrad"'),
            3,
            "profile: Unknown profile 'standrad'; did you mean standard?",
        ),
        (
            changed(RECIPES, '["int8-dynamc"]'),
            4,
            "recipes: There is no recipe 'int8-dynamc'; the nearest known spelling is",
        ),
        (changed(RECIPES, "[]"), 4, "recipes: it names no recipe"),
        (changed(RECIPES, '"some"'), 4, "recipes: 'some' is not \"all\" or a list of recipes"),
        (changed("0.5", "-1"), 5, "accuracy_margin_pp: -1 is not a number above 0"),
        (
            changed('use_case = "default"', 'use_case = "defalt"'),
            6,
            "use_case: 'defalt' is not known; did you mean default?",
        ),
        (changed('"90 min"', '"90"'), 7, "budget: '90' is not a time with its unit"),
        (changed('"30 d"', '"0 d"'), 8, "max_age: '0 d' is not a time above 0"),
        (
            changed('"digits-cnn"', '"digits-cn"'),
            12,
            "model[1].zoo: 'digits-cn' is not known; did you mean digits-cnn?",
        ),
        (
            changed('evaluation = "files/eval.npz"', 'evalution = "x"'),
            16,
            "model[2].evalution: is no key here; did you mean evaluation?",
        ),
        (changed('evaluation = "files/eval.npz"\n', ""), 14, "model[2]: evaluation is missing"),
        (
            changed('calibration = "files/calibration.npz"\n', ""),
            14,
            "calibration: is missing: int8-static-u8s8-pc of mine needs a calibration set",
        ),
        (
            changed('"transformer"', '"transfomer"'),
            18,
            "model[2].class: Unknown model class 'transfomer'; did you mean transformer?",
        ),
        (
            changed('class = "transformer"', 'name = "digits-cnn"'),
            14,
            "model[2]: there are two models named 'digits-cnn'",
        ),
        (
            changed('"cpu_only"', '"cpu"'),
            21,
            "selector[1].hardware_class: Unknown hardware class 'cpu'; did you mean cpu_only?",
        ),
        (changed('"2 GiB"', '"2"'), 23, "selector[1].memory: '2' is not a size"),
        (
            changed("batch = 64\nthreads", "batch = 0\nthreads"),
            30,
            "workload[1].batch: 0 is not a whole number above 0",
        ),
        (
            changed("threads = 2", 'threads = "2"'),
            31,
            "workload[1].threads: '2' is not a whole number above 0",
        ),
        (
            changed("launches = 2", "lanches = 2"),
            35,
            "overrides.lanches: is no key here; did you mean launches?",
        ),
        (
            changed("launches = 2", "launches = 1000"),
            34,
            "overrides: This cannot be measured: launches 1000",
        ),
        (
            changed("per_day = 1e6", "per_day = 0"),
            43,
            "volume[1].per_day: 0 is not a number above 0",
        ),
        (changed("per_day = 1e6\n", ""), 39, "volume[1]: per_day is missing"),
        (
            "[model]\n" + 'zoo = "x"\n',
            1,
            "model: it is not a list of tables, each written [[model]]",
        ),
        (changed('name = "edge"', "name = 3"), 2, "name: 3 is not a text that says something"),
        ("name = \n", 1, "not valid TOML: Invalid value"),
        ('name = "a"\n[[model]\n', 2, "not valid TOML"),
        ('name = "a"\n', 1, "there is no [[model]]"),
    ],
)
def test_what_is_wrong_is_one_sentence_with_line_and_key(
    folder: Path, text: str, line: int, words: str
) -> None:
    with pytest.raises(BitgaugeError) as caught:
        read(folder, text)
    assert caught.value.code is Code.BAD_SUITE
    sentence = caught.value.sentence
    assert f"suite.toml, line {line}: " in sentence
    assert words in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence


def test_files_that_are_not_there_are_named(folder: Path) -> None:
    (folder / "files" / "eval.npz").unlink()
    with pytest.raises(BitgaugeError, match=r"eval.npz cannot be read: No such file"):
        read(folder, FULL)
    with pytest.raises(BitgaugeError, match="no suite of that name ships; did you mean zoo"):
        read_suite("zo")
    with pytest.raises(BitgaugeError, match=r"nowhere.toml cannot be read"):
        read_suite(str(folder / "nowhere.toml"))
    (folder / "suite.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(BitgaugeError, match="is not UTF-8 text"):
        read_suite(str(folder / "suite.toml"))


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("model_clas,per_day\ncnn,5\n", 1, "model_clas: is no column; did you mean model_class?"),
        ("model_class,per_day\ncnn,5\ncn,6\n", 3, "model_class: Unknown model class 'cn'"),
        ("model_class,per_day\ncnn,much\n", 2, "per_day: 'much' is not a number above 0"),
        ("model_class,per_day\ncnn,\n", 2, "per_day is missing"),
        (f"model_class,per_day\ncnn,5\n{'x' * 200_000},5\n", 3, "not valid CSV: field larger"),
    ],
)
def test_a_wrong_volume_file_is_one_sentence(text: str, line: int, words: str) -> None:
    with pytest.raises(BitgaugeError) as caught:
        volumes_of_csv(text, "volumes.csv")
    assert f"volumes.csv, line {line}: " in caught.value.sentence
    assert words in caught.value.sentence


def test_long_times_have_hours_and_days() -> None:
    assert parse_long_time_ns("1.5 h") == 5400e9
    assert parse_long_time_ns("2d") == 172_800e9
    assert parse_long_time_ns("90min") == 5400e9


FORMS = """\
recipes = ["fp16", "fp32@litert", "all@*"]
[[model]]
baseline = "{onnx}"
evaluation = "{evaluation}"
sources = ["{lite}"]
"""


def test_a_suite_names_further_forms_and_runtimes(tmp_path: Path) -> None:
    mlp = zoo.models()[0].path
    lite = mlp.with_suffix(".tflite")
    text = FORMS.format(onnx=mlp, evaluation=zoo.evaluation_path(), lite=lite)
    (tmp_path / "s.toml").write_text(text)
    found = read_suite(str(tmp_path / "s.toml"))
    [model] = found.suite.models
    [source] = model.sources
    assert (source.name, source.kind) == ("digits-mlp.tflite", "tflite")
    assert source.artifact in {one.digest for one in found.files}, "it is sent, too"
    assert found.suite.recipes == ("fp16", "fp32@litert", "all@*")
    takes = {"onnxruntime": ("onnx",), "litert": ("tflite",), "strange": ("other",)}
    told = expanded(found.suite, takes).recipes
    assert told[:2] == ("fp16", "fp32@litert")
    assert {"fp32@onnxruntime", "fp16@onnxruntime"} <= {*told}
    assert not any(one.endswith(("@*", "@strange")) for one in told)
    views = (device("here", runtimes=(values.runtime(fingerprint="stack"), LITE)),)
    jobs = targets_of_suite(replace(found.suite, recipes=told), views, lambda *_: ())[0]
    assert spec_of(jobs, 60).sources == model.sources


LITE = RuntimeDescription("litert", "2", artifact_kinds=("tflite",), fingerprint="f")


def test_a_runtime_that_is_named_wrongly_is_said_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text('recipes = ["fp16@"]\n[[model]]\nzoo = "digits-mlp"\n')
    with pytest.raises(BitgaugeError, match="is not RECIPE@RUNTIME") as caught:
        read_suite(str(tmp_path / "s.toml"))
    assert caught.value.code is Code.BAD_SUITE


def test_requests_to_language_models_are_workloads(tmp_path: Path) -> None:
    model = '[[model]]\nzoo = "digits-mlp"\n'
    longer = "prompt_tokens = 512\ngenerated_tokens = 64\nthreads = 2\n"
    llm = f'[[workload]]\nscenario = "llm"\n[[workload]]\nscenario = "llm"\n{longer}'
    (tmp_path / "s.toml").write_text(model + llm)
    found = read_suite(str(tmp_path / "s.toml")).suite
    assert found.workloads == (usual_request(), usual_request(2, 512, 64))
    for words, why in (
        ('scenario = "llm"\nbatch = 2\n', "batch: scenario llm measures batch 1 alone"),
        ("prompt_tokens = 4\n", 'prompt_tokens: it belongs to scenario = "llm"'),
    ):
        (tmp_path / "s.toml").write_text(f"{model}[[workload]]\n{words}")
        with pytest.raises(BitgaugeError, match=re.escape(why)):
            read_suite(str(tmp_path / "s.toml"))
