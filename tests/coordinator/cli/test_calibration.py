"""`bitgauge calibration`: exit codes, one sentence for what cannot be, nothing half-written."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from bitgauge.benchmarks.quality.sets import (
    EvaluationSet,
    read_evaluation_set,
    write_evaluation_set,
)
from bitgauge.coordinator.cli.app import run_command_line

RNG = np.random.default_rng(2)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    def save(name: str, values: np.ndarray, strata: list[str] | None = None) -> None:
        ids = np.array([str(at) for at in range(len(values))])
        told = None if strata is None else np.array(strata)
        write_evaluation_set(tmp_path / name, EvaluationSet({"x": values}, None, ids, told))

    save("good.npz", RNG.normal(size=(200, 3)), ["day", "ni\x1b[31mght"] * 100)
    save("shifted.npz", RNG.normal(1.0, 1.0, size=(200, 3)), ["day", "ni\x1b[31mght"] * 100)
    save("huge.npz", RNG.choice([-1e308, 1e308], size=(200, 3)))
    save("large.npz", RNG.normal(size=(200, 3)) * 1e200)
    return tmp_path


def test_a_check_answers_and_its_exit_code_is_the_verdict(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["calibration", "check", str(folder / "good.npz"), "--against"]
    assert run_command_line([*words, str(folder / "good.npz")]) == 0
    assert "stands for" in capsys.readouterr().out
    assert run_command_line([*words, str(folder / "shifted.npz")]) == 1
    out = capsys.readouterr().out
    assert "does not stand for" in out
    assert "\x1b" not in out
    assert run_command_line([*words, str(folder / "shifted.npz"), "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["verdict"], told["effects"][0]["found"]) == ("failed", "shifted")


@pytest.mark.parametrize("name", ["huge.npz", "large.npz"])
@pytest.mark.filterwarnings("error")
def test_values_of_which_there_is_no_spread_are_refused(
    folder: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["calibration", "check", str(folder / "good.npz"), "--against", str(folder / name)]
    assert run_command_line(words) == 2
    assert "Values are too large to be compared" in capsys.readouterr().err


def test_a_choice_is_written_whole_or_not_at_all(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["calibration", "sample", str(folder / "good.npz"), "--count", "20"]
    assert run_command_line([*words, "--weight", "day=3", "-o", str(folder / "o.npz")]) == 0
    assert len(read_evaluation_set(folder / "o.npz")) == 20
    for more, sentence in (
        (("-o", str(folder / "none/o.npz")), "cannot be written: No such file"),
        (("--weight", "day", "-o", str(folder / "p.npz")), "is not like night=2"),
        (("--weight", "fog=1", "-o", str(folder / "p.npz")), "There is no stratum 'fog'"),
    ):
        assert run_command_line([*words, *more]) == 2
        assert sentence in capsys.readouterr().err
    assert not (folder / "p.npz").exists()


def test_a_set_says_its_task_and_what_is_true(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = EvaluationSet(
        {"x": RNG.normal(size=(4, 2))},
        None,
        np.array(list("abcd")),
        task="ranking@5",
        truth={"relevance": np.ones((4, 3), np.int64)},
    )
    write_evaluation_set(tmp_path / "e.npz", made)
    assert run_command_line(["set", "show", str(tmp_path / "e.npz")]) == 0
    assert "task ranking@5: truth/relevance int64 (3,)" in capsys.readouterr().out
