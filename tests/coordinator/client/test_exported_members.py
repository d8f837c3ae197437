"""What a Python program imports: one module, whole, and nothing heavy behind it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from bitgauge.coordinator import client
from bitgauge.coordinator.client import Client

from tests.labs.host import USER_TOKEN, running

HEAVY = ("sqlite3", "sqlite_utils", "ray", "typer", "rich", "onnx", "onnxruntime", "scipy", "numpy")


def test_exported_members() -> None:
    assert client.__all__ == sorted(set(client.__all__))
    for name in client.__all__:
        assert getattr(client, name).__name__ == name
    with pytest.raises(AttributeError, match="Nothing"):
        client.Nothing  # noqa: B018


def test_every_public_call_says_what_it_does() -> None:
    calls = {name: getattr(Client, name) for name in dir(Client) if not name.startswith("_")}
    assert {"connect", "submit", "watch", "table", "cells", "select", "histories"} <= calls.keys()
    assert [name for name, call in calls.items() if not call.__doc__] == []


def said_by(program: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", program], check=True, stdout=subprocess.PIPE, text=True
    ).stdout


@pytest.mark.parametrize("names", [", ".join(client.__all__), "Client", "SelectQuery"])
def test_no_heavy_library_is_behind_it(names: str) -> None:
    program = f"""
import sys
from pathlib import Path
from bitgauge.coordinator.client import {names}
print([name for name in {HEAVY} if name in sys.modules])
"""
    assert said_by(program) == "[]\n"


def test_a_value_is_had_without_grpc() -> None:
    program = """
import sys
from pathlib import Path
from bitgauge.coordinator.client import SelectQuery
print("grpc" in sys.modules)
"""
    assert said_by(program) == "False\n"


README = Path(__file__).parents[3] / "README.md"


def test_the_python_of_the_readme_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    programs = re.findall(r"^```python\n(.*?)^```", README.read_text(), re.DOTALL | re.MULTILINE)
    assert any("Client.connect()" in program for program in programs)
    (tmp_path / "tokens").mkdir()
    (tmp_path / "tokens" / "user").write_text(USER_TOKEN)
    with running(tmp_path) as host:
        monkeypatch.setenv("BITGAUGE_HOME", str(tmp_path))
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
        monkeypatch.setenv("BITGAUGE_COORDINATOR", host.address)
        for program in programs:
            exec(program, {})
    assert capsys.readouterr().out.startswith("nothing_measured fp16 ")
