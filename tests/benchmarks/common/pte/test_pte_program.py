"""A .pte file is read strictly: whatever its bytes, the answer is a program or one sentence."""

from __future__ import annotations

import contextlib
import struct
from pathlib import Path

import pytest
from bitgauge.agents.runtimes.executorch import tiny
from bitgauge.benchmarks.common.pte import program
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

FILE = tiny.SENTINEL


def read(data: bytes, folder: Path) -> program.PteProgram:
    path = folder / "model"
    path.write_bytes(data)
    return program.read(path, "m.pte")


def test_what_it_is(tmp_path: Path) -> None:
    found = read(FILE, tmp_path)
    assert found.inputs == (program.PteTensor("x", "float32", (1, 192, 192)),)
    assert found.outputs == (program.PteTensor("y", "float32", (1, 192, 192)),)
    assert found.delegates == {"XnnpackBackend": 1}
    assert found.operators == {}
    assert set(found.methods) == {"forward", program.INPUT_NAMES, program.OUTPUT_NAMES}
    assert 0 < found.segment_bytes < len(FILE)


def test_names_that_it_does_not_keep_are_numbers(tmp_path: Path) -> None:
    data = FILE.replace(program.INPUT_NAMES.encode(), b"b" * len(program.INPUT_NAMES))
    assert [one.name for one in read(data, tmp_path).inputs] == ["input_0"]


REFUSED = {
    "nothing": (b"", Code.BAD_MODEL, "no program of ExecuTorch"),
    "another kind": (b"\x1c\0\0\0TFL3" + FILE[8:], Code.BAD_MODEL, "no program of ExecuTorch"),
    "another format": (
        FILE[:4] + b"ET13" + FILE[8:],
        Code.UNSUPPORTED_ARTIFACT,
        "'ET13'; ET12 is known",
    ),
    "a part": (FILE[:1500], Code.BAD_MODEL, f"has 1500 bytes and should have {len(FILE)}"),
    "its header": (FILE[:20], Code.BAD_MODEL, "ends within its header"),
    "another method": (
        FILE.replace(b"forward", b"backwrd"),
        Code.UNSUPPORTED_ARTIFACT,
        "no method forward",
    ),
    "a root elsewhere": (
        struct.pack("<I", 1 << 30) + FILE[4:],
        Code.BAD_MODEL,
        "is damaged",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_it_is_not_is_one_sentence(what: str, tmp_path: Path) -> None:
    data, code, words = REFUSED[what]
    with pytest.raises(BitgaugeError, match=words) as caught:
        read(data, tmp_path)
    assert caught.value.code is code
    assert "\n" not in caught.value.sentence


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, len(FILE) - 1), st.binary(min_size=1, max_size=8))))
def test_damage_anywhere_is_a_program_or_one_sentence(
    tmp_path: Path, damage: list[tuple[int, bytes]]
) -> None:
    data = bytearray(FILE)
    for at, new in damage:
        data[at : at + len(new)] = new
    with contextlib.suppress(BitgaugeError):
        found = read(bytes(data[: len(FILE)]), tmp_path)
        assert all(size is None or size >= 0 for one in found.inputs for size in one.shape)
