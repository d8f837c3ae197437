"""`bitgauge environments` and `bitgauge doctor`: on a folder, without a coordinator."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from bitgauge.coordinator.cli.app import run_command_line
from bitgauge.coordinator.cli.text.environments import environments_text
from bitgauge.coordinator.environments.overview import OLD, READY, EnvironmentView
from bitgauge.coordinator.environments.shelf import ENVIRONMENTS_VARIABLE

from tests.labs.environments import from_closed_port, only_from, plugin_folder, wheel

Typed = Callable[..., tuple[int, str, str]]
DAY_NS = 86_400_000_000_000


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    folder = tmp_path / "wheels"
    folder.mkdir()
    wheel(folder)
    return folder


@pytest.fixture
def typed(
    tmp_path: Path,
    wheels: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Typed:
    only_from(wheels, monkeypatch)
    plugins = plugin_folder(tmp_path / "plugins", lock="tiny==1.0\n")
    monkeypatch.setenv("BITGAUGE_PLUGIN_PATH", str(plugins))
    monkeypatch.setenv("BITGAUGE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv(ENVIRONMENTS_VARIABLE, raising=False)
    monkeypatch.setattr(os, "sync", lambda: None)

    def run(*words: str) -> tuple[int, str, str]:
        code = run_command_line(list(words))
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def test_a_newcomer_makes_uses_and_removes_one(typed: Typed, tmp_path: Path) -> None:
    folder = tmp_path / "home/environments"
    code, said, _ = typed("environments")
    assert code == 0
    assert re.search(r"^copies +absent +-", said, re.MULTILINE)
    assert "copy: bf16" in said
    assert f"They are in {folder}: 0 B." in said
    code, said, told = typed("environments", "make", "copies")
    assert code == 0
    assert told == "copies: 1 package.\nMaking the builder environment copies.\n"
    assert said.startswith("copies: ready, ")
    code, said, told = typed("environments", "make", "copies")
    assert (code, told) == (0, "")  # it is there
    (one,) = (
        one for one in json.loads(typed("environments", "--json")[1]) if one["name"] == "copies"
    )
    assert one["state"] == READY
    assert Path(one["path"]).parent == folder
    code, said, _ = typed("environments", "remove", "copies")
    assert code == 0
    assert said.startswith(f"Removed {Path(one['path']).name}: ")
    assert not Path(one["path"]).exists()
    assert typed("environments", "remove", "--all")[:2] == (0, "There was none.\n")


def test_doctor_says_what_is_absent_and_what_it_takes(typed: Typed) -> None:
    code, said, _ = typed("doctor", "--builders")
    words = " ".join(said.split())
    assert code == 0
    assert (
        "copies: absent; would give copy: bf16. Make it with `bitgauge environments make" in words
    )
    assert "which takes about 1.97 GiB and 3 minutes." in words


def test_what_is_typed_wrong_is_one_sentence(typed: Typed) -> None:
    assert typed("environments", "make", "lite")[0] == 2
    code, _, told = typed("environments", "remove")
    assert code == 2
    assert "It takes the NAME of one environment, or --all." in told
    code, _, told = typed("environments", "remove", "litert")
    assert code == 2
    assert "No environment called 'litert' is in " in told


def test_no_registry_is_one_sentence(
    typed: Typed, wheels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from_closed_port(wheels, monkeypatch)
    code, said, told = typed("environments", "make", "copies")
    assert (code, said) == (1, "")
    assert "error: The builder environment copies could not be made: pip found no tiny==1.0" in told


def test_an_old_one_is_shown_with_what_to_do() -> None:
    seen = [
        EnvironmentView(
            "a",
            READY,
            {"pt2": ("int8-dynamic", "bf16")},
            3 << 30,
            60.0,
            "3.11.7",
            "",
            1,
            2 * DAY_NS,
            "/x/a-1",
        ),
        EnvironmentView("a", OLD, {}, 1 << 30, 60.0, "3.10.1", "", 1, 1, "/x/a-0"),
    ]
    text = environments_text(seen, "/x", 3 * DAY_NS)
    assert "a            ready  3.00 GiB  2 days ago  1 day ago   pt2: int8 bf16" in text
    assert "a            old    1.00 GiB  2 days ago  2 days ago  made from another lock" in text
    assert "They are in /x: 4.00 GiB." in text
    assert "`bitgauge environments remove NAME` frees it." in text
