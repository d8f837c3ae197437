"""A real agent with onnxruntime-genai in its sandbox: a folder's model is held against itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
from bitgauge.agents.runtimes.genai import tiny
from bitgauge.benchmarks.quality.texts import TextSet, encoded_text_set
from bitgauge.benchmarks.raw.container import read_raw
from bitgauge.benchmarks.raw.generation import generation_samples
from bitgauge.benchmarks.raw.given import given_of
from bitgauge.benchmarks.raw.perplexity import perplexity_samples
from bitgauge.benchmarks.vocabulary.enums import PassName, RawRole, Scenario
from bitgauge.benchmarks.vocabulary.values.jobs import Overrides, Workload

from tests.labs.agent import Lab, open_lab

REQUEST = Workload(Scenario.LLM, prompt_tokens=16, generated_tokens=4)
BRIEF = Overrides(warmup_ms=10, launches=1, budget_ms=200)


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    async with open_lab(tmp_path) as made:
        yield made


@pytest.mark.timeout(180)
async def test_a_model_is_held_against_itself_and_what_is_broken_harms_nobody(lab: Lab) -> None:
    tokens = np.random.default_rng(4).integers(3, 64, 300)
    lab.assignment(
        [tiny.FLOOR, b'{"model": {"decoder": {"filename": "../x.onnx"}}}', tiny.FLOOR],
        runtime="genai",
        evaluation=encoded_text_set(TextSet({"a": tokens}, "0" * 64)),
        workload=REQUEST,
        passes=(PassName.PERPLEXITY, PassName.GENERATION),
        overrides=BRIEF,
    )
    async with lab.agent(sandbox="auto"):
        first, broken, again = await lab.reports(3, timeout_s=170)
    assert not any("Traceback" in line for line in lab.said)
    assert (first.failure, again.failure) == (None, None)
    assert broken.failure is not None
    assert broken.failure.group.value == "artifact"
    assert "\n" not in broken.failure.message
    raws = {
        (ref.pass_name, ref.role): read_raw(lab.coordinator.blobs[ref.digest.sha256])
        for ref in again.raw
    }
    predicted = perplexity_samples(raws[PassName.PERPLEXITY, RawRole.BOTH])
    assert predicted.cand_nll is not None
    assert np.array_equal(predicted.ref_nll, predicted.cand_nll)
    assert predicted.tokens.sum() == 300
    timed = raws[PassName.GENERATION, RawRole.CANDIDATE]
    assert generation_samples(timed).context_tokens == 512
    told = given_of(timed).session_options or ""
    assert "provider=cpu" in told
    assert "context=512" in told
