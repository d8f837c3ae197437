"""The `bitgauge` command: the command line, or one sentence when its libraries are missing."""

from __future__ import annotations

import importlib
import sys


def main() -> None:
    """Run the command line; exit 2 when only the agent was installed."""
    try:
        cli = importlib.import_module("bitgauge.coordinator.cli.app")
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("bitgauge"):
            raise
        sys.stderr.write(
            f"error: The bitgauge command needs {error.name}, which is not installed."
            " Run: pip install 'bitgauge[coordinator]'\n"
        )
        sys.exit(2)
    cli.main()
