from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from bitgauge.benchmarks.common.agreement import PROTOCOL_VERSION
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code
from bitgauge.coordinator.cli import app as cli
from bitgauge.coordinator.cli.app import run_command_line
from bitgauge.coordinator.store.store import Store

HEAVY = ("ray", "scipy", "onnx", "onnxruntime", "sklearn", "sqlite_utils")


@pytest.fixture
def database(tmp_path: Path) -> str:
    path = tmp_path / "store.db"
    Store.open(path).close()
    return str(path)


def error_line(capsys: pytest.CaptureFixture[str]) -> str:
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert "Traceback" not in printed.err
    return printed.err.strip()


def test_no_arguments_print_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line([]) == 0
    assert "select" in capsys.readouterr().out


@pytest.mark.parametrize("info", cli.app.registered_commands, ids=lambda info: "")
def test_every_command_has_help_with_an_example(
    info: object, capsys: pytest.CaptureFixture[str]
) -> None:
    callback = getattr(info, "callback", None)
    assert callback is not None
    name = getattr(info, "name", None) or callback.__name__
    assert run_command_line([name, "--help"]) == 0
    assert f"Example: bitgauge {name}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["tabel"], "error: No such command 'tabel'"),
        (["table", "--batch", "x"], "Run `bitgauge table --help`"),
        (["select"], "error: Missing option '--model-class'"),
        (["select", "--model-class", "cnm", "--hardware", "cpu_only"], "did you mean cnn?"),
        (["select", "--model-class", "cnn", "--hardware", "cpu-onl"], "did you mean cpu_only?"),
        (["table", "--family", "int9"], "Unknown format family 'int9'"),
        (["table", "--db", "nowhere.db"], "There is no database at nowhere.db"),
        (["table", "--db", "x", "--coordinator", "h:1"], "name both a coordinator and a database"),
        (["jobs", "--coordinator", "host"], "'host' is not HOST:PORT"),
        (
            ["select", "--model-class", "cnn", "--hardware", "cpu_only", "--max-latency", "5"],
            "'5' is not a time with its unit",
        ),
        (["run", "--baseline", "m.onnx", "--eval", "e.npz"], "There is nothing to measure"),
        (
            ["run", "--baseline", "m.onnx", "--eval", "e.npz", "--recipes", "fp16"],
            "error: m.onnx cannot be read: No such file or directory.",
        ),
        (
            ["run", "--baseline", "m", "--eval", "e", "--recipes", "int8-static-u8s8-pc"],
            "needs a calibration set; give --calibration",
        ),
        (["demo", "--models", "digits-cmn"], "did you mean digits-cnn?"),
    ],
)
def test_bad_input_is_one_line_and_two(
    arguments: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command_line(arguments) == 2
    assert expected in error_line(capsys)


def test_an_unreachable_coordinator_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["jobs", "--coordinator", "127.0.0.1:1"]) == 1
    assert error_line(capsys).startswith("error: No coordinator answers at 127.0.0.1:1. Start it")


def test_commands_that_act_need_a_coordinator(
    database: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BITGAUGE_DB", database)
    assert run_command_line(["cancel", "job-1"]) == 2
    assert "`bitgauge cancel` needs a coordinator" in error_line(capsys)


def test_queries_of_a_file(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["table", "--db", database]) == 0
    assert "Nothing has been measured yet" in capsys.readouterr().out
    assert run_command_line(["table", "--rows", "--db", database]) == 0
    assert capsys.readouterr().out == "The table has no row that matches.\n"
    assert run_command_line(["table", "--by", "model", "--db", database]) == 0
    assert capsys.readouterr().out == "The table has no cell that matches.\n"
    assert run_command_line(["jobs", "--db", database]) == 0
    assert run_command_line(["devices", "--db", database]) == 0
    assert run_command_line(["devices", "nobody", "--db", database]) == 2
    assert "No device is named 'nobody'." in capsys.readouterr().err
    assert run_command_line(["runs", "nothing", "--db", database]) == 2
    assert run_command_line(["show", "nothing", "--db", database]) == 2
    ask = ["select", "--db", database, "--model-class", "cnn", "--hardware", "cpu_only"]
    capsys.readouterr()
    assert run_command_line(ask) == 0
    assert "Nothing was measured for cnn on cpu_only at batch 1" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        ["table", "--rows"],
        ["jobs"],
        ["devices"],
        ["select", "--model-class", "mlp", "--hardware", "cpu_only"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_json_is_all_that_is_printed(
    arguments: list[str], database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command_line([*arguments, "--db", database, "--json"]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    answer = json.loads(printed.out)
    assert answer == [] or answer["outcome"] == "nothing_measured"


def test_json_of_version_and_recipes(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["version", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["protocol"] == PROTOCOL_VERSION
    assert run_command_line(["recipes", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert {"recipe": "int8-dynamic", "in_all": True} in listed
    assert run_command_line(["version"]) == 0
    assert run_command_line(["recipes"]) == 0
    assert "* int8-dynamic" in capsys.readouterr().out


def test_a_defect_is_one_sentence_and_a_log(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr(cli, "app", broken)
    assert run_command_line(["table"]) == 1
    line = error_line(capsys)
    assert "failed by a defect of Bitgauge" in line
    log = next((tmp_path / "home" / "logs").iterdir())
    assert str(log) in line
    assert "a defect" in log.read_text()
    monkeypatch.setenv("BITGAUGE_HOME", "/proc/nowhere")
    assert run_command_line(["table"]) == 1
    assert "could not be written" in error_line(capsys)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (KeyboardInterrupt(), 130),
        (BitgaugeError(Code.NO_MATCHING_DEVICE, "No device."), 2),
        (BitgaugeError(Code.JOB_ENDED, "It has ended."), 1),
    ],
)
def test_exit_codes(
    error: BaseException,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def raising(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(cli, "app", raising)
    assert run_command_line(["table"]) == code
    error_line(capsys)


def python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=dict(os.environ),
    )


@pytest.mark.parametrize("where", ["--db", "--coordinator"])
def test_queries_import_nothing_heavy(where: str, database: str) -> None:
    ask = ["select", "--model-class", "cnn", "--hardware", "cpu_only", where]
    ask.append(database if where == "--db" else "127.0.0.1:1")
    code = (
        "import sys\n"
        "from bitgauge.coordinator.cli.app import run_command_line\n"
        "run_command_line(sys.argv[1:])\n"
        f"found = [name for name in {HEAVY!r} if name in sys.modules]\n"
        f"found += ['grpc'] if {where!r} == '--db' and 'grpc' in sys.modules else []\n"
        "sys.exit(f'imported: {found}' if found else 0)\n"
    )
    finished = python(code, *ask)
    assert finished.returncode == 0, finished.stderr


def test_a_reader_that_goes_away_is_no_error(database: str) -> None:
    code = (
        "import os, sys\n"
        "read, write = os.pipe(); os.close(read); os.dup2(write, 1)\n"
        "from bitgauge.coordinator.cli.app import main\n"
        "main(sys.argv[1:])\n"
    )
    finished = python(code, "table", "--db", database)
    assert finished.stderr == ""
    assert finished.returncode == 1


@pytest.mark.parametrize("word", ["token", "agents", "schedule"])
def test_a_word_that_only_holds_commands_prints_its_help(
    word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command_line([word]) == 0
    said = capsys.readouterr()
    assert "Commands" in said.out
    assert said.err == ""
