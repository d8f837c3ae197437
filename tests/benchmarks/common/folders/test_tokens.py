"""Tokens of a `tokenizer.json` by id, in each form that the library writes; and what is none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from bitgauge.benchmarks.common.folders import objects, tokens
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code

from tests.labs.rooms import hf_folders


def written(folder: Path, held: Any) -> Path:
    path = folder / "tokenizer.json"
    path.write_text(held if isinstance(held, str) else json.dumps(held))
    return path


def test_an_object_is_read_by_id(tmp_path: Path) -> None:
    path = written(tmp_path, hf_folders.tokenizer_of(("b", "a", "<pad>")))
    assert tokens.tokens_in(path, "it") == ("b", "a", "<pad>")


def test_a_list_of_pairs_is_read_in_order(tmp_path: Path) -> None:
    held = {"model": {"vocab": [["<unk>", 0.0], ["a", -1.5]]}, "added_tokens": []}
    assert tokens.tokens_in(written(tmp_path, held), "it") == ("<unk>", "a")


def test_an_added_token_may_stand_in_the_vocabulary_too(tmp_path: Path) -> None:
    held = {"model": {"vocab": {"a": 0, "b": 7}}, "added_tokens": [{"id": 7, "content": "b"}]}
    assert tokens.tokens_in(written(tmp_path, held), "it") == ("a", "b")


@pytest.mark.parametrize(
    ("held", "why"),
    [
        ("{", "no JSON"),
        ("[]", "no object of JSON"),
        ('{"model": {"vocab": {"a": 0}}, "model": 1}', "twice"),
        ("[" * 100_000, "no JSON"),
        ({}, "no object 'model'"),
        ({"model": {}}, "no vocabulary"),
        ({"model": {"vocab": {}}}, "no token"),
        ({"model": {"vocab": {"a": -1}}}, "no id below"),
        ({"model": {"vocab": {"a": 1 << 40}}}, "no id below"),
        ({"model": {"vocab": {"a": 0, "b": 0}}}, "one id to two"),
        ({"model": {"vocab": {"a": True}}}, "no id below"),
        ({"model": {"vocab": [1]}}, "no text"),
        ({"model": {"vocab": {"a": 0}}, "added_tokens": [{"id": 0, "content": "b"}]}, "two tokens"),
        ({"model": {"vocab": {"a": 0}}, "added_tokens": 3}, "no list"),
        ('{"model": {"vocab": {"\\ud800": 0}}}', "no text"),
    ],
)
def test_anything_else_is_one_sentence(held: Any, why: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=why) as caught:
        tokens.tokens_in(written(tmp_path, held), "The tokenizer of it")
    assert caught.value.code is Code.BAD_MODEL
    assert caught.value.sentence.startswith("The")


def test_a_file_beyond_the_bound_is_not_read(tmp_path: Path) -> None:
    path = written(tmp_path, '{"a": "' + "x" * 100 + '"}')
    with pytest.raises(BadInput, match="larger than 50 bytes"):
        objects.object_in(path, "It", 50)
