"""The child's first act."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from bitgauge.agents.worker import launch, worker
from bitgauge.benchmarks.vocabulary.errors import Code


def test_a_child_whose_agent_has_gone_does_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "bitgauge.agents.worker.worker",
            str(tmp_path / "no-spec"),
            "1",
            "0",
            "0",
        ],
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, b"")


def test_a_library_that_cannot_be_loaded_is_the_device_s_to_mend(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said: list[tuple[str, str]] = []

    def run_launch(*_: object) -> None:
        raise ImportError("libabacus.so: wrong ELF class: ELFCLASS32")

    monkeypatch.setattr(launch, "run_launch", run_launch)
    channel: Any = SimpleNamespace(failed=lambda *told: said.append(told), at="start")
    worker._work(SimpleNamespace(), channel)  # type: ignore[arg-type]
    [(code, sentence)] = said
    assert code == Code.RUNTIME_MISSING.value
    assert "cannot be loaded on this device: libabacus.so: wrong ELF class" in sentence
