"""Commands as a user types them, in this process."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from bitgauge.coordinator.cli.app import run_command_line


class Said(NamedTuple):
    """What one command printed."""

    out: str
    err: str


class Bitgauge:
    """Types commands; each must end with the status that is told, 0 when none is."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *words: object, code: int = 0) -> Said:
        self._capsys.readouterr()
        assert run_command_line([str(word) for word in words]) == code
        return Said(*self._capsys.readouterr())

    def refuses(self, *words: object, code: int = 2) -> str:
        """The one line that a refused command prints."""
        said = self(*words, code=code)
        assert said.out == ""
        assert said.err.count("\n") == 1
        assert said.err.startswith("error: ")
        assert "Traceback" not in said.err
        return said.err.strip()
