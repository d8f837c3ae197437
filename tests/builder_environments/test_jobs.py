"""Formats of two libraries, built and measured in one job against llama.cpp's float32."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from bitgauge.benchmarks.zoo import decoder
from bitgauge.coordinator.environments.shelf import ENVIRONMENTS_VARIABLE, Ready, Shelf

from tests.labs.decoders import job
from tests.processes.conftest import Up

for library in ("xllamacpp", "onnxruntime_genai", "transformers", "gguf", "safetensors"):
    pytest.importorskip(library, reason="NOT RUN: pip install 'bitgauge[runtimes]'")

from tests.labs.zoo.decoder import forms  # noqa: E402  which imports the writers of both files

pytestmark = pytest.mark.timeout(1200)


@pytest.fixture
def up(environment: Callable[[str], Ready], shelf: Shelf, tmp_path: Path) -> Iterator[Up]:
    """A coordinator whose environments are made."""
    for name in ("genai", "llmcompressor"):
        environment(name)
    running = Up.start(tmp_path / "home", variables={ENVIRONMENTS_VARIABLE: str(shelf.folder)})
    yield running
    assert running.stop() == []


def test_each_is_held_against_llamacpp(up: Up, tmp_path: Path) -> None:
    forms.main(tmp_path)
    asked = "fp32@genai,int4-wo-b128@genai,int8-rtn_w8a8@transformers"
    with job.device(up):
        rows = job.rows(
            *(up, tmp_path, "--source", str(tmp_path / "hugging-face"), "--recipes", asked),
            *("--calibration", str(decoder().calibration_path)),
        )
    assert set(rows) == {
        ("fp32", "llamacpp"),
        *(("fp32", "genai"), ("int4-wo-b128", "genai"), ("int8-rtn_w8a8", "transformers")),
    }
    for (recipe, runtime), row in rows.items():
        assert row["state"] == "measured", row
        if runtime == "transformers":
            assert job.told(row)["ttft_ratio"] == (None, "dequantized")
        if runtime != "llamacpp":
            assert row["reference"] == "llamacpp"
            near = pytest.approx(1, abs=1e-3 if recipe == "fp32" else 0.15)
            assert job.number(row, "perplexity_ratio") == near
    small = rows["int4-wo-b128", "genai"]
    assert job.number(small, "size_ratio") < 0.4
    assert job.number(small, "same_top1_pct") > 80
    assert job.number(small, "decode_tokens_per_s") > 0, "of its own library, timed"
