"""The committed table follows from its records, and an edit of any number is found."""

from __future__ import annotations

import json
import random
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from bitgauge.benchmarks.analysis.analyse import ANALYSIS_VERSION
from bitgauge.benchmarks.table import file as table_file
from bitgauge.benchmarks.table.evidence import RunRecord
from bitgauge.benchmarks.table.file import lean
from bitgauge.coordinator.cli.app import run_command_line

from tests.labs.exported import HOSTS, PATH, SECRET, store_table
from tests.labs.stored_run import store_run
from tests.snapshot import (
    FOLDER,
    NUMERICAL,
    differences,
    main,
    outdated,
    problems,
    read,
    with_raw,
)

MAX_BYTES = 3_000_000
AGAIN = "run `python -m tests.snapshot --write`, and look at what it changes before it is committed"


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BITGAUGE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in ("BITGAUGE_DB", "BITGAUGE_COORDINATOR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FOLDER, tmp_path / "snapshot"))


def test_the_committed_table_follows_from_its_records() -> None:
    assert problems(FOLDER) == [], AGAIN


def test_the_numbers_of_the_full_run_come_of_this_analysis() -> None:
    """The numbers of the other runs cannot: their raw files were not kept."""
    assert outdated(FOLDER) == []
    (run,) = (FOLDER / "raw").iterdir()
    assert len(list(run.iterdir())) > 10


def test_a_run_of_an_older_analysis_is_named_and_analysed_again(copy: Path) -> None:
    ((path, _),) = with_raw(read(copy)).items()
    record = copy / "runs" / path
    now = record.read_bytes()
    older = json.loads(now) | {"analysis_version": ANALYSIS_VERSION - 1}
    (median,) = [one for one in older["metrics"] if one["key"] == "latency_p50_ns"]
    median["low"] *= 0.9
    record.write_bytes(msgspec.json.encode(older))
    (named,) = outdated(copy)
    assert f"has analysis version {ANALYSIS_VERSION - 1}, this is {ANALYSIS_VERSION}" in named
    assert main(["--write", str(copy)]) == 1  # only the table is made anew
    assert main(["--analyse", str(copy)]) == 0
    assert differences(json.loads(record.read_bytes()), json.loads(now), NUMERICAL) == []
    (raw,) = (copy / "raw").iterdir()
    next(raw.glob("pair-*.npz")).write_bytes(b"another")
    with pytest.raises(ValueError, match="is not the file that was measured"):
        main(["--analyse", str(copy)])


def test_it_is_small_and_names_no_host_and_no_path() -> None:
    files = [path for path in FOLDER.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < MAX_BYTES
    for path in files:
        if path.suffix == ".json":
            text = path.read_text("utf-8")
            assert not re.search(r'"/|/home/|/root|/tmp/|/usr/|file:|@', text), path
            device_names = set(re.findall(r'"device_name": "([^"]*)"', text))
            assert device_names <= {"AMD EPYC, 2 cores"}


def test_an_edit_of_any_number_is_found() -> None:
    made = lean(read(FOLDER).table)
    told = json.loads((FOLDER / "table.json").read_text())
    del told["schema"], told["sha256"]
    numbers = list(_numbers(told))
    assert len(numbers) > 5000
    for holder, key in random.Random(4).sample(numbers, 60):
        kept = holder[key]
        holder[key] = kept + 1 if isinstance(kept, int) else kept * 1.000001 + 1e-9
        (found,) = differences(told, made)
        assert str(key) in found
        holder[key] = kept
    assert differences(told, made) == []


def _numbers(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place that holds a number: what holds it, and under which key."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for key, one in pairs:
        if isinstance(one, (dict, list)):
            yield from _numbers(one)
        elif isinstance(one, (int, float)) and not isinstance(one, bool):
            yield value, key


def test_an_edit_that_hides_behind_a_new_digest_is_found(copy: Path) -> None:
    path = copy / "table.json"
    told = json.loads(path.read_text())
    told["rows"][3]["metrics"][2]["value"] = 0.01
    path.write_text(json.dumps(told))
    (edited,) = problems(copy)
    assert "changed after it was exported" in edited
    del told["sha256"]
    path.write_text(json.dumps({**told, "sha256": table_file._digest(told)}))
    found = problems(copy)
    assert found[0].startswith("table.json.rows[3].metrics[2].value: is 0.01, should be ")
    assert main([str(copy)]) == 1
    assert main(["--write", str(copy)]) == 0
    assert path.read_bytes() == (FOLDER / "table.json").read_bytes()


def test_an_edited_record_and_an_edited_raw_file_are_found(copy: Path) -> None:
    (raw,) = (copy / "raw").iterdir()
    ((path, record),) = with_raw(read(copy)).items()
    told = json.loads((copy / "runs" / path).read_text())
    (ratio,) = [one for one in told["metrics"] if one["key"] == "latency_ratio"]
    ratio["value"] *= 0.9
    (copy / "runs" / path).write_text(json.dumps(told))
    assert msgspec.json.decode((copy / "runs" / path).read_bytes(), type=RunRecord) != record
    found = "\n".join(problems(copy))
    assert ".value: is" in found
    assert "from its raw files" in found
    main(["--write", str(copy)])  # the table follows the record again, the raw files do not
    (left,) = problems(copy)
    assert "from its raw files" in left
    some = next(raw.glob("pair-*.npz"))
    some.write_bytes(some.read_bytes()[:-1] + b"x")
    assert any("is not the file that was measured" in one for one in problems(copy))
    some.unlink()
    assert any("is missing, other than" in one for one in problems(copy))


def test_the_readme_of_the_snapshot_tells_its_machine_and_its_run() -> None:
    text = (FOLDER / "README.md").read_text()
    evidence = read(FOLDER)
    for device in evidence.machines.devices:
        assert device.processor_model in text
        assert device.realness.value.replace("_", " ") in text
    (run,) = (FOLDER / "raw").iterdir()
    assert run.name in text


def test_the_snapshot_answers_before_anything_runs(capsys: pytest.CaptureFixture[str]) -> None:
    file = str(FOLDER / "table.json")
    assert run_command_line(["table", "--from", file]) == 0
    assert "int8" in capsys.readouterr().out
    asked = ["select", "--model-class", "cnn", "--hardware", "cpu_only", "--from", file, "--json"]
    assert run_command_line(asked) == 0
    assert json.loads(capsys.readouterr().out)["candidates"]


def test_evidence_of_a_database_follows_from_its_records(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    database = store_table(tmp_path)
    folder = tmp_path / "evidence"
    assert run_command_line(["export", "--db", str(database), "--evidence", str(folder)]) == 0
    (folder / "raw").mkdir()
    assert problems(folder) == []
    assert len(read(folder).records) == 20
    everything = b"".join(path.read_bytes() for path in folder.rglob("*.*"))
    for secret in (*HOSTS, SECRET, PATH):
        assert secret.encode() not in everything
    assert capsys.readouterr().err == f"Wrote 20 rows and their evidence to {folder}.\n"


def test_evidence_with_raw_files_is_analysed_again(tmp_path: Path) -> None:
    stored = store_run(tmp_path)
    folder = tmp_path / "evidence"
    words = ["--evidence", str(folder), "--raw", stored.run_id]
    assert run_command_line(["export", "--db", str(stored.database), *words]) == 0
    assert problems(folder) == []
    assert len(list((folder / "raw" / stored.run_id).iterdir())) == len(stored.files)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--evidence", "taken"), "taken exists; give the name of a new folder."),
        (("--evidence", "no/folder"), "no/folder cannot be written: No such file"),
        (("--evidence", "new", "--raw", "nobody"), "The table shows no run 'nobody'."),
        (("--raw", "nobody"), "--raw RUN goes with --evidence DIR."),
        (("--evidence", "new", "-o", "file"), "--evidence DIR writes a whole folder"),
    ],
)
def test_evidence_that_cannot_be_written_is_one_sentence_and_no_folder(
    tmp_path: Path,
    words: tuple[str, ...],
    expected: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    database = store_table(tmp_path)
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    Path("taken").mkdir()
    assert run_command_line(["export", "--db", str(database), *words]) == 2
    printed = capsys.readouterr()
    assert expected in printed.err
    assert printed.err.count("\n") == 1
    assert [path.name for path in Path().iterdir()] == ["taken"]


def test_only_a_database_has_evidence(capsys: pytest.CaptureFixture[str]) -> None:
    file = str(FOLDER / "table.json")
    assert run_command_line(["export", "--from", file, "--evidence", "new"]) == 2
    assert "--evidence needs a database: give --db PATH." in capsys.readouterr().err
