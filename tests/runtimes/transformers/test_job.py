"""One job of one model in two runtimes: the file as it was sent, and the folder of its weights."""

from __future__ import annotations

from pathlib import Path

import pytest
from bitgauge.benchmarks import zoo
from bitgauge.benchmarks.common.digests import digest_of

from tests.labs.decoders import job
from tests.processes.conftest import Up

for library in ("xllamacpp", "transformers", "gguf", "safetensors"):
    pytest.importorskip(library, reason="NOT RUN: pip install 'bitgauge[runtimes]'")

from tests.labs.zoo.decoder import forms  # noqa: E402  which imports the writers of both files


@pytest.mark.timeout(300)
def test_what_was_sent_and_a_folder_are_held_against_float32_in_llamacpp(
    up: Up, tmp_path: Path
) -> None:
    """Nobody names a runtime: each file is executed by what takes it."""
    forms.main(tmp_path)
    sent = zoo.decoder().path
    with job.device(up):
        rows = job.rows(up, tmp_path, str(sent), str(tmp_path / "hugging-face"))
    assert set(rows) == {("fp32", "llamacpp"), ("fp16", "llamacpp"), ("fp32", "transformers")}
    half, folder = rows["fp16", "llamacpp"], rows["fp32", "transformers"]
    assert half["artifact"]["sha256"] == digest_of(sent).sha256, "measured as what it is"
    assert folder["reference"] == "llamacpp"
    for row in (half, folder):
        assert row["state"] == "measured", row
        assert job.number(row, "perplexity_ratio") == pytest.approx(1, abs=1e-3)
    assert job.number(half, "kl_mean") > 0, "float16 rounds"
    assert job.number(half, "size_ratio") == pytest.approx(0.5, abs=0.01)
    for key in ("ttft_ns", "tpot_ns", "decode_tokens_per_s", "latency_ratio"):
        assert job.told(folder)[key] == (None, "dequantized"), "no time of what is unpacked"
