"""Files that are broken, lie or mean harm: each is refused in one sentence, by whom it concerns."""

from __future__ import annotations

import struct
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from bitgauge.agents.runtimes import llamacpp as runtime
from bitgauge.agents.runtimes.base import SessionOptions
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code

from tests.labs.decoders.gguf import Gguf, tiny

Change = Callable[[Gguf], Gguf | bytes]


def values(**changes: object) -> Change:
    return lambda good: good.with_values(**changes)


def without(name: str) -> Change:
    return lambda good: replace(good, tensors=[one for one in good.tensors if one.name != name])


def reshaped(good: Gguf) -> Gguf:
    tensors = [
        replace(one, shape=(32, 32)) if one.name == "blk.0.ffn_up.weight" else one
        for one in good.tensors
    ]
    return replace(good, tensors=tensors)


def cut(share: float) -> Change:
    return lambda good: good.bytes()[: round(share * len(good.bytes()))]


def counts(tensors: int, named: int) -> Change:
    def change(good: Gguf) -> bytes:
        return b"GGUF" + struct.pack("<IQQ", 3, tensors, named) + good.bytes()[24:]

    return change


def long_text(good: Gguf) -> bytes:
    """The first name claims 2^60 bytes."""
    return good.bytes()[:24] + struct.pack("<Q", 1 << 60) + good.bytes()[32:]


def renamed_architecture(good: Gguf) -> Gguf:
    named = {name.replace("llama.", "lxama.", 1): one for name, one in good.values.items()}
    return replace(good, values={**named, "general.architecture": "lxama"})


REFUSED: dict[str, tuple[Change, Code, str]] = {
    "of another architecture": (
        renamed_architecture,
        Code.UNSUPPORTED_ARTIFACT,
        "Architecture 'lxama', which the artifact names, is none of llama.cpp's",
    ),
    "without a tokenizer": (values(tokenizer__ggml__tokens=None), Code.BAD_MODEL, "tokenizer"),
    "with a tokenizer of no kind": (
        values(tokenizer__ggml__model="nonesuch"),
        Code.BAD_MODEL,
        "unknown tokenizer: 'nonesuch'",
    ),
    "without a layer's matrix": (
        without("blk.0.ffn_up.weight"),
        Code.BAD_MODEL,
        "tensor 'blk.0.ffn_up.weight' not found",
    ),
    "with a matrix of another shape": (reshaped, Code.BAD_MODEL, "ffn_up.weight' has wrong shape"),
    "of no layer": (values(llama__block_count=0), Code.BAD_MODEL, "claims 0 layers"),
    "of a million layers": (values(llama__block_count=1_000_000), Code.BAD_MODEL, "and holds 1"),
    "with a negative epsilon": (
        values(llama__attention__layer_norm_rms_epsilon=-1.0),
        Code.BAD_MODEL,
        "less than 0",
    ),
    "with no head": (values(llama__attention__head_count=0), Code.BAD_MODEL, "llama.cpp"),
    "with endless heads": (
        values(llama__attention__head_count=0xFFFFFFFF),
        Code.BAD_MODEL,
        "llama.cpp",
    ),
    "that turns nothing": (values(llama__rope__dimension_count=0), Code.BAD_MODEL, "n_rot"),
    "cut within its weights": (cut(0.9), Code.BAD_MODEL, "and the file has"),
    "cut within its header": (cut(0.02), Code.BAD_MODEL, "it ends within"),
    "of endless tensors": (counts(1 << 60, 3), Code.BAD_MODEL, ""),
    "of endless values": (counts(3, 1 << 60), Code.BAD_MODEL, ""),
    "with a text of 2^60 bytes": (long_text, Code.BAD_MODEL, ""),
    "of nothing": (lambda _: b"", Code.BAD_MODEL, ""),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_is_one_sentence(case: str, tmp_path: Path) -> None:
    change, code, words = REFUSED[case]
    made = change(tiny())
    path = tmp_path / "hostile.gguf"
    path.write_bytes(made if isinstance(made, bytes) else made.bytes())
    with pytest.raises(BitgaugeError) as caught:
        runtime.open_decoder(path, SessionOptions(context=32))
    assert caught.value.code is code, caught.value
    assert words in caught.value.sentence
    assert "\n" not in caught.value.sentence
    assert str(tmp_path) not in caught.value.sentence


def test_the_file_that_they_are_made_of_is_taken(tmp_path: Path) -> None:
    decoder = runtime.open_decoder(tiny().write(tmp_path / "good.gguf"), SessionOptions(context=32))
    assert decoder.scores(np.arange(8)).shape == (8, decoder.vocabulary)
    decoder.close()


def test_a_context_that_there_is_no_room_for_is_out_of_memory(tmp_path: Path) -> None:
    """As in a child, whose address space is limited."""
    large = tiny().with_values(llama__context_length=1 << 30)
    program = f"""
import resource
from pathlib import Path
import numpy
from bitgauge.agents.runtimes import llamacpp
from bitgauge.agents.runtimes.base import SessionOptions
llamacpp.prepare()
resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
path = Path({str(large.write(tmp_path / "large.gguf"))!r})
decoder = llamacpp.open_decoder(path, SessionOptions(context=1 << 30))
try:
    decoder.feed(numpy.arange(4))
except MemoryError as error:
    print(error)
"""
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60
    )
    assert "could not allocate what the context needs" in ended.stdout, ended.stderr[-500:]


def test_a_load_is_refused(model: Path) -> None:
    with pytest.raises(BitgaugeError) as caught:
        runtime.load(model, SessionOptions())
    assert caught.value.code is Code.UNSUPPORTED_ARTIFACT
