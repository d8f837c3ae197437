"""Texts for language models: documents of files, in the tokens of the model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from bitgauge.benchmarks import zoo
from bitgauge.benchmarks.quality.texts import read_text_set, require_other_texts, tokenizer_sha256
from bitgauge.benchmarks.vocabulary.errors import BadInput
from bitgauge.coordinator.cli.app import run_command_line
from bitgauge.coordinator.sets.base import SetOptions
from bitgauge.coordinator.sets.documents import make_texts
from tokenizers import Tokenizer, models, pre_tokenizers

PLAIN = SetOptions()
MODEL = zoo.decoder().path


def folder(path: Path, count: int = 5) -> Path:
    (path / "in").mkdir(parents=True)
    for at in range(count):
        (path / "in" / f"{at}.txt").write_text(f"text {at} \u00e9\n", "utf-8")
    return path


def test_bytes_of_a_model_without_words(tmp_path: Path) -> None:
    source = folder(tmp_path / "texts")
    made = make_texts(source, MODEL, "", PLAIN).evaluation
    assert list(made.documents) == [f"in.{at}" for at in range(5)]
    # 3 and the value of the byte: <unk>, <s> and </s> come first.
    expected = [3 + byte for byte in "text 0 \u00e9\n".encode()]
    assert made.documents["in.0"].tolist() == expected
    cut = make_texts(source, MODEL, "", SetOptions(length=4)).evaluation
    assert {one.size for one in cut.documents.values()} == {4}


def test_the_command_makes_both_sets_and_shows_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, out, cal = folder(tmp_path / "texts"), tmp_path / "e.npz", tmp_path / "c.npz"
    typed = ["set", "make", str(source), "--model", str(MODEL), "-o", str(out)]
    assert run_command_line([*typed, "--calibration", str(cal), "--calibrate", "2"]) == 0
    evaluation, calibration = read_text_set(out), read_text_set(cal)
    assert (len(evaluation), len(calibration)) == (3, 2)
    require_other_texts(calibration, evaluation)
    assert "3 documents of 10 to 10 tokens" in capsys.readouterr().out
    assert run_command_line(["set", "show", str(out), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["documents"], shown["tokens"], shown["alike"]) == (3, 30, 0)


def test_a_tokenizer_of_words(tmp_path: Path) -> None:
    words = ["text", "0", "1"]
    tokenizer = Tokenizer(models.WordLevel({one: at for at, one in enumerate(words)}, "0"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    file = tmp_path / "tokenizer.json"
    tokenizer.save(str(file))
    source, options = folder(tmp_path / "texts", 2), SetOptions(tokenizer=file)
    made = make_texts(source, MODEL, tokenizer_sha256(words), options).evaluation
    assert made.tokenizer_sha256 == tokenizer_sha256(words)
    assert made.documents["in.1"].tolist()[:2] == [0, 2]
    with pytest.raises(BadInput, match="has other tokens"):
        make_texts(source, MODEL, "0" * 64, options)


def test_what_is_no_text(tmp_path: Path) -> None:
    empty, other = tmp_path / "empty", tmp_path / "model.onnx"
    empty.mkdir()
    other.write_bytes(b"\x08\x01")
    with pytest.raises(BadInput, match="holds no texts"):
        make_texts(empty, MODEL, "", PLAIN)
    (empty / "a.txt").touch()
    with pytest.raises(BadInput, match="holds no text"):
        make_texts(empty, MODEL, "", PLAIN)
    source = folder(tmp_path / "texts", 2)
    with pytest.raises(BadInput, match="give --tokenizer FILE"):
        make_texts(source, other, "", PLAIN)
    with pytest.raises(BadInput, match="leave none"):
        make_texts(source, MODEL, "", PLAIN, calibration=2)
    (source / "in.0.txt").write_text("again")
    with pytest.raises(BadInput, match="would be called"):
        make_texts(source, MODEL, "", PLAIN)
