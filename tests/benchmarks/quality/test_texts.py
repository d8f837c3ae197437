"""Text sets: what survives the file, and what is refused in one sentence."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bitgauge.benchmarks.quality.sets import EvaluationSet, encoded_set
from bitgauge.benchmarks.quality.texts import (
    LONGEST_DOCUMENT_ID,
    MAX_SET_TOKENS,
    MAX_TEXT_DOCUMENTS,
    SCHEMA,
    TextSet,
    encoded_text_set,
    is_text_set,
    read_text_set,
    require_other_texts,
    require_tokenizer,
    tokenizer_sha256,
    write_text_set,
)
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code

from tests.labs.sets import npz

TOKENIZER = tokenizer_sha256(["<s>", "a", "b"])
SET = TextSet({"one": np.array([1, 2]), "two": np.array([2])}, TOKENIZER, {"source": "made"})


def texts(**changes: Any) -> bytes:
    plain = {
        "schema": np.array(SCHEMA),
        "tokenizer": np.array(TOKENIZER),
        "documents/one": np.array([1, 2]),
    }
    return npz(**{name: array for name, array in (plain | changes).items() if array is not None})


def test_a_set_survives_the_file(tmp_path: Path) -> None:
    path = tmp_path / "t.npz"
    write_text_set(path, SET)
    back = read_text_set(path)
    assert list(back.documents) == ["one", "two"]
    assert [one.tolist() for one in back.documents.values()] == [[1, 2], [2]]
    assert (back.tokenizer_sha256, back.preprocessing) == (TOKENIZER, {"source": "made"})
    assert (len(back), back.tokens) == (2, 3)
    assert path.read_bytes() == encoded_text_set(SET)


def test_as_many_documents_as_may_be_fit(tmp_path: Path) -> None:
    names = [f"{place:0{LONGEST_DOCUMENT_ID}d}" for place in range(MAX_TEXT_DOCUMENTS)]
    many = TextSet({name: np.array([1]) for name in names}, TOKENIZER, {"source": "made"})
    assert list(read_text_set(encoded_text_set(many)).documents) == names


def test_a_tokenizer_is_its_tokens_in_order() -> None:
    assert hashlib.sha256(b"<s>\0a\0b\0").hexdigest() == TOKENIZER
    assert tokenizer_sha256(["a", "b", "<s>"]) != TOKENIZER
    assert tokenizer_sha256(["ab"]) != tokenizer_sha256(["a", "b"])


def test_both_kinds_of_set_are_told_apart(tmp_path: Path) -> None:
    samples = EvaluationSet({"x": np.zeros((1, 1))}, None, np.array(["0"]))
    assert is_text_set(encoded_text_set(SET))
    assert not is_text_set(encoded_set(samples))
    assert not is_text_set(b"no set at all")
    with pytest.raises(BadInput, match=r"not bitgauge\.text/1|documents/<id>"):
        read_text_set(encoded_set(samples))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (texts(schema=np.array("bitgauge.text/9")), "not bitgauge.text/1"),
        (texts(tokenizer=None), "does not say its tokenizer"),
        (texts(tokenizer=np.array("A" * 64)), "does not say its tokenizer"),
        (texts(tokenizer=np.array(["a"])), "no text of bearable length"),
        (texts(extra=np.zeros(1)), "other arrays: extra"),
        (texts(**{"documents/one": None}), "other arrays: none"),
        (texts(**{"documents/": np.array([1])}), "no id of a document"),
        (texts(**{"documents/a\\b": np.array([1])}), "no id of a document"),
        (texts(**{"documents/" + "x" * 65: np.array([1])}), "no id of a document"),
        (texts(**{"documents/one": np.array([], np.int64)}), "no row of whole numbers"),
        (texts(**{"documents/one": np.array([1.0])}), "no row of whole numbers"),
        (texts(**{"documents/one": np.array([[1]])}), "no row of whole numbers"),
        (texts(**{"documents/one": np.array([-1])}), "are no tokens"),
        (texts(**{"documents/one": np.array([1 << 40])}), "are no tokens"),
        (texts(preprocessing=np.array("[")), "no JSON object"),
        (
            texts(
                **{
                    "documents/one": np.zeros(MAX_SET_TOKENS, np.int64),
                    "documents/b": np.zeros(1, np.int64),
                }
            ),
            "are taken at most",
        ),
    ],
)
def test_what_is_no_set_of_texts(data: bytes, words: str) -> None:
    for code in (Code.BAD_EVALUATION_SET, Code.BAD_CALIBRATION_SET):
        with pytest.raises(BadInput) as caught:
            read_text_set(data, code)
        assert caught.value.code is code
        assert words in caught.value.sentence


def test_calibration_and_evaluation_share_no_document() -> None:
    other = TextSet({"three": np.array([7])}, TOKENIZER)
    require_other_texts(other, SET)
    with pytest.raises(BadInput, match="1 documents for calibration"):
        require_other_texts(TextSet({"renamed": np.array([2])}, TOKENIZER), SET)
    with pytest.raises(BadInput, match="another tokenizer"):
        require_other_texts(TextSet({"three": np.array([7])}, "0" * 64), SET)


def test_a_set_of_another_tokenizer() -> None:
    require_tokenizer(SET, TOKENIZER)
    require_tokenizer(SET, "")
    with pytest.raises(BadInput, match=f"{TOKENIZER[:12]}, the model has 000000000000"):
        require_tokenizer(SET, "0" * 64)
