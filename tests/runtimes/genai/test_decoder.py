"""onnxruntime-genai as it is: folders as artifacts, and what is wrong with one in one sentence.

What every decoder keeps is asked by `tests/contracts/test_decoder.py`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bitgauge.agents.runtimes.base import SessionOptions
from bitgauge.agents.runtimes.genai import open_decoder, probe
from bitgauge.benchmarks.common.digests import sha256_of_tokens
from bitgauge.benchmarks.protocol.generation import request
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code

from tests.labs.rooms import hf_folders

PROMPT = np.arange(3, 40)


def changed(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    held = json.loads(path.read_text())
    change(held)
    path.write_text(json.dumps(held))


def test_it_runs_on_the_cpu_alone_and_says_so(folder: Path) -> None:
    decoder = open_decoder(folder, SessionOptions(threads=1, context=100))
    told = decoder.options_set()
    assert told["provider"] == "cpu"
    assert (told["threads"], told["context"], told["arena"]) == ("1", "100", "on")
    assert probe().providers == ("cpu",)


def test_threads_are_those_that_were_asked_for(folder: Path) -> None:
    """One that computes is the caller's own; the pool of a session has the others."""

    def started(threads: int) -> int:
        before = len(os.listdir("/proc/self/task"))
        decoder = open_decoder(folder, SessionOptions(threads=threads))
        decoder.feed(PROMPT)
        more = len(os.listdir("/proc/self/task")) - before
        decoder.close()
        return more

    started(1)  # what the library itself starts, once
    assert [started(1), started(2), started(4)] == [0, 1, 3]


def test_its_tokenizer_is_that_of_its_folder(folder: Path) -> None:
    assert open_decoder(folder, SessionOptions()).tokenizer_sha256 == ""
    texts = tuple(f"t{at}" for at in range(256))
    (folder.parent / "tokenizer.json").write_text(json.dumps(hf_folders.tokenizer_of(texts)))
    expected = sha256_of_tokens(text.encode() for text in texts)
    assert open_decoder(folder, SessionOptions()).tokenizer_sha256 == expected


def test_a_token_that_ends_a_text_ends_nothing(folder: Path) -> None:
    """The library's own step would go on with padding."""
    decoder = open_decoder(folder, SessionOptions(context=64))
    decoder.feed(np.array([5]))
    ends = decoder.greedy()
    decoder.reset()
    decoder.feed(np.array([5]))
    expected = decoder.scores(np.array([5, ends, 9]))
    changed(folder, lambda held: held["model"].update(eos_token_id=ends))
    other = open_decoder(folder, SessionOptions(context=64))
    for token in (5, ends, 9):
        other.feed(np.array([token]))
    assert other.greedy() == int(expected[-1].argmax())


def test_tokens_that_end_a_text_do_not_change_what_is_generated(folder: Path) -> None:
    """Each token that is chosen is one that ends a text; the context is filled by the last one."""

    def generated() -> list[int]:
        decoder = open_decoder(folder, SessionOptions(context=32))
        return request(decoder, np.array([5]), 32)

    expected = generated()
    changed(folder, lambda held: held["model"].update(eos_token_id=sorted(set(expected))))
    assert generated() == expected


def test_what_a_folder_says_of_searching_is_not_followed(folder: Path) -> None:
    """A penalty for repetition would make another token the most probable one."""
    decoder = open_decoder(folder, SessionOptions(context=32))
    expected = request(decoder, np.array([5]), 12)
    assert len(set(expected)) < len(expected), "another seed: nothing is repeated here"
    changed(folder, lambda held: held["search"].update(repetition_penalty=5.0, min_length=20))
    assert request(open_decoder(folder, SessionOptions(context=32)), np.array([5]), 12) == expected


def test_the_context_is_that_of_the_model_at_most(folder: Path) -> None:
    assert open_decoder(folder, SessionOptions(context=10_000)).context_tokens == 1024
    assert open_decoder(folder, SessionOptions(context=10)).context_tokens == 10


def test_logits_do_not_depend_on_threads_and_options_beyond_rounding(folder: Path) -> None:
    expected = open_decoder(folder, SessionOptions(threads=1)).scores(PROMPT)
    found = open_decoder(folder, SessionOptions(threads=2, arena=False)).scores(PROMPT)
    assert np.allclose(found, expected, atol=1e-3)


def cut(name: str, size: int) -> Callable[[Path], None]:
    def do(path: Path) -> None:
        file = path.parent / name
        file.write_bytes(file.read_bytes()[:size])

    return do


def without(name: str) -> Callable[[Path], None]:
    return lambda path: (path.parent / name).unlink()


def said(**of_model: Any) -> Callable[[Path], None]:
    return lambda path: changed(path, lambda held: held["model"].update(of_model))


def evil(path: Path) -> None:
    def do(held: dict[str, Any]) -> None:
        options = held["model"]["decoder"]["session_options"]
        options["custom_ops_library"] = str(path.parent / "evil.so")

    changed(path, do)


@pytest.mark.parametrize(
    ("harm", "code", "why"),
    [
        (cut("model.onnx", 0), Code.BAD_MODEL, "ONNX Runtime GenAI cannot run"),
        (cut("model.onnx", 5000), Code.BAD_MODEL, "ONNX Runtime GenAI cannot run"),
        (cut("genai_config.json", 100), Code.BAD_MODEL, "no JSON"),
        (without("model.onnx"), Code.EXTERNAL_DATA, "not beside"),
        (said(type="nonsense"), Code.UNSUPPORTED_ARTIFACT, "no architecture"),
        (evil, Code.REFUSED_FORMAT, "custom_ops_library"),
    ],
)
def test_what_is_wrong_with_a_folder_is_one_sentence(
    harm: Callable[[Path], None], code: Code, why: str, folder: Path
) -> None:
    harm(folder)
    with pytest.raises(BitgaugeError, match=why) as caught:
        open_decoder(folder, SessionOptions())
    assert caught.value.code is code
    assert "\n" not in caught.value.sentence
    assert str(folder.parent) not in caught.value.sentence


def test_a_vocabulary_that_is_not_the_models_is_told_when_it_is_fed(folder: Path) -> None:
    said(vocab_size=300)(folder)
    with pytest.raises(BitgaugeError) as caught:
        open_decoder(folder, SessionOptions()).feed(np.array([3]))
    assert caught.value.code in (Code.BAD_MODEL, Code.RUN_FAILED)


def test_a_tokenizer_that_is_none_is_one_sentence(folder: Path) -> None:
    (folder.parent / "tokenizer.json").write_text("{}")
    with pytest.raises(BitgaugeError, match="tokenizer has no object 'model'"):
        open_decoder(folder, SessionOptions())
