"""Archives that expand or lie are refused by what they say, before their data is unpacked."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from bitgauge.benchmarks.common import npz as reading
from bitgauge.benchmarks.common.npz import opened_npz, read_npz, write_npz
from bitgauge.benchmarks.common.zip_directory import Bounds
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code

from tests.labs.hostile.archives import HOSTILE, npz, understated
from tests.labs.hostile.peak import MAX_GROWTH_BYTES, Reading, readings

READERS = {
    "bitgauge.benchmarks.quality.sets:read_evaluation_set": Code.BAD_EVALUATION_SET,
    "bitgauge.benchmarks.raw.container:read_raw": Code.BAD_RAW,
}


@pytest.fixture(scope="module", params=READERS, ids=["set", "raw"])
def read(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Code, dict[str, Reading]]:
    """Every hostile archive for one reader, in one child."""
    folder = tmp_path_factory.mktemp("hostile")
    for name, (data, _) in HOSTILE.items():
        (folder / name).write_bytes(data)
    paths = [folder / name for name in HOSTILE]
    found = dict(zip(HOSTILE, readings(request.param, paths), strict=True))
    return READERS[request.param], found


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_archive_is_one_sentence_and_little_memory(
    name: str, read: tuple[Code, dict[str, Reading]]
) -> None:
    code, found = read
    one = found[name]
    assert HOSTILE[name][1] in one.sentence, one
    assert one.code == code.value
    assert one.grown_bytes < MAX_GROWTH_BYTES
    assert one.sentence.endswith(".")
    assert "\n" not in one.sentence


def test_no_more_is_unpacked_than_a_member_says(tmp_path: Path) -> None:
    path = tmp_path / "understated.npz"
    path.write_bytes(understated(1 << 29))
    (found,) = readings("bitgauge.benchmarks.quality.sets:read_evaluation_set", [path])
    assert (found.sentence, found.grown_bytes < 16 << 20) == ("", True)


def test_headers_are_there_before_any_array(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.npz"
    write_npz(path, {"x": np.zeros((3, 4), np.int8), "y": np.array(["a", "bc"])})
    monkeypatch.setattr(reading.Npz, "array", None)
    with opened_npz(path, Code.BAD_RAW, what="it") as found:
        assert {name: one.shape for name, one in found.headers.items()} == {"x": (3, 4), "y": (2,)}
        assert found.headers["y"].nbytes == 16


@pytest.mark.parametrize(
    ("bounds", "word"),
    [
        (Bounds(archive_bytes=100), "bytes are more than the limit of 100"),
        (Bounds(unpacked_bytes=100), "unpacks to more than 100 bytes"),
        (Bounds(members=1), "2 arrays are more than the limit of 1"),
        (Bounds(items=11), "holds 12 values, 11 are the limit"),
    ],
)
def test_each_bound_is_kept(bounds: Bounds, word: str) -> None:
    data = npz(x=np.zeros((3, 4)), y=np.zeros(2))
    with pytest.raises(BadInput, match=word):
        read_npz(data, Code.BAD_RAW, what="it", bounds=bounds)
    assert read_npz(data, Code.BAD_RAW, what="it")["x"].shape == (3, 4)


def test_what_never_ends_is_no_archive(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero"), tmp_path):
        with pytest.raises(BadInput, match="no plain file") as error:
            read_npz(path, Code.BAD_RAW, what="it")
        assert error.value.code is Code.FILE_UNREADABLE
