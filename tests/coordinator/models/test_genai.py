"""A folder of onnxruntime-genai: what it is, which files travel with it, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from bitgauge.agents.runtimes.genai import tiny
from bitgauge.benchmarks.vocabulary.enums import FormatFamily, ModelClass
from bitgauge.benchmarks.vocabulary.errors import BadInput, BitgaugeError, Code
from bitgauge.coordinator.client.artifacts import local_artifact
from bitgauge.coordinator.models.recognise import companions, inspect_model, kind_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Floats, with its weights in the ONNX file itself."""
    for name, data in (tiny.made(tiny.FLOOR) or {}).items():
        (tmp_path / name).write_bytes(data)
    return tmp_path


def rewritten(folder: Path, change: Callable[[Any], object]) -> None:
    model = onnx.load(folder / "model.onnx")
    change(model.graph)
    onnx.save(model, folder / "model.onnx")


def configured(folder: Path, **changed: Any) -> None:
    path = folder / "genai_config.json"
    held = json.loads(path.read_text())
    held["model"].update(changed)
    path.write_text(json.dumps(held))


def packed(bits: int, block: int) -> Callable[[Any], None]:
    """The head as the library's builder packs it."""

    def change(graph: Any) -> None:
        (head,) = [node for node in graph.node if "head" in node.input]
        graph.node.remove(head)
        codes = np.zeros((64, 32 // block, block * bits // 8), np.uint8)
        scales = np.ones((64, 32 // block), np.float32)
        for name, values in (("codes", codes), ("scales", scales)):
            graph.initializer.append(onnx.numpy_helper.from_array(values, name))
        graph.node.append(
            onnx.helper.make_node(
                *("MatMulNBits", [head.input[0], "codes", "scales"], ["logits"]),
                domain="com.microsoft",
            )
        )
        sizes = {"K": 32, "N": 64, "bits": bits, "block_size": block}
        made = (onnx.helper.make_attribute(name, one) for name, one in sizes.items())
        graph.node[-1].attribute.extend(made)

    return change


def test_it_is_a_decoder_of_floats(folder: Path) -> None:
    facts = inspect_model(folder)
    assert kind_of(folder) == "genai"
    assert str(facts.recipe) == "fp32"
    assert facts.model_class is ModelClass.TRANSFORMER
    assert [one.name for one in facts.inputs] == ["tokens"]
    assert facts.outputs[0].shape == (None, None, 64)
    assert facts.size_bytes == sum(one.stat().st_size for one in folder.iterdir())


@pytest.mark.parametrize(("bits", "family"), [(4, FormatFamily.INT4), (8, FormatFamily.INT8)])
def test_its_recipe_is_that_of_its_packed_weights(
    bits: int, family: FormatFamily, folder: Path
) -> None:
    rewritten(folder, packed(bits, 16))
    facts = inspect_model(folder)
    assert str(facts.recipe) == f"int{bits}-wo-b16"
    assert facts.operator_counts["MatMulNBits"] == 1


def test_operators_that_onnxruntime_has_under_the_standards_name_are_taken(folder: Path) -> None:
    def change(graph: Any) -> None:
        (head,) = [node for node in graph.node if "head" in node.input]
        norm = onnx.helper.make_node(
            "SimplifiedLayerNormalization", [head.input[0], "scale"], ["normed"], axis=-1
        )
        graph.initializer.append(onnx.numpy_helper.from_array(np.ones(32, np.float32), "scale"))
        head.input[0] = "normed"
        graph.node.insert(len(graph.node) - 1, norm)

    rewritten(folder, change)
    assert inspect_model(folder).operator_counts["SimplifiedLayerNormalization"] == 1


def test_files_of_weights_and_the_tokenizer_travel_with_it(folder: Path) -> None:
    model = onnx.load(folder / "model.onnx")
    onnx.save(
        *(model, folder / "model.onnx"),
        save_as_external_data=True,
        location="model.onnx.data",
        size_threshold=0,
    )
    (folder / "tokenizer.json").write_text("{}")
    (folder / "notes.txt").write_text("no part of it")
    assert companions(folder) == ("model.onnx", "model.onnx.data", "tokenizer.json")
    artifact = local_artifact(folder)
    assert {one.path.name for one in artifact.files} == {
        *("genai_config.json", "model.onnx", "model.onnx.data", "tokenizer.json", folder.name)
    }
    (folder / "model.onnx.data").unlink()
    with pytest.raises(BadInput) as caught:
        inspect_model(folder)
    assert caught.value.code is Code.EXTERNAL_DATA


def renamed(graph: Any) -> None:
    for node in graph.node:
        for at, name in enumerate(node.output):
            node.output[at] = "scores" if name == "logits" else name
    graph.output[0].name = "scores"


@pytest.mark.parametrize(
    ("harm", "why"),
    [
        (lambda at: (at / "model.onnx").unlink(), "no plain file beside it"),
        (lambda at: (at / "model.onnx").write_bytes(b""), "is empty"),
        (lambda at: (at / "model.onnx").write_bytes(b"\x80\x04pickle"), "a pickle"),
        (lambda at: configured(at, vocab_size=65), "knows 65 tokens"),
        (lambda at: rewritten(at, renamed), "returns no logits"),
        (lambda at: configured(at, speech={"filename": "x"}), "more than a decoder"),
    ],
)
def test_what_is_wrong_with_a_folder_is_one_sentence(
    harm: Callable[[Path], object], why: str, folder: Path
) -> None:
    harm(folder)
    with pytest.raises(BitgaugeError, match=why) as caught:
        inspect_model(folder)
    assert "\n" not in caught.value.sentence


def test_an_onnx_file_behind_a_link_is_refused(folder: Path, tmp_path: Path) -> None:
    (folder / "model.onnx").rename(folder / "elsewhere")
    (folder / "model.onnx").symlink_to(folder / "elsewhere")
    with pytest.raises(BadInput, match="no plain file"):
        inspect_model(folder)
