"""A job of a language model is looked into: scenario, texts, its float32 form, what stands in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from bitgauge.benchmarks.common.digests import digest_of
from bitgauge.benchmarks.quality.sets import EvaluationSet, write_evaluation_set
from bitgauge.benchmarks.quality.texts import TextSet, tokenizer_sha256, write_text_set
from bitgauge.benchmarks.vocabulary.enums import ModelClass, Scenario
from bitgauge.benchmarks.vocabulary.errors import BadInput
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import Entry, JobSpec, Workload
from bitgauge.coordinator.builders.base import BuildLog, Unsupported
from bitgauge.coordinator.decisions.submission import Inspection, as_sent, completed, ordered
from bitgauge.coordinator.models.base import ModelFacts
from bitgauge.coordinator.models.recognise import inspect_model
from bitgauge.coordinator.tasks import order, reference
from bitgauge.coordinator.tasks.inspect_job import inspect_job
from bitgauge.coordinator.tasks.order import wanted_of

from tests.labs.decoders.gguf import TOKENS, Gguf, tiny
from tests.labs.store import spec as job_spec

REQUEST = Workload(scenario=Scenario.LLM, prompt_tokens=16, generated_tokens=8)
TAKES = {"llamacpp": ("gguf",), "onnxruntime": ("onnx",)}


class Lab:
    """Files by their digests, and jobs about them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.paths: dict[Digest, Path] = {}

    def put(self, path: Path) -> Digest:
        digest = digest_of(path)
        self.paths[digest] = path
        return digest

    def model(self, whole: Gguf) -> Digest:
        return self.put(whole.write(self.folder / f"{len(self.paths)}.gguf"))

    def texts(self, *documents: list[int], tokens: tuple[str, ...] = TOKENS) -> Digest:
        path = self.folder / f"{len(self.paths)}.npz"
        named = {f"d{at}": np.array(one) for at, one in enumerate(documents)}
        write_text_set(path, TextSet(named, tokenizer_sha256(tokens)))
        return self.put(path)

    def samples(self) -> Digest:
        path = self.folder / f"{len(self.paths)}.npz"
        values = {"tokens": np.zeros((4, 8), np.int64)}
        write_evaluation_set(path, EvaluationSet(values, None, ids=np.array(list("abcd"))))
        return self.put(path)

    def looked(self, baseline: Gguf, *entries: Entry, **changes: object) -> Inspection:
        given = {
            "baseline": self.model(baseline),
            "evaluation": changes.get("evaluation") or self.texts([3, 4, 5, 6]),
            "calibration": None,
            "workload": REQUEST,
            "runtime": "llamacpp",
            "entries": entries,
            **changes,
        }
        spec: JobSpec = completed(replace(job_spec(), **given))  # type: ignore[arg-type]
        return inspect_job(spec, lambda digest: self.paths[digest], TAKES)


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


def test_a_float32_model_and_what_was_made_of_it(lab: Lab) -> None:
    small = lab.model(tiny("q4_0"))
    found = lab.looked(tiny(), Entry("", small), Entry("int4-q4_k_m"), Entry("int4-q4_0-cal"))
    assert found.model_class is ModelClass.TRANSFORMER
    assert found.recipes == ("fp32", "int4-q4_0", "int4-q4_k_m", "int4-q4_0-cal")
    assert set(found.kinds) == {"gguf"}
    assert set(found.runtimes) == {"llamacpp"}


