"""A real agent with llama.cpp in its sandbox: measured, held against itself, hostile, killed."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from bitgauge.agents.runtimes.llamacpp import tiny
from bitgauge.agents.spec import WORKER
from bitgauge.benchmarks.quality.texts import TextSet, encoded_text_set, tokenizer_sha256
from bitgauge.benchmarks.raw.container import RawFile, read_raw
from bitgauge.benchmarks.raw.generation import generation_samples
from bitgauge.benchmarks.raw.given import given_of
from bitgauge.benchmarks.raw.perplexity import perplexity_samples
from bitgauge.benchmarks.vocabulary.enums import PassName, RawRole, Scenario
from bitgauge.benchmarks.vocabulary.values.jobs import Overrides, Workload

from tests.labs.agent import Lab, open_lab, until
from tests.labs.decoders.gguf import tiny as small

REQUEST = Workload(Scenario.LLM, prompt_tokens=16, generated_tokens=4)
PASSES = (PassName.PERPLEXITY, PassName.GENERATION, PassName.PAIR, PassName.SENTINEL)
BRIEF = Overrides(warmup_ms=10, launches=1, budget_ms=200)

Raws = dict[tuple[PassName, RawRole], RawFile]


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    async with open_lab(tmp_path) as made:
        yield made


def texts(tokens: list[str]) -> bytes:
    rng = np.random.default_rng(4)
    documents = {f"d{at}": rng.integers(3, len(tokens), 300) for at in range(3)}
    return encoded_text_set(TextSet(documents, tokenizer_sha256(tokens)))


def raws(lab: Lab, index: int) -> Raws:
    (report,) = (one for one in lab.coordinator.reports.values() if one.entry_index == index)
    assert report.failure is None, report.failure
    return {
        (ref.pass_name, ref.role): read_raw(lab.coordinator.blobs[ref.digest.sha256])
        for ref in report.raw
    }


TOKENS = ["<unk>", "<s>", "</s>", "<0x0A>", *(f"t{at}" for at in range(4, 32))]


@pytest.mark.timeout(180)
async def test_one_file_is_held_against_itself(lab: Lab) -> None:
    model = tiny.empty()
    lab.assignment(
        [model, model],
        runtime="llamacpp",
        evaluation=texts(TOKENS),
        workload=REQUEST,
        passes=PASSES,
        overrides=BRIEF,
    )
    async with lab.agent(sandbox="auto"):
        await lab.reports(2, timeout_s=170)
    assert not any("Traceback" in line for line in lab.said)
    own, again = raws(lab, 0), raws(lab, 1)
    assert {name for name, _ in own} == set(PASSES) - {PassName.PAIR}
    predicted = perplexity_samples(again[PassName.PERPLEXITY, RawRole.BOTH])
    assert predicted.tokens.sum() == 900
    assert predicted.cand_nll is not None
    assert predicted.kl is not None
    assert predicted.same_top1 is not None
    assert np.array_equal(predicted.ref_nll, predicted.cand_nll)
    assert np.all(predicted.kl == 0)
    assert predicted.same_top1.sum() == 900
    alone = perplexity_samples(own[PassName.PERPLEXITY, RawRole.BOTH])
    assert np.array_equal(alone.ref_nll, predicted.ref_nll), "another process, the same bits"
    timed = generation_samples(own[PassName.GENERATION, RawRole.CANDIDATE])
    assert timed.context_tokens == 512
    assert timed.context_bytes > 512 * 2 * 64 * 2, "keys and values in half precision at least"
    assert timed.token_ns.size
    pairs = generation_samples(again[PassName.GENERATION, RawRole.BOTH])
    assert pairs.quad.max() > 0
    told = given_of(own[PassName.GENERATION, RawRole.CANDIDATE]).session_options or ""
    assert "context=512" in told
    assert "flash_attention=auto" in told
    assert "mmap=off" in told


@pytest.mark.timeout(120)
async def test_hostile_files_are_refused_in_the_sandbox_and_the_next_is_measured(lab: Lab) -> None:
    good = small()
    torn = good.bytes()[:-200]
    endless = replace(good, values={**good.values, "llama.block_count": 1 << 30}).bytes()
    lab.assignment(
        [good.bytes(), torn, endless, good.bytes() + b""],
        runtime="llamacpp",
        evaluation=texts(list(good.values["tokenizer.ggml.tokens"])),  # type: ignore[call-overload]
        workload=REQUEST,
        passes=(PassName.PERPLEXITY,),
        overrides=BRIEF,
    )
    async with lab.agent(sandbox="auto"):
        first, cut, layers, last = await lab.reports(4, timeout_s=110)
    assert (first.failure, last.failure) == (None, None)
    for report, words in ((cut, "the file has"), (layers, "layers")):
        assert report.failure is not None
        assert report.failure.group.value == "artifact"
        assert report.failure.code == "bad_model"
        assert words in report.failure.message
        assert "\n" not in report.failure.message
    assert not any("Traceback" in line for line in lab.said)


@pytest.mark.timeout(120)
async def test_a_child_that_is_killed_is_the_environments_fault(lab: Lab) -> None:
    """And the agent goes on with the next job."""
    model = tiny.empty()
    jobs: dict[str, Any] = {"runtime": "llamacpp", "evaluation": texts(TOKENS), "workload": REQUEST}
    slow = Overrides(warmup_ms=10_000, launches=1, budget_ms=200)
    lab.assignment([model], passes=(PassName.GENERATION,), overrides=slow, **jobs)
    async with lab.agent():
        await until(children, 60)
        await asyncio.sleep(0.5)
        for one in children():
            with contextlib.suppress(psutil.NoSuchProcess):
                one.send_signal(signal.SIGKILL)
        (killed,) = await lab.reports(1, timeout_s=60)
        lab.assignment([model], passes=(PassName.PERPLEXITY,), overrides=BRIEF, **jobs)
        await until(lambda: len(lab.coordinator.reports) == 2, 60)
    assert killed.failure is not None
    assert killed.failure.group.value == "environment"
    assert [one for one in lab.coordinator.reports.values() if one.failure is None]


def children() -> list[psutil.Process]:
    """Workers of this process."""
    found = []
    for one in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if WORKER in one.cmdline():
                found.append(one)
    return found
