"""A real agent with a runtime that unpacks what it loads: it predicts, and no time is measured."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
from bitgauge.agents.runtimes.transformers import FLOOR
from bitgauge.benchmarks.quality.texts import TextSet, encoded_text_set
from bitgauge.benchmarks.raw.container import read_raw
from bitgauge.benchmarks.raw.given import given_of
from bitgauge.benchmarks.raw.perplexity import perplexity_samples
from bitgauge.benchmarks.vocabulary.enums import PassName, Scenario
from bitgauge.benchmarks.vocabulary.values.jobs import Overrides, Workload

from tests.labs.agent import Lab, open_lab

pytest.importorskip("transformers", reason="NOT RUN: pip install 'bitgauge[transformers]'")
pytest.importorskip("torch", reason="NOT RUN: pip install 'bitgauge[transformers]'")

REQUEST = Workload(Scenario.LLM, prompt_tokens=16, generated_tokens=4)
BRIEF = Overrides(warmup_ms=10, launches=1, budget_ms=200)


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    async with open_lab(tmp_path) as made:
        yield made


@pytest.mark.timeout(240)
async def test_every_pass_was_asked_for_and_perplexity_alone_is_measured(lab: Lab) -> None:
    tokens = np.random.default_rng(4).integers(3, 64, 300)
    lab.assignment(
        [FLOOR, FLOOR],
        runtime="transformers",
        evaluation=encoded_text_set(TextSet({"a": tokens}, "0" * 64)),
        workload=REQUEST,
        passes=(),
        overrides=BRIEF,
    )
    async with lab.agent(sandbox="auto"):
        reports = await lab.reports(2, timeout_s=230)
    assert [one.failure for one in reports] == [None, None]
    for report in reports:
        assert {ref.pass_name for ref in report.raw} == {PassName.PERPLEXITY}
    raw = read_raw(lab.coordinator.blobs[reports[1].raw[0].digest.sha256])
    assert "compute=" in (given_of(raw).session_options or "")
    predicted = perplexity_samples(raw)
    assert predicted.cand_nll is not None
    assert np.array_equal(predicted.ref_nll, predicted.cand_nll)
