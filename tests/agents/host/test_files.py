"""Small files of /proc and /sys."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from bitgauge.agents.host.files import OpenFile, counted, kilobytes, number, parsed, text, whole

from tests.labs.trees import put


@pytest.mark.parametrize(
    ("content", "as_text", "as_whole", "as_number"),
    [
        ("42\n", "42", 42, 42.0),
        ("1.5\n", "1.5", None, 1.5),
        ("board\0", "board", None, None),
        ("", "", None, None),
        ("inf\n", "inf", None, None),
    ],
)
def test_a_file_is_text_or_a_number_or_nothing(
    tmp_path: Path, content: str, as_text: str, as_whole: int | None, as_number: float | None
) -> None:
    put(tmp_path, "f", content)
    path = tmp_path / "f"
    assert (text(path), whole(path), number(path)) == (as_text, as_whole, as_number)


def test_what_is_not_there_or_no_file_is_nothing(tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path):
        assert (text(path), whole(path), number(path)) == ("", None, None)
        assert parsed(path, float) is None
        assert kilobytes(path, ("VmRSS",)) == {}
        assert counted(path, "oom_kill") is None


def test_fields_and_counters(tmp_path: Path) -> None:
    put(tmp_path, "status", "VmRSS:\t 3 kB\nThreads:\t4\nVmHWM:\t 9 kB\n")
    assert kilobytes(tmp_path / "status", ("VmRSS", "Threads", "VmPeak")) == {"VmRSS": 3072}
    put(tmp_path, "vmstat", "oom_kill_all x\noom_kill 3\n")
    assert counted(tmp_path / "vmstat", "oom_kill") == 3
    assert counted(tmp_path / "vmstat", "oom_kill_all") is None


def test_an_open_file_is_read_anew_each_time(tmp_path: Path) -> None:
    put(tmp_path, "f", "1\n")
    file = OpenFile(tmp_path / "f", float, math.nan)
    assert (file.is_open, file.value()) == (True, 1.0)
    put(tmp_path, "f", "2\n")
    assert file.value() == 2.0
    put(tmp_path, "f", "x\n")
    assert math.isnan(file.value())
    file.close()
    file.close()
    assert not file.is_open
    assert math.isnan(file.value())
    for nothing in (None, tmp_path / "none"):
        assert not OpenFile(nothing, float, math.nan).is_open
