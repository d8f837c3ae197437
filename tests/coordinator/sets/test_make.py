"""Sets out of images, tables and texts, through the command line."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from bitgauge.benchmarks.quality.sets import (
    InputSpec,
    content_hashes,
    read_evaluation_set,
    require_disjoint,
)
from bitgauge.benchmarks.vocabulary.errors import BadInput
from bitgauge.coordinator.cli.app import run_command_line
from bitgauge.coordinator.sets.base import SetOptions, label_codes
from bitgauge.coordinator.sets.make import make_sets
from bitgauge.coordinator.sets.registry import source_of
from onnx import TensorProto, helper, save_model
from PIL import Image
from pyarrow import parquet
from tokenizers import Tokenizer, models, pre_tokenizers

PLAIN = SetOptions()
COLOURS = InputSpec("image", "float32", (None, 3, 4, 6))
WORDS = ["good film", "bad film", "bad bad film of the year", "good"]


def images(folder: Path, labels: tuple[str, ...] = ("cat", "dog"), each: int = 6) -> Path:
    rng = np.random.default_rng(1)
    for label in labels:
        (folder / label).mkdir(parents=True)
        for at in range(each):
            pixels = rng.integers(0, 256, (9, 12, 3), np.uint8)
            Image.fromarray(pixels).save(folder / label / f"{at}.png")
    return folder


def table(path: Path, **columns: list[Any]) -> Path:
    if path.suffix == ".parquet":
        parquet.write_table(pa.table(columns), path)
        return path
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
    return path


def model(path: Path, **inputs: tuple[Any, list[int | str]]) -> Path:
    """A model with these inputs; a set is made for its inputs alone."""
    nodes = [helper.make_node("Identity", [name], [f"{name}_out"]) for name in inputs]
    values = [helper.make_tensor_value_info(name, *one) for name, one in inputs.items()]
    outs = [helper.make_tensor_value_info(f"{name}_out", *one) for name, one in inputs.items()]
    made = helper.make_model(
        helper.make_graph(nodes, "g", values, outs), opset_imports=[helper.make_opsetid("", 17)]
    )
    made.ir_version = 8
    save_model(made, path)
    return path


def tokenizer(path: Path) -> Path:
    known: dict[str, int] = {"[PAD]": 0, "[UNK]": 1, "good": 2, "bad": 3, "film": 4}
    made = Tokenizer(models.WordLevel(known, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.save(str(path))
    return path


def test_images_become_what_the_model_takes(tmp_path: Path) -> None:
    folder = images(tmp_path / "photos")
    options = SetOptions(mean=(0.5, 0.25, 0.0), std=(2.0,))
    made = make_sets(folder, [COLOURS], options).evaluation
    first = Image.open(folder / "cat/0.png").resize((8, 6)).size
    assert first == (8, 6)
    assert made.inputs["image"].shape == (12, 3, 4, 6)
    assert made.labels is not None
    assert made.labels.tolist() == [0] * 6 + [1] * 6
    assert str(made.ids[0]) == "cat/0.png"
    shifted = make_sets(folder, [COLOURS], PLAIN).evaluation.inputs["image"]
    red = (shifted[:, 0] - 0.5) / 2
    np.testing.assert_allclose(made.inputs["image"][:, 0], red, atol=1e-6)
    assert shifted.min() >= 0
    assert shifted.max() <= 1
    assert made.preprocessing is not None
    assert (made.preprocessing["layout"], made.preprocessing["mean"]) == ("NCHW", [0.5, 0.25, 0.0])


def test_channels_may_come_last_and_pixels_stay_whole(tmp_path: Path) -> None:
    spec = InputSpec("image", "uint8", (1, 4, 6, 3))
    made = make_sets(images(tmp_path / "photos"), [spec], PLAIN).evaluation
    assert made.inputs["image"].shape == (12, 4, 6, 3)
    assert made.inputs["image"].dtype == np.uint8
    assert made.inputs["image"].max() > 100


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_columns_are_one_input_or_the_inputs_of_their_names(tmp_path: Path, ending: str) -> None:
    source = table(tmp_path / f"t.{ending}", a=[1, 2, 3], b=[0.5, 1.5, 2.5], label=["x", "y", "x"])
    one = make_sets(source, [InputSpec("in", "float32", (None, 2))], PLAIN).evaluation
    assert one.inputs["in"].tolist() == [[1, 0.5], [2, 1.5], [3, 2.5]]
    assert one.labels is not None
    assert one.labels.tolist() == [0, 1, 0]
    specs = [InputSpec("b", "float32", (None, 1)), InputSpec("a", "int64", (None,))]
    each = make_sets(source, specs, PLAIN).evaluation
    assert each.inputs["b"].tolist() == [[0.5], [1.5], [2.5]]
    assert each.inputs["a"].tolist() == [1, 2, 3]


@pytest.mark.parametrize("form", ["folder", "column"])
def test_texts_are_tokenized_cut_and_filled_up(tmp_path: Path, form: str) -> None:
    labels = ["pos", "neg", "neg", "pos"]
    source = tmp_path / "texts.csv"
    if form == "folder":
        source = tmp_path / "texts"
        for at, (label, text) in enumerate(zip(labels, WORDS, strict=True)):
            (source / label).mkdir(parents=True, exist_ok=True)
            (source / label / f"{at}.txt").write_text(text)
    else:
        table(source, review=WORDS, label=labels)
    options = SetOptions(text="review", tokenizer=tokenizer(tmp_path / "tokenizer.json"))
    specs = [InputSpec(name, "int64", (None, 4)) for name in ("input_ids", "attention_mask")]
    made = make_sets(source, specs, options).evaluation
    places = {str(one): row for row, one in enumerate(made.ids)}
    names = ("pos/0.txt", "neg/2.txt") if form == "folder" else ("0", "2")
    first, long = (places[name] for name in names)
    assert made.inputs["input_ids"][first].tolist() == [2, 4, 0, 0]
    assert made.inputs["attention_mask"][first].tolist() == [1, 1, 0, 0]
    assert made.inputs["input_ids"][long].tolist() == [3, 3, 4, 1]
    assert made.labels is not None
    assert made.labels[first] == 1


def test_two_sets_share_no_sample_and_read_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = images(tmp_path / "photos")
    (folder / "cat/copy.png").write_bytes((folder / "cat/0.png").read_bytes())
    net = model(tmp_path / "net.onnx", image=(TensorProto.FLOAT, ["N", 3, 4, 6]))
    out, calibration = tmp_path / "eval.npz", tmp_path / "cal.npz"
    words = ["set", "make", str(folder), "--model", str(net), "-o", str(out)]
    words += ["--calibration", str(calibration), "--calibrate", "4"]
    assert run_command_line(words) == 0
    said = capsys.readouterr()
    assert "2 classes: cat" in said.out
    assert "numbered alphabetically" in said.err
    evaluation, other = read_evaluation_set(out), read_evaluation_set(calibration)
    require_disjoint(other, evaluation)
    assert len(evaluation) + len(other) == 13
    assert len(content_hashes(evaluation) | content_hashes(other)) == 12
    before = out.read_bytes()
    assert run_command_line(words) == 0
    assert out.read_bytes() == before, "the same files give the same set"
    capsys.readouterr()
    assert run_command_line(["set", "show", str(out), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["samples"] == len(evaluation)
    assert told["preprocessing"]["split"]["seed"] == 0


def test_the_order_of_classes_is_the_model_s_when_it_is_told() -> None:
    codes, order = label_codes(["dog", "cat", "dog"], ["dog", "cat"])
    assert (codes.tolist(), order) == ([0, 1, 0], "as listed")
    assert label_codes(["7", "12"], ())[0].tolist() == [7, 12]
    with pytest.raises(BadInput, match="'cow' is not among the 2 classes"):
        label_codes(["cow"], ["dog", "cat"])


def _broken(tmp_path: Path, kind: str) -> tuple[Path, list[InputSpec], SetOptions]:
    two = [InputSpec("in", "float32", (None, 2))]
    if kind == "hole":
        return table(tmp_path / "t.csv", a=[1, ""], b=[1, 2], label=[0, 1]), two, PLAIN
    if kind == "word":
        return table(tmp_path / "t.csv", a=["much", "1"], b=[1, 2], label=[0, 1]), two, PLAIN
    if kind == "columns":
        shape = InputSpec("in", "float32", (None, 2, 2))
        return table(tmp_path / "t.csv", a=[1], b=[2], c=[3]), [shape], PLAIN
    if kind == "no tokenizer":
        source = table(tmp_path / "t.csv", review=WORDS)
        return source, two, SetOptions(text="review")
    if kind == "no column":
        source = table(tmp_path / "t.csv", review=WORDS)
        return source, two, SetOptions(text="words", tokenizer=tokenizer(tmp_path / "tok.json"))
    if kind == "damaged table":
        (tmp_path / "t.parquet").write_bytes(b"no")
        return tmp_path / "t.parquet", two, PLAIN
    folder = images(tmp_path / "photos")
    if kind == "damaged image":
        (folder / "cat/0.png").write_bytes(b"no")
        return folder, [COLOURS], PLAIN
    if kind == "means":
        return folder, [COLOURS], SetOptions(mean=(1.0, 2.0))
    if kind == "any size":
        return folder, [InputSpec("image", "float32", (None, 3, None, None))], PLAIN
    return folder, two, PLAIN


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("hole", "column 'a' holds nothing in line 3, not a number"),
        ("word", "column 'a' holds 'much' in line 2, not a number"),
        ("columns", "3 columns do not fill one sample of input 'in', which is \\(2, 2\\)"),
        ("no tokenizer", "Texts need --tokenizer"),
        ("no column", "has no column 'words'; it has review"),
        ("damaged table", "is no table that can be read"),
        ("damaged image", "0.png is no image that can be read"),
        ("means", "2 means or deviations do not fit 3 channels"),
        ("any size", "takes images of any size: name one with --size"),
        ("other model", "Images are for a model with one input of four axes"),
    ],
)
def test_what_is_wrong_with_a_source_is_one_sentence(tmp_path: Path, kind: str, words: str) -> None:
    source, specs, options = _broken(tmp_path, kind)
    with pytest.raises(BadInput, match=words) as caught:
        make_sets(source, specs, options)
    assert "\n" not in caught.value.sentence


def test_what_is_no_source_names_those_there_are(tmp_path: Path) -> None:
    (tmp_path / "x.bin").write_bytes(b"")
    with pytest.raises(BadInput, match="There can be: a folder of images"):
        source_of(tmp_path / "x.bin", PLAIN)
    with pytest.raises(BadInput, match="cannot be read"):
        source_of(tmp_path / "nothing", PLAIN)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-o", "{0}/none/e.npz"], "cannot be written: No such file or directory."),
        (["-o", "{0}/e.npz", "--scale", "nan"], "--scale nan is not a number above 0."),
    ],
)
def test_what_cannot_be_made_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    net = model(tmp_path / "net.onnx", image=(TensorProto.FLOAT, ["N", 3, 4, 6]))
    asked = ["set", "make", str(images(tmp_path / "photos")), "--model", str(net)]
    assert run_command_line([*asked, *(word.format(tmp_path) for word in words)]) == 2
    assert said in capsys.readouterr().err
