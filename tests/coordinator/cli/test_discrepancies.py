"""`bitgauge discrepancies` on a run that is stored: words, JSON, verdicts of critical classes."""

from __future__ import annotations

import json

import pytest
from bitgauge.coordinator.cli.app import run_command_line

from tests.labs.stored_run import StoredRun, store_run


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> StoredRun:
    return store_run(tmp_path_factory.mktemp("home"))


def typed(stored: StoredRun, *words: str) -> int:
    return run_command_line(["discrepancies", stored.run_id, *words, "--db", str(stored.database)])


def test_a_run_says_which_samples_changed_and_where(
    stored: StoredRun, capsys: pytest.CaptureFixture[str]
) -> None:
    assert typed(stored, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["run_id"] == stored.run_id
    assert len([one for one in told["worst"] if one["change"] != "same"]) == told["flips"] > 0
    lost = sum(one["b"] for one in told["classes"])
    assert lost == len([one for one in told["worst"] if one["change"] == "lost"])
    assert typed(stored) == 0
    out = capsys.readouterr().out
    assert "rounding: " in out or "is not known" in out
    assert "baseline" in out


def test_a_critical_class_decides_the_exit_code(
    stored: StoredRun, capsys: pytest.CaptureFixture[str]
) -> None:
    typed(stored, "--json")
    worst = json.loads(capsys.readouterr().out)["classes"][0]
    code = typed(stored, "--critical", f"{worst['label']}=0", "--json")
    told = json.loads(capsys.readouterr().out)["classes"]
    [one] = [one for one in told if one["margin_pp"] is not None]
    assert code == {"PASS": 0, "FAIL": 1, "UNDECIDED": 3}[one["verdict"]]
    assert code in (1, 3)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--critical", "three"), "is not like 3=0.5"),
        (("--critical", "3=200"), "margin of 0 to 100"),
        (("--critical", "77=1"), "No sample of the evaluation set is of class 77"),
    ],
)
def test_what_cannot_be_asked_is_one_sentence(
    stored: StoredRun, words: tuple[str, str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert typed(stored, *words) == 2
    assert sentence in capsys.readouterr().err


def test_a_baseline_has_nothing_to_part_from(
    stored: StoredRun, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["discrepancies", stored.baseline_run_id, "--db", str(stored.database)]
    assert run_command_line(words) == 2
    assert "no answers of an artifact beside its baseline's" in capsys.readouterr().err
