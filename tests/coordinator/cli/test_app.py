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
from bitgauge.coordinator.store.store import Store

from tests.labs.rooms.typed import Bitgauge

HEAVY = ("ray", "scipy", "onnx", "onnxruntime", "sklearn", "sqlite_utils")


@pytest.fixture
def database(tmp_path: Path) -> str:
    path = tmp_path / "store.db"
    Store.open(path).close()
    return str(path)


def test_no_arguments_print_the_help(bitgauge: Bitgauge) -> None:
    assert "select" in bitgauge().out


@pytest.mark.parametrize("info", cli.app.registered_commands, ids=lambda info: "")
def test_every_command_has_help_with_an_example(info: object, bitgauge: Bitgauge) -> None:
    callback = getattr(info, "callback", None)
    assert callback is not None
    name = getattr(info, "name", None) or callback.__name__
    assert f"Example: bitgauge {name}" in bitgauge(name, "--help").out


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
    arguments: list[str], expected: str, bitgauge: Bitgauge
) -> None:
    assert expected in bitgauge.refuses(*arguments)


def test_an_unreachable_coordinator_is_named(bitgauge: Bitgauge) -> None:
    assert bitgauge.refuses("jobs", "--coordinator", "127.0.0.1:1", code=1).startswith(
        "error: No coordinator answers at 127.0.0.1:1. Start it"
    )


def test_commands_that_act_need_a_coordinator(
    database: str, monkeypatch: pytest.MonkeyPatch, bitgauge: Bitgauge
) -> None:
    monkeypatch.setenv("BITGAUGE_DB", database)
    assert "`bitgauge cancel` needs a coordinator" in bitgauge.refuses("cancel", "job-1")


def test_queries_of_a_file(database: str, bitgauge: Bitgauge) -> None:
    assert "Nothing has been measured yet" in bitgauge("table", "--db", database).out
    rows = bitgauge("table", "--rows", "--db", database).out
    assert rows == "The table has no row that matches.\n"
    cells = bitgauge("table", "--by", "model", "--db", database).out
    assert cells == "The table has no cell that matches.\n"
    bitgauge("jobs", "--db", database)
    bitgauge("devices", "--db", database)
    refusal = bitgauge.refuses("devices", "nobody", "--db", database)
    assert "No device is named 'nobody'." in refusal
    bitgauge("runs", "nothing", "--db", database, code=2)
    bitgauge("show", "nothing", "--db", database, code=2)
    ask = ["select", "--db", database, "--model-class", "cnn", "--hardware", "cpu_only"]
    assert "Nothing was measured for cnn on cpu_only at batch 1" in bitgauge(*ask).out


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
    arguments: list[str], database: str, bitgauge: Bitgauge
) -> None:
    printed = bitgauge(*arguments, "--db", database, "--json")
    assert printed.err == ""
    answer = json.loads(printed.out)
    assert answer == [] or answer["outcome"] == "nothing_measured"


def test_json_of_version_and_recipes(bitgauge: Bitgauge) -> None:
    assert json.loads(bitgauge("version", "--json").out)["protocol"] == PROTOCOL_VERSION
    listed = json.loads(bitgauge("recipes", "--json").out)
    assert {"recipe": "int8-dynamic", "in_all": True} in listed
    bitgauge("version")
    assert "* int8-dynamic" in bitgauge("recipes").out


def test_a_defect_is_one_sentence_and_a_log(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, bitgauge: Bitgauge
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr(cli, "app", broken)
    line = bitgauge.refuses("table", code=1)
    assert "failed by a defect of Bitgauge" in line
    log = next((tmp_path / "home" / "logs").iterdir())
    assert str(log) in line
    assert "a defect" in log.read_text()
    monkeypatch.setenv("BITGAUGE_HOME", "/proc/nowhere")
    assert "could not be written" in bitgauge.refuses("table", code=1)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (KeyboardInterrupt(), 130),
        (BitgaugeError(Code.NO_MATCHING_DEVICE, "No device."), 2),
        (BitgaugeError(Code.JOB_ENDED, "It has ended."), 1),
    ],
)
def test_exit_codes(
    error: BaseException, code: int, monkeypatch: pytest.MonkeyPatch, bitgauge: Bitgauge
) -> None:
    def raising(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(cli, "app", raising)
    said = bitgauge("table", code=code)
    assert (said.out, said.err.count("\n"), "Traceback" in said.err) == ("", 1, False)


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
def test_a_word_that_only_holds_commands_prints_its_help(word: str, bitgauge: Bitgauge) -> None:
    said = bitgauge(word)
    assert "Commands" in said.out
    assert said.err == ""
