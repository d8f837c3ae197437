"""What needs llama.cpp: `make test-runtimes`. Models are those that it makes of nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from bitgauge.agents.runtimes.llamacpp import tiny

pytest.importorskip("xllamacpp", reason="NOT RUN: pip install 'bitgauge[llamacpp]'")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """One layer of 64 numbers."""
    path = tmp_path / "model.gguf"
    path.write_bytes(tiny.empty())
    return path
