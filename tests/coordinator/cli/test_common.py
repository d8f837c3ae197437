"""Options that commands share are declared once, and reach a command as one value."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import pytest
import typer
from bitgauge.coordinator import cli
from bitgauge.coordinator.cli.app import run_command_line
from bitgauge.coordinator.cli.common import unfolded


@dataclass(frozen=True, kw_only=True)
class Place:
    host: Annotated[str, typer.Option(help="Where.")]
    port: Annotated[int, typer.Option(min=1, help="Which port.")] = 80
    context: typer.Context


def invoked(*arguments: str) -> list[tuple[str, Place, bool]]:
    app, seen = typer.Typer(), []

    @app.command()
    @unfolded
    def visit(
        name: Annotated[str, typer.Argument()],
        *,
        place: Place,
        quiet: Annotated[bool, typer.Option("--quiet")] = False,
    ) -> None:
        """Go there."""
        seen.append((name, place, quiet))

    app(arguments, standalone_mode=False)
    return seen


def test_a_dataclass_of_options_is_unfolded_in_its_place(
    capsys: pytest.CaptureFixture[str],
) -> None:
    ((name, place, quiet),) = invoked("me", "--host", "here", "--port", "8080", "--quiet")
    assert (name, place.host, place.port, quiet) == ("me", "here", 8080, True)
    assert place.context.params["host"] == "here"
    assert invoked("me", "--host", "here")[0][1].port == 80
    invoked("--help")
    said = capsys.readouterr().out
    assert "Go there." in said
    assert said.index("--host") < said.index("--port") < said.index("--quiet")


def test_what_is_required_stays_required() -> None:
    with pytest.raises(Exception, match="host"):
        invoked("me")


@pytest.mark.parametrize("option", ['"--coordinator"', '"--db"', '"--token-file"', '"--json"'])
def test_the_way_to_an_answer_is_declared_once(option: str) -> None:
    folder = Path(cli.__path__[0])
    spelt = [path.stem for path in folder.glob("*.py") if option in path.read_text()]
    assert spelt == ["common"]


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        (["cordon", "rpi5"], "bitgauge cordon"),
        (["token", "list"], "bitgauge token list"),
        (["history", "annotate", "x", "--note", "y"], "bitgauge history annotate"),
    ],
)
def test_a_command_that_needs_a_coordinator_is_named(
    arguments: list[str],
    command: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("BITGAUGE_DB", "store.db")
    assert run_command_line(arguments) == 2
    assert f"`{command}` needs a coordinator" in capsys.readouterr().err
