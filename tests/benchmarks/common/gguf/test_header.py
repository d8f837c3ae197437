"""A GGUF file is read as far as its header goes, and not believed."""

from __future__ import annotations

import os
import struct
from dataclasses import replace
from pathlib import Path

import pytest
from bitgauge.benchmarks.common.gguf import cursor
from bitgauge.benchmarks.common.gguf import header as reading
from bitgauge.benchmarks.common.gguf.header import read_header
from bitgauge.benchmarks.common.gguf.metadata import TOKENS
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code

from tests.labs.decoders.gguf import NUMBERS, Gguf, Stored, text, tiny
from tests.labs.hostile.peak import MAX_GROWTH_BYTES, readings

HUGE = 1 << 60


def raw(tensors: int, values: int, rest: bytes = b"", version: int = 3) -> bytes:
    return b"GGUF" + struct.pack("<IQQ", version, tensors, values) + rest


def value(name: str | bytes, kind: int, data: bytes) -> bytes:
    return text(name) + struct.pack("<I", kind) + data


def array(name: str, kind: int, count: int, data: bytes = b"") -> bytes:
    return value(name, 9, struct.pack("<IQ", kind, count) + data)


def entry(name: str = "t", shape: tuple[int, ...] = (32,), kind: int = 0, at: int = 0) -> bytes:
    return text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, at)


def placed(*entries: bytes, data: int = 4096) -> bytes:
    head = raw(len(entries), 0, b"".join(entries))
    return head + bytes(-len(head) % 32) + bytes(data)


HOSTILE = {
    "empty": (b"", "ends within its first four bytes"),
    "onnx": (b"\x08\x07\x12\x04 and more", "is no GGUF file"),
    "cut in the version": (b"GGUF\x03\x00", "ends within its version"),
    "version 1": (raw(0, 0, version=1), "is of version 1 of GGUF"),
    "version 4": (raw(0, 0, version=4), "is of version 4 of GGUF"),
    "big-endian": (b"GGUF" + struct.pack(">IQQ", 3, 0, 0), "is a big-endian GGUF file"),
    "values without end": (raw(0, HUGE), f"claims {HUGE} named values"),
    "tensors without end": (raw(HUGE, 0), f"claims {HUGE} tensors"),
    "name without end": (raw(0, 1, struct.pack("<Q", HUGE)), "the name of value 0 claims"),
    "no name": (raw(0, 1, value("", 4, bytes(4))), "is empty or has characters"),
    "name that moves": (raw(0, 1, value(b"a\x1b[2J", 4, bytes(4))), "cannot be printed"),
    "one name twice": (raw(0, 2, value("a", 4, bytes(4)) * 2), "names a twice"),
    "value and array of one name": (
        raw(0, 2, value("a", 4, bytes(4)) + array("a", 4, 0)),
        "names a twice",
    ),
    "unknown type of value": (raw(0, 1, value("a", 13, bytes(8))), "of type 13"),
    "text beyond the file": (raw(0, 1, value("a", 8, struct.pack("<Q", 5000))), "ends within a"),
    "text without end": (raw(0, 1, value("a", 8, struct.pack("<Q", HUGE))), "a claims"),
    "neither true nor false": (raw(0, 1, value("a", 7, b"\2")), "neither true nor false"),
    "no finite number": (raw(0, 1, value("a", 6, b"\0\0\xc0\x7f")), "no finite number"),
    "array without end": (raw(0, 1, array("a", 4, HUGE)), f"claims {HUGE} values"),
    "array beyond the file": (raw(0, 1, array("a", 10, 1 << 24)), "ends within a"),
    "texts beyond the file": (raw(0, 1, array("a", 8, 1 << 20)), "the file is too small"),
    "tokens without end": (raw(0, 1, array(TOKENS, 8, 1 << 22)), "claims 4194304 values"),
    "tokens that are numbers": (raw(0, 1, array(TOKENS, 4, 1, bytes(4))), "array of type 4"),
    "array within an array": (raw(0, 1, array("a", 9, 1, bytes(12))), "array of type 9"),
    "alignment of 0": (raw(0, 1, value("general.alignment", 4, bytes(4))), "power of two"),
    "alignment of 33": (
        raw(0, 1, value("general.alignment", 4, struct.pack("<I", 33))),
        "power of two",
    ),
    "alignment that is text": (raw(0, 1, value("general.alignment", 8, text("x"))), "power of two"),
    "tensor without a name": (placed(entry("")), "cannot be printed"),
    "name of a tensor too long": (placed(entry("n" * 64)), "claims 64 bytes, 63"),
    "two tensors of a name": (placed(entry(), entry(at=128)), "has two tensors t"),
    "five axes": (placed(entry(shape=(1,) * 5)), "claims 5 axes"),
    "no elements": (placed(entry(shape=(32, 0))), "the shape 32x0"),
    "elements without end": (placed(entry(shape=(HUGE, HUGE))), "which none can have"),
    "unknown type of tensor": (placed(entry(kind=99)), "stored as type 99"),
    "removed type of tensor": (placed(entry(kind=4)), "stored as type 4"),
    "half a block": (placed(entry(shape=(48,), kind=8)), "q8_0 stores 32 together"),
    "beyond the file": (placed(entry(shape=(1 << 30, 1 << 30))), "and the file has"),
    "at an offset without end": (placed(entry(at=HUGE)), f"is said to lie at {HUGE}"),
    "not where it may lie": (placed(entry(at=4)), "is said to lie at 4"),
    "one over the other": (placed(entry(), entry("u", at=64)), "u is said to lie at 64"),
    "something appended": (placed(entry(), data=160), "32 bytes follow its last tensor"),
}


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, str, int]]:
    """What each of them is answered with, in one child, and the memory that it took."""
    folder = tmp_path_factory.mktemp("hostile")
    paths = [folder / str(at) for at in range(len(HOSTILE))]
    for path, (data, _) in zip(paths, HOSTILE.values(), strict=True):
        path.write_bytes(data)
    found = readings("tests.benchmarks.common.gguf.test_header:read_one", paths)
    return {
        name: (one.sentence, one.code, one.grown_bytes)
        for name, one in zip(HOSTILE, found, strict=True)
    }


