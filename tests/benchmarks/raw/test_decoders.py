"""Raw files of decoders: requests and windows of texts, and what no child can have observed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bitgauge.benchmarks.raw.container import RawFile, read_raw, write_raw
from bitgauge.benchmarks.raw.generation import generation_raw, generation_samples
from bitgauge.benchmarks.raw.known import KNOWN
from bitgauge.benchmarks.raw.origin import RawOrigin, raw_origin
from bitgauge.benchmarks.raw.perplexity import perplexity_raw, perplexity_samples
from bitgauge.benchmarks.samples import GenerationSamples, PerplexitySamples, WarmUp
from bitgauge.benchmarks.vocabulary.enums import PassName, RawRole, Scenario
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code
from bitgauge.benchmarks.vocabulary.values.jobs import Workload

from tests.labs.conditions import conditions
from tests.labs.values import origin

from .test_raw import assert_same

WORKLOAD = Workload(Scenario.LLM, prompt_tokens=16, generated_tokens=3)
REQUESTS = GenerationSamples(
    which=np.array([0, 1, 1, 0, 1]),
    quad=np.array([0, 0, 0, 0, -1]),
    prompt_tokens=np.array([16, 16, 16, 16, 1]),
    ttft_ns=np.array([5, 6, 7, 8, 9]),
    decode_ns=np.array([4, 4, 4, 4, 0]),
    decoded=np.array([2, 2, 2, 2, 0]),
    start_ns=np.arange(5) * 100,
    conditions=conditions(5, temperature_c=45.0),
    warm=WarmUp(np.array([5.0, 4.0]), np.array([0, 1]), (5, 4), 12, 99, False),
    token_ns=np.array([2, 2]),
    stopped="budget",
    context_bytes=4096,
    context_tokens=64,
)
TEXTS = PerplexitySamples(
    document=np.array([0, 0, 1]),
    ids=np.array(["a", "b"]),
    tokens=np.array([2, 1, 3]),
    ref_nll=np.array([2.0, 1.0, np.nan]),
    cand_nll=np.array([2.5, 1.5, 3.0]),
    same_top1=np.array([2, 0, 1]),
    kl_nats=np.array([0.5, 0.0, np.nan]),
    kl=np.array([0.25, 0.25, 0.0, np.nan], np.float32),
    nonfinite_ref=1,
    vocabulary=7,
)


def of_pass(name: PassName) -> RawOrigin:
    return origin(name, RawRole.BOTH, workload=WORKLOAD)


GENERATION = generation_raw(of_pass(PassName.GENERATION), REQUESTS)
PERPLEXITY = perplexity_raw(of_pass(PassName.PERPLEXITY), TEXTS)


def test_both_survive_the_file(tmp_path: Path) -> None:
    for raw, parse, samples in (
        (GENERATION, generation_samples, REQUESTS),
        (PERPLEXITY, perplexity_samples, TEXTS),
    ):
        write_raw(tmp_path / "raw.npz", raw)
        back = read_raw(tmp_path / "raw.npz")
        assert raw_origin(back) == raw_origin(raw)
        assert raw_origin(back).workload == WORKLOAD
        assert_same(parse(back), samples)
        assert {*raw.arrays} <= KNOWN[raw_origin(raw).pass_name]


def test_the_baseline_alone_has_no_candidate(tmp_path: Path) -> None:
    columns = {name: PERPLEXITY.arrays[name] for name in ("document", "ids", "tokens", "ref_nll")}
    found = perplexity_samples(RawFile(PERPLEXITY.meta, columns))
    assert (found.cand_nll, found.same_top1, found.kl_nats, found.kl) == (None,) * 4


GENERATIONS: Mapping[str, dict[str, Any]] = {
    "took no time": {"ttft_ns": np.array([5, 6, 0, 8, 9])},
    "had no prompt": {"prompt_tokens": np.array([16, 16, 16, 16, 0])},
    "tokens took no time": {"decode_ns": np.array([4, 4, 0, 4, 0])},
    "time was taken by none": {"decode_ns": np.array([4, 4, 4, 4, 1])},
    "a time is negative": {"token_ns": np.array([-2])},
    "no artifact": {"which": np.array([0, 1, 1, 0, 2])},
    "of no quad": {"quad": np.array([0, 0, 0, 0, -2])},
    "form quads": {"quad": np.array([0, 0, 0, 1, -1])},
    "neither ABBA nor BAAB": {"which": np.array([0, 1, 0, 1, 1])},
    "different lengths": {"prompt_tokens": np.array([16, 16, 15, 16, 1])},
    "0 requests": {"which": np.array([], np.int64)},
    "instead of 5": {"ttft_ns": np.array([5])},
}
PERPLEXITIES: Mapping[str, dict[str, Any]] = {
    "different names": {"ids": np.array(["a", "a"])},
    "0 windows": {"document": np.array([], np.int64)},
    "belong to its documents": {"document": np.array([0, 1, 0])},
    "predicts no token": {"tokens": np.array([2, 0, 3])},
    "the same than tokens": {"same_top1": np.array([3, 0, 1])},
    "ref_nll holds what no": {"ref_nll": np.array([-1.0, 1.0, 1.0])},
    "cand_nll holds what no": {"cand_nll": np.array([np.inf, 1.0, 1.0])},
    "kl_nats holds what no": {"kl_nats": np.array([-1.0, 1.0, 1.0])},
    "kl is missing": {"kl": np.zeros(3)},
    "more values than tokens": {"kl": np.zeros(7, np.float32)},
    "what is no divergence": {"kl": np.array([-1], np.float32)},
}


@pytest.mark.parametrize(
    ("raw", "changes", "words"),
    [
        *((GENERATION, changes, words) for words, changes in GENERATIONS.items()),
        *((PERPLEXITY, changes, words) for words, changes in PERPLEXITIES.items()),
    ],
)
def test_what_no_child_can_have_observed(raw: RawFile, changes: Any, words: str) -> None:
    parse = generation_samples if raw is GENERATION else perplexity_samples
    with pytest.raises(BadInput) as caught:
        parse(RawFile(raw.meta, raw.arrays | changes))
    assert caught.value.code is Code.BAD_RAW
    assert words in caught.value.sentence