@pytest.mark.parametrize(
    ("kind", "word", "recipe"), [("f16", "float16", "fp16"), ("bf16", "bfloat16", "bf16")]
)
def test_a_model_in_half_precision_is_widened_first_and_named_again_is_what_it_is(
    kind: str, word: str, recipe: str, lab: Lab
) -> None:
    found = lab.looked(tiny(kind))
    assert found.disorder == (f"9 tensors of {word} widened to float32",)
    wide, half = lab.model(tiny()), lab.model(tiny(kind))
    entries = (Entry(recipe, half), Entry("fp32", half), Entry("", half, "again.gguf"))
    sent = replace(job_spec(), baseline=half, entries=entries, evaluation=lab.texts([3, 4]))
    sent = completed(replace(sent, calibration=None, workload=REQUEST, runtime="llamacpp"))
    spec = ordered(sent, wide, found.disorder, reformatted=found.reformatted)
    assert as_sent(spec) == sent
    seen = inspect_job(spec, lambda digest: lab.paths[digest], TAKES)
    assert seen.recipes == ("fp32", recipe, "fp32", recipe)
    assert [one.artifact for one in spec.entries] == [wide, half, wide, half]


def test_a_baseline_is_not_measured_as_a_format_that_it_is_not(lab: Lab) -> None:
    with pytest.raises(BadInput, match=r"The baseline is fp32, not fp16\."):
        lab.looked(tiny(), Entry("fp16", lab.model(tiny())))


def test_the_ordered_file_is_in_order(lab: Lab, tmp_path: Path) -> None:
    given = tiny("f16").write(tmp_path / "given.gguf")
    texts = lab.paths[lab.texts([3, 4])]
    wanted = wanted_of(job_spec())
    words = order.put_in_order(given, texts, wanted, tmp_path / "made")
    assert words == ("9 tensors of float16 widened to float32",)
    facts: ModelFacts = inspect_model(tmp_path / "made", "made")
    assert str(facts.recipe) == "fp32"


REFUSED: dict[str, tuple[Gguf, dict[str, object], str]] = {
    "quantized": (tiny("q8_0"), {}, "is int8-q8_0; a baseline is fp32"),
    "another scenario": (tiny(), {"workload": Workload()}, "is measured in scenario llm"),
    "longer than its context": (
        tiny(),
        {"workload": replace(REQUEST, prompt_tokens=60)},
        "do not fit The baseline m.gguf, which holds 64",
    ),
    "adapter": (tiny().with_values(general__type="adapter"), {}, "it is an adapter"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_a_baseline_is_one_sentence(name: str, lab: Lab) -> None:
    whole, changes, words = REFUSED[name]
    entry = Entry("fp32", lab.model(whole), "m.gguf")
    with pytest.raises(BadInput) as refused:
        lab.looked(whole, entry, **changes)
    assert words in refused.value.sentence


def test_texts_are_held_against_the_model(lab: Lab) -> None:
    cases = (
        (lab.samples(), "is no set of texts"),
        (lab.texts([3, 16]), "holds token 16, the model knows 16"),
        (lab.texts([3, 4], tokens=("other",)), "were made with tokenizer"),
    )
    for evaluation, words in cases:
        with pytest.raises(BadInput, match=words) as refused:
            lab.looked(tiny(), evaluation=evaluation)
        assert refused.value.sentence.startswith("The evaluation set")
    same = lab.texts([5, 6, 7])
    with pytest.raises(BadInput, match="also in the evaluation set"):
        lab.looked(tiny(), evaluation=same, calibration=same)


def test_an_artifact_of_another_model_is_refused(lab: Lab) -> None:
    others = (
        (tiny("q8_0", tokens=[*TOKENS, "more"]), "knows 17 tokens and its baseline 16"),
        (tiny("q8_0", tokens=[*TOKENS[:-1], "x"]), "have other texts than those of its baseline"),
        (tiny("q8_0").with_values(llama__context_length=20), "do not fit"),
    )
    for whole, words in others:
        with pytest.raises(BadInput, match=words):
            lab.looked(tiny(), Entry("", lab.model(whole), "other.gguf"))


def test_no_reference_is_made_off_the_device(lab: Lab, tmp_path: Path) -> None:
    texts = lab.paths[lab.texts([3, 4])]
    with pytest.raises(Unsupported, match="on devices alone"):
        reference.evaluate(tmp_path / "none", texts, tmp_path / "made", 1, BuildLog())
