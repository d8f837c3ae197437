"""Runs one target under atheris: ``python -m tests.fuzz NAME -max_total_time=60``.

Further arguments go to libFuzzer. Without a bound of its own a run ends after `DEFAULT_S` seconds.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import tempfile
from pathlib import Path

DEFAULT_S = 60
MEMORY_MIB = 2048


def main(program: str, name: str, *further: str) -> None:
    """Fuzz the target `name` until the time is up or a defect is found."""
    if importlib.util.find_spec("atheris") is None:
        print(f"NOT RUN: fuzz target {name}: atheris is not installed")
        return
    atheris = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["bitgauge"]):
        from .targets import TARGETS
    target = TARGETS[name]
    arguments = [program, *further]
    if not any(one.startswith(("-max_total_time", "-runs")) for one in arguments):
        arguments.append(f"-max_total_time={DEFAULT_S}")
    arguments.append(f"-rss_limit_mb={MEMORY_MIB}")
    with tempfile.TemporaryDirectory() as corpus:
        for number, seed in enumerate(target.seeds):
            (Path(corpus) / str(number)).write_bytes(seed)
        atheris.Setup([*arguments, corpus], target.run)
        atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv)
