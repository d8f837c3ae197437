"""Decoders in every pass that is planned of them, in process, with the fake runtime."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from bitgauge.agents import registry
from bitgauge.agents.execution.plan import plan_passes
from bitgauge.agents.passes._channel import Channel
from bitgauge.agents.passes._generation import Prompts, Requests, context_of
from bitgauge.agents.passes.base import Child
from bitgauge.agents.runtimes.base import SessionOptions
from bitgauge.agents.spec import ChildSpec
from bitgauge.agents.worker.launch import pass_module
from bitgauge.benchmarks.quality.texts import TextSet, tokenizer_sha256, write_text_set
from bitgauge.benchmarks.raw.absolute import absolute_samples
from bitgauge.benchmarks.raw.container import RawFile
from bitgauge.benchmarks.raw.generation import generation_samples
from bitgauge.benchmarks.raw.given import given_of
from bitgauge.benchmarks.raw.memory import memory_samples
from bitgauge.benchmarks.raw.pair import pair_samples
from bitgauge.benchmarks.raw.perplexity import perplexity_samples
from bitgauge.benchmarks.vocabulary.enums import PassName, Profile, RawRole, Scenario
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code
from bitgauge.benchmarks.vocabulary.profiles import PLANS
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import AssignedEntry, Overrides, Workload

from tests.labs.agent import fake_artifact

FAKE = registry.runtime("fake", ())
REQUEST = Workload(Scenario.LLM, prompt_tokens=8, generated_tokens=4)
BRIEF = Overrides(warmup_ms=10, launches=1, budget_ms=100)


@pytest.fixture
def channel() -> Iterator[Channel]:
    with open(os.devnull, "wb") as out, open("/dev/zero", "rb") as acknowledged:
        yield Channel(out.fileno(), acknowledged.fileno())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, offset in (("baseline", 0.0), ("candidate", 0.25)):
        content = fake_artifact(latency_ns=20_000, offset=offset, context=512)
        (tmp_path / name).write_bytes(content)
    (tmp_path / "floor").write_bytes(FAKE.empty_artifact())
    write_text_set(tmp_path / "texts.npz", texts())
    return tmp_path


def texts(seed: int = 1) -> TextSet:
    rng = np.random.default_rng(seed)
    documents = {f"d{at}": rng.integers(1, 16, size) for at, size in enumerate((300, 40, 2))}
    return TextSet(documents, tokenizer_sha256(str(token) for token in range(16)))


def spec(folder: Path, name: PassName, role: RawRole, *paths: str, **changes: object) -> ChildSpec:
    made = ChildSpec(
        pass_name=name,
        launch=0,
        role=role,
        runtimes=("fake",) * len(paths),
        workload=REQUEST,
        profile=Profile.QUICK,
        recipe="int4-q4_0",
        seed=1,
        artifacts=tuple(str(at) * 64 for at in range(len(paths)))
        if role is not RawRole.FLOOR
        else (),
        paths=tuple(str(folder / path) for path in paths),
        evaluation=str(folder / "texts.npz"),
        result="",
        event_fd=-1,
        ack_fd=-1,
        device="fake",
        overrides=BRIEF,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def measured(asked: ChildSpec, channel: Channel) -> RawFile:
    child = Child(asked, channel, {"fake": FAKE}, registry.device("fake", ()))
    return child.with_given(pass_module(asked.pass_name).measure(child))


def test_requests_are_timed_one_artifact_at_a_time(folder: Path, channel: Channel) -> None:
    raw = measured(spec(folder, PassName.GENERATION, RawRole.CANDIDATE, "candidate"), channel)
    found = generation_samples(raw)
    own = found.prompt_tokens == 8
    assert np.all(found.which == 1)
    assert np.all(found.decoded[own] == 3), "of four the first is not decoded"
    assert {1, 4, 16, 64} <= set(found.prompt_tokens.tolist()), "prompts of other lengths too"
    assert np.median(found.ttft_ns[own]) >= 8 * 20_000
    assert found.token_ns.size == found.decoded[own].sum()
    assert np.median(found.token_ns) >= 20_000
    assert found.context_bytes >= 0
    assert found.context_tokens == 512


def test_requests_to_two_take_turns_in_quads(folder: Path, channel: Channel) -> None:
    asked = spec(folder, PassName.GENERATION, RawRole.BOTH, "baseline", "candidate")
    raw = measured(asked, channel)
    found = generation_samples(raw)
    assert set(found.quad.tolist()) == set(range(found.which.size // 4))
    assert set(found.which.tolist()) == {0, 1}
    assert found.context_bytes == -1, "of neither alone"
    assert raw.meta["placements"] > 1, "decoders are made anew between quads"


def test_texts_are_predicted_by_both(folder: Path, channel: Channel) -> None:
    asked = spec(folder, PassName.PERPLEXITY, RawRole.BOTH, "baseline", "candidate")
    found = perplexity_samples(measured(asked, channel))
    assert found.ids.tolist() == ["d0", "d1", "d2"]
    assert found.tokens.sum() == 342
    assert found.cand_nll is not None
    assert np.all(found.cand_nll != found.ref_nll)
    same = spec(folder, PassName.PERPLEXITY, RawRole.BOTH, "baseline", "baseline2")
    (folder / "baseline2").write_bytes((folder / "baseline").read_bytes())
    again = perplexity_samples(measured(same, channel))
    assert again.kl is not None
    assert np.all(again.kl == 0)
    assert again.ref_nll.tolist() == found.ref_nll.tolist()


def test_the_baseline_alone_is_scored_alone(folder: Path, channel: Channel) -> None:
    asked = spec(folder, PassName.PERPLEXITY, RawRole.BOTH, "baseline")
    assert perplexity_samples(measured(asked, channel)).cand_nll is None


def test_passes_that_time_calls_time_requests(folder: Path, channel: Channel) -> None:
    request_ns = (8 + 4) * 20_000
    raw = measured(spec(folder, PassName.ABSOLUTE, RawRole.CANDIDATE, "candidate"), channel)
    assert np.median(absolute_samples(raw)[0].latency_ns) >= request_ns
    assert "int64[1,8]" in (given_of(raw).inputs or "")
    floor = measured(spec(folder, PassName.ABSOLUTE, RawRole.FLOOR, "floor"), channel)
    assert np.median(absolute_samples(floor)[0].latency_ns) < request_ns
    asked = spec(folder, PassName.PAIR, RawRole.BOTH, "baseline", "candidate")
    assert np.median(pair_samples(measured(asked, channel)).value_ns) >= request_ns
    memory = measured(spec(folder, PassName.MEMORY, RawRole.CANDIDATE, "candidate"), channel)
    assert [one.name for one in memory_samples(memory).checkpoints] == ["m0", "m1", "m2", "m3"]


@pytest.mark.parametrize("name", [PassName.GENERATION, PassName.PERPLEXITY, PassName.ABSOLUTE])
def test_texts_of_another_tokenizer_are_refused(
    name: PassName, folder: Path, channel: Channel
) -> None:
    other = TextSet(texts().documents, "a" * 64)
    write_text_set(folder / "texts.npz", other)
    with pytest.raises(BitgaugeError) as caught:
        measured(spec(folder, name, RawRole.BOTH, "baseline"), channel)
    assert caught.value.code is Code.BAD_EVALUATION_SET


def test_a_request_that_does_not_fit_is_one_sentence(folder: Path, channel: Channel) -> None:
    long = Workload(Scenario.LLM, prompt_tokens=510, generated_tokens=3)
    asked = spec(folder, PassName.ABSOLUTE, RawRole.CANDIDATE, "candidate", workload=long)
    with pytest.raises(BitgaugeError) as caught:
        measured(asked, channel)
    assert caught.value.code is Code.CONTEXT_OVERFLOW
    assert "510 tokens and 3 that follow" in caught.value.sentence


def test_a_runtime_without_decoders_says_so(folder: Path, channel: Channel) -> None:
    child = Child(
        spec(folder, PassName.ABSOLUTE, RawRole.CANDIDATE, "candidate"),
        channel,
        {"fake": registry.runtime("fake", ())},
        registry.device("fake", ()),
    )
    child._of_path = {str(folder / "candidate"): registry.runtime("onnxruntime", ())}
    with pytest.raises(BitgaugeError) as caught:
        child.session(str(folder / "candidate"))
    assert caught.value.code is Code.UNSUPPORTED_ARTIFACT


def test_prompts_begin_as_texts_do(folder: Path) -> None:
    assert FAKE.TRAITS.decoder is not None
    decoder = FAKE.TRAITS.decoder(folder / "baseline", SessionOptions())
    drawn = Prompts(texts(), decoder, REQUEST, seed=3)
    for feeds in drawn.for_timing():
        assert feeds["tokens"].shape == (1, 8)
        assert feeds["tokens"][0, 0] == decoder.bos
    assert drawn.of_length(1).tolist() == [decoder.bos]
    assert drawn.of_length(512).shape == (512,)
    session = Requests(decoder, 4)
    (generated,) = session.run(drawn.first())
    assert generated.shape == (1, 4)
    assert np.array_equal(session.run(drawn.first())[0], generated)


def test_the_context_holds_the_request_and_a_window() -> None:
    assert context_of(Workload()) == 0
    assert context_of(REQUEST) == 512
    assert context_of(replace(REQUEST, prompt_tokens=2000)) == 2004


@pytest.mark.parametrize("index", [0, 1])
def test_what_is_planned_of_a_decoder(index: int) -> None:
    entry = AssignedEntry(index, "int4-q4_0", Digest("c" * 64, 1))
    plan = PLANS[Profile.STANDARD]
    plans = plan_passes(
        entry, Digest("b" * 64, 1), plan, keeps_time=True, scenario=Scenario.LLM, metered=True
    )
    assert plans[0].pass_name is PassName.PERPLEXITY
    assert {one.pass_name for one in plans} == {
        PassName.PERPLEXITY,
        PassName.MEMORY,
        PassName.ABSOLUTE,
        PassName.GENERATION,
        PassName.ENERGY,
    } | ({PassName.PAIR} if index else set())
    generation = [one.role for one in plans if one.pass_name is PassName.GENERATION]
    assert generation.count(RawRole.CANDIDATE) == plan.absolute_launches
    assert generation.count(RawRole.BOTH) == (plan.pair_launches if index else 0)
    emulated = plan_passes(
        entry, Digest("b" * 64, 1), plan, keeps_time=False, scenario=Scenario.LLM
    )
    assert [one.pass_name for one in emulated] == [PassName.PERPLEXITY]


def test_decoders_of_runtimes_that_take_turns_have_no_paired_requests() -> None:
    entry = AssignedEntry(1, "int4-q4_0", Digest("c" * 64, 1))
    plans = plan_passes(
        entry,
        Digest("b" * 64, 1),
        PLANS[Profile.STANDARD],
        keeps_time=True,
        scenario=Scenario.LLM,
        baseline_runtime="other",
        alone=("other",),
    )
    timed = {(one.pass_name, one.role) for one in plans}
    assert (PassName.GENERATION, RawRole.BOTH) not in timed
    assert (PassName.PAIR, RawRole.BASELINE) in timed
    assert (PassName.GENERATION, RawRole.CANDIDATE) in timed
