"""A Hugging Face folder: what it is, which files travel with it, and what is refused of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bitgauge.benchmarks.common.manifest import decoded
from bitgauge.benchmarks.vocabulary.enums import FormatFamily, ModelClass
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code
from bitgauge.coordinator.client.artifacts import local_artifact
from bitgauge.coordinator.models.recognise import companions, inspect_model, kind_of

from tests.labs.rooms import hf_folders
from tests.labs.rooms.hf_folders import file_of, header_of, make

PACKED = {
    "model.embed_tokens.weight": ("BF16", (260, 8)),
    "model.layers.0.q_proj.weight_packed": ("I32", (8, 1)),
    "model.layers.0.q_proj.weight_scale": ("BF16", (8, 1)),
}
W4A16 = {"config_groups": {"group_0": {"weights": {"num_bits": 4, "type": "int"}}}}


def test_a_folder_of_floats_is_a_model(tmp_path: Path) -> None:
    folder = make(tmp_path / "tiny")
    facts = inspect_model(folder)
    assert kind_of(folder) == kind_of(folder / "config.json") == "safetensors"
    assert str(facts.recipe) == "fp32"
    assert facts.model_class is ModelClass.TRANSFORMER
    assert facts.parameter_count == 260 * 8 + 8 * 8 + 8
    assert facts.operator_counts == {"MatMul": 1}
    assert facts.size_bytes == sum(one.stat().st_size for one in folder.iterdir())


@pytest.mark.parametrize(
    ("config", "dtype", "recipe", "family"),
    [
        ({}, "F16", "fp16", FormatFamily.FP16),
        ({}, "BF16", "bf16", FormatFamily.BF16),
        ({}, "F8_E4M3", "None", FormatFamily.FP8),
        ({"quantization_config": W4A16}, "BF16", "None", FormatFamily.INT4),
        ({"quantization_config": {"quant_method": "awq", "bits": 4}}, "F16", "None", "int4"),
        ({"quantization_config": {"bits": 4.5}}, "I8", "None", FormatFamily.INT8),
    ],
)
def test_its_family_is_that_of_its_weights(
    config: dict[str, Any], dtype: str, recipe: str, family: FormatFamily, tmp_path: Path
) -> None:
    weights = {name: (dtype, shape) for name, (_, shape) in hf_folders.WEIGHTS.items()}
    facts = inspect_model(make(tmp_path, weights, **config))
    assert str(facts.recipe) == recipe
    assert facts.family == FormatFamily(family)


def test_packed_weights_are_of_the_width_that_the_configuration_says(tmp_path: Path) -> None:
    facts = inspect_model(make(tmp_path, PACKED, quantization_config=W4A16))
    assert (facts.recipe, facts.format_family) == (None, FormatFamily.INT4)


def test_it_travels_whole_under_names_that_stay(tmp_path: Path) -> None:
    folder = make(tmp_path / "tiny")
    (folder / "README.md").write_text("not part of it")
    (folder / "modeling_own.py").write_text("nor is a program")
    artifact = local_artifact(folder)
    manifest = decoded(artifact.files[-1].content or b"")
    assert artifact.path == folder
    assert (manifest.kind, manifest.entry) == ("safetensors", "config.json")
    assert [one.name for one in manifest.files] == [
        *("config.json", "model.safetensors", "tokenizer.json")
    ]
    assert local_artifact(folder / "config.json").digest == artifact.digest


def sharded(folder: Path, placed: dict[str, str]) -> Path:
    make(folder)
    (folder / "model.safetensors").unlink()
    for name in set(placed.values()):
        held = {one: ("F32", (2, 2)) for one, file in placed.items() if file == name}
        if "/" not in name and held:
            (folder / name).write_bytes(file_of(header_of(held)))
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": placed}))
    return folder


def test_an_index_names_the_files_of_weights(tmp_path: Path) -> None:
    folder = sharded(tmp_path, {"a.weight": "m-1.safetensors", "b.weight": "m-2.safetensors"})
    assert {"m-1.safetensors", "m-2.safetensors", "model.safetensors.index.json"} < {
        *companions(folder)
    }
    assert inspect_model(folder).parameter_count == 8


@pytest.mark.parametrize(
    ("placed", "code", "why"),
    [
        ({"a": "../x.safetensors"}, Code.EXTERNAL_DATA, "leaves the folder"),
        ({"a": "/etc/x.safetensors"}, Code.EXTERNAL_DATA, "absolute path"),
        ({"a": "x.bin"}, Code.BAD_MODEL, "no .safetensors"),
        ({"a": 3}, Code.BAD_MODEL, "no .safetensors"),
        ({}, Code.BAD_MODEL, "names 0 files"),
    ],
)
def test_an_index_that_leads_away_is_refused(
    placed: dict[str, Any], code: Code, why: str, tmp_path: Path
) -> None:
    make(tmp_path)
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": placed}))
    for look in (inspect_model, companions, local_artifact):
        with pytest.raises(BadInput, match=why) as caught:
            look(tmp_path)
        assert caught.value.code is code


def test_an_index_and_its_files_must_agree(tmp_path: Path) -> None:
    folder = sharded(tmp_path, {"a": "m.safetensors"})
    (folder / "m.safetensors").write_bytes(file_of(header_of({"b": ("F32", (1,))})))
    with pytest.raises(BadInput, match="does not place there"):
        inspect_model(folder)
    (folder / "m.safetensors").write_bytes(file_of(header_of({})))
    with pytest.raises(BadInput, match="lacks tensor 'a'"):
        inspect_model(folder)
    (folder / "m.safetensors").unlink()
    with pytest.raises(BadInput, match="not beside it") as caught:
        inspect_model(folder)
    assert caught.value.code is Code.EXTERNAL_DATA


def test_weights_behind_a_link_are_refused(tmp_path: Path) -> None:
    folder = make(tmp_path / "tiny")
    (folder / "model.safetensors").rename(tmp_path / "elsewhere")
    (folder / "model.safetensors").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BadInput, match="link"):
        inspect_model(folder)
    with pytest.raises(BadInput, match="leads out of its folder"):
        local_artifact(folder)


def test_pickles_are_refused(tmp_path: Path) -> None:
    make(tmp_path)
    (tmp_path / "model.safetensors").rename(tmp_path / "pytorch_model.bin")
    with pytest.raises(BadInput, match="a pickle, which is a program") as caught:
        inspect_model(tmp_path)
    assert caught.value.code is Code.REFUSED_FORMAT


def test_a_file_of_tensors_alone_is_no_model(tmp_path: Path) -> None:
    folder = make(tmp_path)
    with pytest.raises(BadInput, match="give the folder"):
        inspect_model(folder / "model.safetensors")


@pytest.mark.parametrize(
    ("config", "why"),
    [
        ({"architectures": ["BertModel"]}, "no model that continues texts"),
        ({"architectures": 3}, "no model that continues texts"),
        ({"vocab_size": 0}, "vocab_size"),
        ({"vocab_size": 10**30}, "vocab_size"),
        ({"max_position_embeddings": "many"}, "max_position_embeddings"),
        ({"bos_token_id": 260}, "which is none"),
        ({"auto_map": {"AutoModel": "own.Model"}}, "classes of its own"),
        ({"quantization_config": [1]}, "no object"),
    ],
)
def test_a_configuration_is_believed_only_so_far(
    config: dict[str, Any], why: str, tmp_path: Path
) -> None:
    with pytest.raises(BadInput, match=why):
        inspect_model(make(tmp_path, **config))


def one_tensor(**said: Any) -> dict[str, Any]:
    return {"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8], **said}}


HOSTILE: dict[str, Callable[[], bytes]] = {
    "cut short: it has": lambda: b"\x00\x01",
    "its header alone needs more": lambda: (1 << 62).to_bytes(8, "little") + b"{}",
    "has a header of": lambda: file_of(b"{" + b" " * (17 << 20), 0),
    "is no JSON": lambda: file_of(b"{]", 0),
    "its tensors take 8 bytes, 7 are there": lambda: file_of(one_tensor(), 7),
    "holds 1 bytes behind": lambda: file_of(one_tensor(), 9),
    "over one another": lambda: file_of({**one_tensor(), "v": one_tensor()["w"]}),
    "leaves a gap": lambda: file_of(one_tensor(data_offsets=[4, 12])),
    "8 bytes, where its type": lambda: file_of(one_tensor(shape=[3])),
    "the type 'F33'": lambda: file_of(one_tensor(dtype="F33")),
    "the type '\\[": lambda: file_of(one_tensor(dtype=[1])),
    "sizes that are none": lambda: file_of(one_tensor(shape=[-2])),
    "place that is none": lambda: file_of(one_tensor(data_offsets=[8, 0]), 8),
    "no type, shape and place": lambda: file_of(one_tensor(more=1)),
    "no text": lambda: file_of({**one_tensor(), "__metadata__": {"a": 1}}),
    "holds no tensor": lambda: file_of({}, 0),
}


@pytest.mark.parametrize("why", HOSTILE)
def test_a_header_is_believed_only_so_far(why: str, tmp_path: Path) -> None:
    folder = make(tmp_path)
    (folder / "model.safetensors").write_bytes(HOSTILE[why]())
    with pytest.raises(BadInput, match=why) as caught:
        inspect_model(folder)
    assert caught.value.code is Code.BAD_MODEL
    assert "\n" not in caught.value.sentence
