"""What needs onnxruntime-genai: an artifact of its kind, without the library that builds them."""

from __future__ import annotations

from pathlib import Path

import pytest
from bitgauge.agents.runtimes import genai
from bitgauge.agents.runtimes.genai import tiny

pytest.importorskip("onnxruntime_genai", reason="NOT RUN: pip install 'bitgauge[genai]'")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The sentinel's model as a folder that anybody could bring; the path of its configuration."""
    genai.prepare()
    for name, data in (tiny.made(tiny.SENTINEL) or {}).items():
        (tmp_path / name).write_bytes(data)
    return tmp_path / "genai_config.json"
