"""The zoo's decoder: its files are what they are said to be, its sets of pages it never saw."""

from __future__ import annotations

import hashlib
import json
import re

import numpy as np
import pytest
from bitgauge.benchmarks import zoo
from bitgauge.benchmarks.common.gguf.decoder import decoder_of
from bitgauge.benchmarks.common.gguf.header import read_header
from bitgauge.benchmarks.quality.texts import TextSet, read_text_set, tokenizer_sha256

from tests.labs.zoo.decoder.text import TEXT_PATH, TOKENS, Split, encode, load_split, pages

DECODER = zoo.decoder()
RECORD = json.loads(DECODER.path.with_suffix(".json").read_text())


@pytest.fixture(scope="module")
def split() -> Split:
    return load_split()


@pytest.fixture(scope="module")
def evaluation() -> TextSet:
    return read_text_set(DECODER.evaluation_path)


@pytest.fixture(scope="module")
def calibration() -> TextSet:
    return read_text_set(DECODER.calibration_path)


def test_the_file_and_its_text_are_those_of_the_record_and_small() -> None:
    held = DECODER.path.read_bytes()
    assert hashlib.sha256(held).hexdigest() == RECORD["sha256"]
    assert hashlib.sha256(TEXT_PATH.read_bytes()).hexdigest() == RECORD["data_sha256"]
    assert len(held) < 7_000_000
    assert re.search(rb"/(tmp|home|root|work)/", held) is None, "it names no machine"


def test_it_is_a_llama_whose_rows_every_format_of_its_library_can_divide() -> None:
    header = read_header(DECODER.path, DECODER.path.name)
    matrices = [tensor for tensor in header.tensors if len(tensor.shape) > 1]
    assert sum(tensor.elements for tensor in header.tensors) == RECORD["parameters"]
    assert len(matrices) == 30
    assert {tensor.shape[0] % 256 for tensor in matrices} == {0}
    assert {tensor.type.name.lower() for tensor in matrices} == {"f16"}


def test_model_and_sets_mean_the_same_tokens(evaluation: TextSet, calibration: TextSet) -> None:
    found = decoder_of(read_header(DECODER.path, DECODER.path.name))
    digest = tokenizer_sha256(TOKENS)
    assert found.tokenizer_sha256 == digest
    assert evaluation.tokenizer_sha256 == calibration.tokenizer_sha256 == digest
    assert (found.vocabulary, found.context_tokens, found.bos) == (260, 512, 1)


def test_the_sets_are_what_the_script_draws_of_the_text(
    split: Split, evaluation: TextSet, calibration: TextSet
) -> None:
    for held, drawn in ((evaluation, split.evaluation), (calibration, split.calibration)):
        assert [*held.documents] == [*drawn]
        for name, tokens in held.documents.items():
            np.testing.assert_array_equal(tokens, drawn[name])
    assert (len(evaluation), len(calibration)) == (24, 16)
    assert {len(one) for one in evaluation.documents.values()} == {4 * 255}
    assert {len(one) for one in calibration.documents.values()} == {2040}


def test_no_page_and_no_paragraph_is_in_two_parts(split: Split) -> None:
    parts = (set(split.training), set(split.calibration), set(split.evaluation))
    assert sum(map(len, parts)) == len(pages()) == len(set().union(*parts))
    assert sorted(parts[0]) == RECORD["training_documents"]
    seen: dict[str, str] = {}
    for name, text in pages().items():
        for paragraph in text.splitlines():
            assert seen.setdefault(paragraph, name) == name
    learned = b"\n".join(
        (tokens - 3).astype(np.uint8).tobytes() for tokens in split.training.values()
    )
    for tokens in split.evaluation.values():
        start = (tokens[300:380] - 3).astype(np.uint8).tobytes()
        assert start not in learned


def test_a_token_is_a_byte() -> None:
    assert encode("aé").tolist() == [3 + 0x61, 3 + 0xC3, 3 + 0xA9]
    assert [TOKENS[token] for token in encode("a")] == ["<0x61>"]
    assert len(set(TOKENS)) == len(TOKENS) == 260
