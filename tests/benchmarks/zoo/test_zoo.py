"""The zoo: committed files are what they are said to be, measured with what executes them."""

from __future__ import annotations

import hashlib
import json
import zipfile
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
from ai_edge_litert.interpreter import Interpreter
from bitgauge.benchmarks import zoo
from bitgauge.benchmarks.vocabulary.enums import ModelClass

MODELS = zoo.models()
FOLDER = zoo.evaluation_path().parent
RECORD = json.loads((FOLDER / "zoo.json").read_text())
FORMS = json.loads((FOLDER / "forms.json").read_text())


def arrays(name: str) -> dict[str, Any]:
    with np.load(FOLDER / name, allow_pickle=False) as file:
        return dict(file)


def image_hashes(pixels: Any) -> set[str]:
    return {hashlib.sha256(image.tobytes()).hexdigest()[:16] for image in pixels}


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_top1_accuracy_is_what_the_record_says(model: zoo.ZooModel) -> None:
    evaluation = arrays("evaluation.npz")
    session = ort.InferenceSession(model.path, providers=["CPUExecutionProvider"])
    (logits,) = session.run(None, {"pixels": evaluation["inputs/pixels"]})
    top1 = float(np.mean(np.argmax(logits, axis=1) == evaluation["labels"]))
    assert top1 >= 0.95
    # Another CPU rounds differently; a sample or two may fall on the other side.
    assert top1 == pytest.approx(RECORD["models"][model.name]["top1"], abs=0.004)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_batch_is_dynamic_and_does_not_change_the_answer(model: zoo.ZooModel) -> None:
    pixels = arrays("evaluation.npz")["inputs/pixels"][:64]
    session = ort.InferenceSession(model.path, providers=["CPUExecutionProvider"])
    (together,) = session.run(None, {"pixels": pixels})
    (alone,) = session.run(None, {"pixels": pixels[5:6]})
    np.testing.assert_allclose(together[5:6], alone, atol=1e-4)


def test_the_files_are_those_of_the_record_and_small() -> None:
    for model in MODELS:
        digest = hashlib.sha256(model.path.read_bytes()).hexdigest()
        assert digest == RECORD["models"][model.name]["sha256"]
    assert sum(model.path.stat().st_size for model in MODELS) < 4_000_000


def test_other_forms_are_those_of_their_record_and_name_no_machine() -> None:
    for model in MODELS:
        for kind in zoo.FORMS:
            held = model.form(kind).read_bytes()
            assert hashlib.sha256(held).hexdigest() == FORMS["models"][model.name][kind]
    program = zipfile.ZipFile(MODELS[0].form("pt2")).read("digits-mlp/models/model.json")
    assert b"modules.py" not in program


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_the_lite_form_computes_what_the_onnx_file_does(model: zoo.ZooModel) -> None:
    pixels = arrays("evaluation.npz")["inputs/pixels"][:32]
    session = ort.InferenceSession(model.path, providers=["CPUExecutionProvider"])
    (expected,) = session.run(None, {"pixels": pixels})
    lite = Interpreter(str(model.form("tflite"))).get_signature_runner()
    logits = np.concatenate([lite(pixels=one[None])["logits"] for one in pixels])
    np.testing.assert_allclose(logits, expected, atol=1e-4)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_what_was_built_is_that_of_its_record_and_right(model: zoo.ZooModel) -> None:
    record = json.loads((FOLDER / "built/built.json").read_text())
    evaluation = arrays("evaluation.npz")
    built = model.built("tflite")
    assert [*built] == sorted(record["builders"])
    for recipe, path in built.items():
        assert hashlib.sha256(path.read_bytes()).hexdigest() == record["files"][path.name]
        assert path.stat().st_size < 0.4 * model.form("tflite").stat().st_size, recipe
        lite = Interpreter(str(path)).get_signature_runner()
        pixels = evaluation["inputs/pixels"][:256]
        codes = [lite(pixels=one[None])["logits"].argmax() for one in pixels]
        assert np.mean(codes == evaluation["labels"][:256]) > 0.93


def test_the_sets_follow_the_format_and_share_no_image() -> None:
    evaluation, calibration = arrays("evaluation.npz"), arrays("calibration.npz")
    for samples, least in ((evaluation, 890), (calibration, 200)):
        count = len(samples["labels"])
        assert count >= least
        assert samples["schema"].item() == "bitgauge.eval/1"
        assert samples["inputs/pixels"].shape == (count, 1, 8, 8)
        assert samples["inputs/pixels"].dtype == np.float32
        assert len(set(samples["ids"].tolist())) == count
        assert set(samples["labels"].tolist()) == set(range(10))
    shown = image_hashes(evaluation["inputs/pixels"])
    assert len(shown) == len(evaluation["labels"])
    assert shown.isdisjoint(image_hashes(calibration["inputs/pixels"]))
    assert shown.isdisjoint(RECORD["training_sha256"])
    assert image_hashes(calibration["inputs/pixels"]) <= set(RECORD["training_sha256"])


def test_there_is_one_model_of_each_class() -> None:
    assert [model.model_class for model in MODELS] == [
        ModelClass.MLP,
        ModelClass.CNN,
        ModelClass.TRANSFORMER,
    ]