def read_one(path: Path) -> object:
    return read_header(path, "the model")


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_one_sentence_and_little_memory(
    name: str, read: dict[str, tuple[str, str, int]]
) -> None:
    sentence, code, grown = read[name]
    assert HOSTILE[name][1] in sentence
    assert (code, sentence[-1], "\n" in sentence) == (Code.BAD_MODEL.value, ".", False)
    assert grown < MAX_GROWTH_BYTES


def test_what_a_file_holds(tmp_path: Path) -> None:
    whole = tiny("q8_0").with_values(general__tags=["a", "b"], note="x\u202ey", truth=True)
    found = read_header(whole.write(tmp_path / "m.gguf"), "m.gguf")
    assert found.version == 3
    assert found.metadata.text("general.architecture") == "llama"
    assert found.metadata.text("note") == "x\\u202ey"
    assert found.metadata.whole("truth") is None
    assert found.metadata.whole("llama.context_length") == 64
    assert found.metadata.arrays["general.tags"] == 2
    assert found.metadata.tokens is not None
    assert found.metadata.tokens[:2] == (b"<unk>", b"<s>")
    by_name = {one.name: one for one in found.tensors}
    down = by_name["blk.0.ffn_down.weight"]
    assert (down.shape, down.type.name, down.elements) == ((64, 32), "q8_0", 2048)
    assert down.size_bytes == 2048 // 32 * 34
    ends = [one.offset + one.size_bytes for one in found.tensors]
    starts = [one.offset for one in found.tensors]
    assert all(0 <= start - end < 32 for start, end in zip(starts[1:], ends[:-1], strict=True))
    assert 0 <= found.size_bytes - ends[-1] < 32


def test_version_2_is_read_as_3_is(tmp_path: Path) -> None:
    old = replace(tiny(), version=2)
    assert read_header(old.write(tmp_path / "m.gguf"), "m.gguf").version == 2


def test_a_file_that_is_cut_anywhere_is_one_sentence(tmp_path: Path) -> None:
    data = tiny(width=32).bytes()
    last = read_header(tiny().write(tmp_path / "m.gguf"), "m").tensors[-1]
    step = 97
    for end in (*range(0, len(data) - step, step), last.offset + last.size_bytes - 1):
        (tmp_path / "cut.gguf").write_bytes(data[:end])
        with pytest.raises(BadInput, match=r"^m is no "):
            read_header(tmp_path / "cut.gguf", "m")


def test_a_larger_alignment_is_kept(tmp_path: Path) -> None:
    plain = Gguf({"general.alignment": 64}, (Stored("t", (8,)),)).bytes()
    begin = -(-len(plain[:-32]) // 64) * 64
    (tmp_path / "m.gguf").write_bytes(plain[:-32] + bytes(begin - len(plain) + 32) + bytes(64))
    (only,) = read_header(tmp_path / "m.gguf", "m").tensors
    assert only.offset % 64 == 0


def test_no_header_is_read_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cursor, "MAX_HEADER_BYTES", 600)
    with pytest.raises(BadInput, match="beyond 0 MiB of header"):
        read_header(tiny().write(tmp_path / "m.gguf"), "m.gguf")


def test_no_pipe_is_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "m.gguf")
    with pytest.raises(BadInput, match="cannot be read"):
        read_header(tmp_path / "m.gguf", "m.gguf")
    assert reading.recognises(b"GGUF....")
    assert not reading.recognises(b"GGM")
    assert NUMBERS["q4_k"] == 12
