"""Numbers of decoders from their raw files: on machines and texts whose truth is known."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from bitgauge.benchmarks.analysis.analyse import RunFacts, analyse
from bitgauge.benchmarks.analysis.certificate import (
    COMPARISONS,
    AaResult,
    compared_by,
    judge_each,
)
from bitgauge.benchmarks.analysis.generation import generation, median_interval
from bitgauge.benchmarks.protocol.generation import (
    measure_request_pairs,
    measure_requests,
    prompts,
)
from bitgauge.benchmarks.raw.container import RawFile
from bitgauge.benchmarks.raw.generation import generation_raw
from bitgauge.benchmarks.raw.perplexity import perplexity_raw
from bitgauge.benchmarks.samples import Conditions, PerplexitySamples
from bitgauge.benchmarks.vocabulary.enums import PassName, Profile, RawRole, Scenario
from bitgauge.benchmarks.vocabulary.errors import BadInput
from bitgauge.benchmarks.vocabulary.metrics import keys
from bitgauge.benchmarks.vocabulary.profiles import PLANS
from bitgauge.benchmarks.vocabulary.reasons import (
    BASELINE_ITSELF,
    IMPROBABLE_TEXTS,
    NO_RAW_DATA,
    NOT_OF_DECODERS,
)
from bitgauge.benchmarks.vocabulary.values.jobs import Workload
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue

from tests.labs.rooms.paced_decoder import MS, Machine, PacedDecoder
from tests.labs.values import BASELINE, CANDIDATE, origin, warmed
from tests.labs.values import facts as facts_of

LENGTH, GENERATED = 16, 8
WORKLOAD = Workload(Scenario.LLM, prompt_tokens=LENGTH, generated_tokens=GENERATED)
FACTS = facts_of(workload=WORKLOAD)
BOTH = (BASELINE.sha256, CANDIDATE.sha256)


def made(pass_name: PassName, role: RawRole, launch: int = 0) -> Any:
    own = BOTH if role is RawRole.BOTH else (CANDIDATE.sha256,)
    return origin(pass_name, role, workload=WORKLOAD, launch=launch, artifacts=own)


def usual(machine: Machine, seed: int) -> dict[str, Any]:
    return {
        "warm": warmed(MS),
        "clock": machine.clock,
        "plan": PLANS[Profile.QUICK],
        "rng": np.random.default_rng(seed),
        "gap": lambda: None,
        "conditions": Conditions,
    }


def alone(seed: int, *, pace: float = 1.0, generated: int = GENERATED, **more: Any) -> RawFile:
    """One launch of one decoder, the whole of which is slower by `pace`."""
    machine = Machine(seed, noise=0.03)
    decoder = PacedDecoder(machine, 0.01 * MS * pace, 0.2 * MS * pace)
    own = prompts(decoder, LENGTH, np.random.default_rng(0))
    samples = measure_requests(decoder, own, generated, **usual(machine, seed))
    role = made(PassName.GENERATION, RawRole.CANDIDATE, more.pop("launch", 0))
    return generation_raw(role, replace(samples, **more))


def paired(seed: int, ratio: float, launch: int = 0, noise: float = 0.05) -> RawFile:
    machine = Machine(seed, noise=noise)
    both = [PacedDecoder(machine), PacedDecoder(machine, token_ns=0.2 * MS * ratio)]
    own = prompts(both[0], LENGTH, np.random.default_rng(0))
    samples = measure_request_pairs(both, own, GENERATED, **usual(machine, seed))
    return generation_raw(made(PassName.GENERATION, RawRole.BOTH, launch), samples)


def texts(loss: float, seed: int = 0, documents: int = 30, **changes: Any) -> RawFile:
    """Windows that a candidate predicts worse by `loss` nats per token, about so."""
    rng = np.random.default_rng(seed)
    document = np.repeat(np.arange(documents), 3)
    tokens = rng.integers(64, 256, document.size)
    own = rng.normal(loss, 0.002, documents)[document]
    ref = tokens * rng.normal(1.4, 0.1, document.size)
    kl = rng.exponential(0.01, int(tokens.sum())).astype(np.float32)
    at = np.repeat(np.arange(document.size), tokens)
    samples = PerplexitySamples(
        document=document,
        ids=np.array([f"d{one}" for one in range(documents)]),
        tokens=tokens,
        ref_nll=ref,
        cand_nll=ref + tokens * own,
        same_top1=rng.binomial(tokens, 0.95),
        kl_nats=np.bincount(at, weights=kl).astype(np.float64),
        kl=kl,
        vocabulary=100,
    )
    return perplexity_raw(made(PassName.PERPLEXITY, RawRole.BOTH), replace(samples, **changes))


def published(*raws: RawFile, facts: RunFacts = FACTS) -> dict[str, MetricValue]:
    return {one.key: one for one in analyse(raws, facts)}


def detail(metric: MetricValue) -> dict[str, str]:
    return {item.name: item.value for item in metric.detail}


def value(metric: MetricValue) -> float:
    assert metric.value is not None, metric.reason
    assert metric.low is not None
    assert metric.high is not None
    assert metric.low <= metric.value <= metric.high
    return metric.value


def test_times_and_rates_are_those_of_the_decoder() -> None:
    found = published(*(alone(seed, launch=seed, pace=1 + seed / 50) for seed in range(3)))
    assert value(found["ttft_ns"]) == pytest.approx(0.16 * MS * 1.02, rel=0.02)
    assert value(found["tpot_ns"]) == pytest.approx(0.2 * MS * 1.02, rel=0.02)
    assert value(found["prefill_tokens_per_s"]) == pytest.approx(1e5 / 1.02, rel=0.02)
    assert value(found["decode_tokens_per_s"]) == pytest.approx(5000 / 1.02, rel=0.02)
    assert found["generated_tokens"].value == GENERATED
    told = detail(found["tpot_ns"])
    assert told["launches"] == "3"
    assert float(told["token_p99_ns"]) == pytest.approx(0.2 * MS * 1.02, rel=0.12)
    curve = dict(part.split(":") for part in detail(found["prefill_tokens_per_s"])["curve"].split())
    assert set(curve) == {"1", "4", "16", "64", "256"}
    assert float(curve["256"]) == pytest.approx(1e5 / 1.02, rel=0.05)


def test_a_percentile_of_tokens_needs_enough_of_them() -> None:
    machine = Machine(0, noise=0.03)
    slow = PacedDecoder(machine, token_ns=50 * MS)
    own = prompts(slow, LENGTH, np.random.default_rng(0))
    samples = measure_requests(slow, own, GENERATED, **usual(machine, 0))
    launches = [made(PassName.GENERATION, RawRole.CANDIDATE, launch) for launch in range(3)]
    told = detail(published(*(generation_raw(one, samples) for one in launches))["tpot_ns"])
    assert told.get("token_p99_needs") == "662"
    assert "token_p99_ns" not in told


def test_launches_are_what_repeats() -> None:
    rng = np.random.default_rng(4)
    inside = 0
    for _ in range(400):
        centres = np.exp(rng.normal(0.0, 0.06, 3))
        launches = [100 * centre * np.exp(rng.normal(0, 0.01, 40)) for centre in centres]
        interval = median_interval(launches)
        assert interval is not None
        inside += interval.low <= 100 <= interval.high
    assert 0.92 < inside / 400 < 0.985
    alone = [median_interval([100 * np.exp(rng.normal(0, 0.1, 60))]) for _ in range(400)]
    covered = sum(one is not None and one.low <= 100 <= one.high for one in alone)
    assert covered / 400 > 0.92
    assert median_interval([np.full(5, 3.0)]) is None
    assert median_interval([]) is None


@pytest.mark.parametrize("ratio", [0.6, 1.0, 1.3])
def test_ratios_have_the_verdict_of_their_truth(ratio: float) -> None:
    found = published(*(paired(seed, ratio, seed) for seed in range(2)))
    each = found["tpot_ratio"]
    assert value(each) == pytest.approx(ratio, rel=0.02)
    assert each.verdict == {0.6: "FASTER", 1.0: "SAME", 1.3: "SLOWER"}[ratio]
    assert found["ttft_ratio"].verdict == "SAME"


def test_one_decoder_against_itself_passes_the_certificates_rule_for_prefill_and_decode() -> None:
    """At most 5 of 40 differences, none off by more than the margin (A-11); of both, or of none."""
    keys, margin = compared_by(WORKLOAD), PLANS[Profile.QUICK].margin
    assert keys == ("ttft_ratio", "tpot_ratio")

    def certified(ratio: float) -> AaResult:
        found = [published(paired(seed, ratio)) for seed in range(COMPARISONS)]
        ratios = [one[key] for one in found for key in keys]
        return judge_each(ratios, COMPARISONS, margin, keys)

    itself, other = certified(1.0), certified(1.05)
    assert itself.passed, itself.reason
    assert (itself.comparisons, other.comparisons) == (COMPARISONS, COMPARISONS)
    assert itself.mde is not None
    assert itself.mde < margin
    assert itself.reason.startswith("ttft_ratio: ")
    assert not other.passed
    assert other.reason.startswith("tpot_ratio: 40 of 40 comparisons"), "prefill alone is the same"
    assert "ttft_ratio" not in other.reason


def test_one_token_alone_leaves_the_further_ones_null() -> None:
    facts = replace(FACTS, workload=replace(WORKLOAD, generated_tokens=1))
    raw = alone(0, generated=1)
    raw = RawFile(raw.meta | {"generated_tokens": 1}, raw.arrays)
    found = published(raw, facts=facts)
    assert found["tpot_ns"].reason == found["decode_tokens_per_s"].reason == "no_further_tokens"
    assert found["generated_tokens"].value == 1
    assert found["ttft_ns"].value is not None


def test_the_memory_of_a_context_is_the_largest_launch_s() -> None:
    found = published(
        *(alone(n, launch=n, context_bytes=size, context_tokens=64) for n, size in ((0, 5), (1, 7)))
    )["context_memory_bytes"]
    assert (found.value, found.low, found.high) == (7.0, 5.0, 7.0)
    assert detail(found)["context_tokens"] == "64"
    assert published(alone(0))["context_memory_bytes"].reason == "no_context_memory"


def test_perplexity_and_its_ratio() -> None:
    raw = texts(0.02)
    found = published(raw)
    total = raw.arrays["cand_nll"].sum() / raw.arrays["tokens"].sum()
    assert value(found["perplexity"]) == pytest.approx(math.exp(total), rel=1e-12)
    ratio = found["perplexity_ratio"]
    assert value(ratio) == pytest.approx(math.exp(0.02), rel=0.002)
    assert (ratio.verdict, ratio.difference) == ("FAIL", "detected")
    assert detail(ratio)["documents"] == "30"
    assert value(found["same_top1_pct"]) == pytest.approx(95, abs=0.5)
    assert value(found["kl_mean"]) == pytest.approx(0.01, rel=0.05)
    assert value(found["kl_p99"]) == pytest.approx(0.01 * math.log(100), rel=0.1)
    assert found["nonfinite_count"].verdict == "PASS"


@pytest.mark.parametrize(
    ("loss", "margin", "verdict"),
    [(0.0, 1.0, "PASS"), (0.02, 1.0, "FAIL"), (0.02, 3.0, "PASS"), (0.0099, 1.0, "UNDECIDED")],
)
def test_three_states_of_non_inferiority(loss: float, margin: float, verdict: str) -> None:
    facts = replace(FACTS, perplexity_margin_pct=margin)
    found = published(texts(loss, seed=1), facts=facts)["perplexity_ratio"]
    assert found.verdict == verdict
    assert ("documents_needed" in detail(found)) is (verdict == "UNDECIDED")
    assert detail(found)["margin_pct"] == str(margin)


def test_one_document_tells_nothing_of_others() -> None:
    found = published(texts(0.0, documents=1))
    told = {"perplexity": "nats_per_token", "perplexity_ratio": "nats_lost_per_token"}
    for key in (*told, "same_top1_pct", "kl_mean"):
        assert found[key].reason == "insufficient_samples"
        assert told.get(key, "observed") in detail(found[key])


def test_what_is_not_finite_is_judged_by_nobody() -> None:
    raw = texts(0.0)
    lost = raw.arrays["cand_nll"].copy()
    lost[3] = np.nan
    found = published(RawFile(raw.meta | {"nonfinite_cand": 9}, raw.arrays | {"cand_nll": lost}))
    assert found["nonfinite_count"].value == 9
    assert found["nonfinite_count"].verdict == "FAIL"
    for key in ("perplexity", "perplexity_ratio", "same_top1_pct", "kl_mean", "kl_p99"):
        assert found[key].reason == "nonfinite_output"
    swapped = RawFile(raw.meta, raw.arrays | {"ref_nll": lost})
    assert published(swapped)["perplexity_ratio"].reason == "baseline_nonfinite"


def test_metrics_that_cannot_be_have_one_reason() -> None:
    found = published(alone(0), texts(0.0))
    assert tuple(found) == keys(lambda metric: not metric.of_cards)
    for key in ("accuracy_delta_pp", "saturated_pct", "best_throughput_per_s", "flips_pct"):
        assert found[key].reason == NOT_OF_DECODERS


def test_the_baseline_is_compared_with_nothing() -> None:
    raw = texts(0.0)
    columns = {name: raw.arrays[name] for name in ("ids", "document", "tokens", "ref_nll")}
    facts = replace(FACTS, candidate=BASELINE, is_baseline=True)
    own = RawFile(raw.meta | {"artifacts": [BASELINE.sha256]}, columns)
    found = published(own, facts=facts)
    assert found["perplexity"].value is not None
    for key in ("perplexity_ratio", "same_top1_pct", "kl_mean", "kl_p99", "tpot_ratio"):
        assert found[key].reason == BASELINE_ITSELF


def test_libraries_that_take_turns_have_a_ratio_of_whole_requests_alone() -> None:
    """Launches of pass `pair` that hold one artifact each say that no quads of requests are."""
    groups = {
        (PassName.PAIR, RawRole.CANDIDATE): [alone(0)],
        (PassName.GENERATION, RawRole.CANDIDATE): [alone(0)],
    }
    found = {one.key: one for one in generation(groups, FACTS)}
    assert found["tpot_ratio"].reason == found["ttft_ratio"].reason == "not_together"
    assert found["ttft_ns"].value is not None
    del groups[PassName.PAIR, RawRole.CANDIDATE]
    assert {one.key: one for one in generation(groups, FACTS)}["tpot_ratio"].reason == NO_RAW_DATA


@pytest.mark.parametrize("nats", [800.0, 6e38])
def test_texts_that_are_too_improbable_leave_no_number(nats: float) -> None:
    found = published(texts(nats))
    for key in ("perplexity", "perplexity_ratio"):
        assert (found[key].value, found[key].reason) == (None, IMPROBABLE_TEXTS)
    assert float(detail(found["perplexity_ratio"])["nats_lost_per_token"]) == pytest.approx(nats)


def test_likelihoods_that_no_scores_give_are_refused() -> None:
    with pytest.raises(BadInput, match="what no probability gives"):
        published(texts(1e40))
