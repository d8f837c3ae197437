"""The README names every command there is, and no other."""

import re
from pathlib import Path

from bitgauge.coordinator.cli.app import app

README = (Path(__file__).parents[2] / "README.md").read_text()


def _name(command: object) -> str:
    name = getattr(command, "name", None)
    callback = getattr(command, "callback", None)
    return str(name or getattr(callback, "__name__", "")).replace("_", "-")


def test_readme_names_every_command_and_no_other() -> None:
    known = {_name(command) for command in app.registered_commands}
    known |= {str(group.name) for group in app.registered_groups}
    named = set(re.findall(r"`bitgauge ([a-z-]+)", README))
    named |= set(re.findall(r"^(?:\.venv/bin/)?bitgauge ([a-z-]+)", README, re.MULTILINE))
    assert named == known
