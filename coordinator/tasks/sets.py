"""The evaluation and calibration set of a job: samples, or texts where the model is a decoder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bitgauge.benchmarks.quality.sets import (
    EvaluationSet,
    check_inputs,
    read_evaluation_set,
    require_disjoint,
)
from bitgauge.benchmarks.quality.texts import (
    TextSet,
    is_text_set,
    read_text_set,
    require_other_texts,
    require_tokenizer,
)
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import JobSpec

from ..models import decoders
from ..models.base import DecoderFacts, ModelFacts
from ..models.checks import check_evaluation, check_stands_in

EVALUATION_LABEL = "The evaluation set"
CALIBRATION_LABEL = "The calibration set"

PathOf = Callable[[Digest], Path]


@dataclass(frozen=True, slots=True)
class JobSets:
    """What a job brings to be measured with: samples of a network, or none where it brings texts.

    Attributes:
        evaluation: samples; None of a decoder.
        calibration: samples; None where the job has none, and of a decoder.
    """

    evaluation: EvaluationSet | None = None
    calibration: EvaluationSet | None = None

    @property
    def samples(self) -> tuple[EvaluationSet, str] | None:
        """Those that two forms of a model are run on, and what they are called."""
        if self.calibration is not None:
            return self.calibration, "the calibration set"
        return None if self.evaluation is None else (self.evaluation, "the evaluation set")


def read_sets(spec: JobSpec, baseline: ModelFacts, path_of: PathOf) -> JobSets:
    """The sets of a job, held against its baseline and each other.

    Raises:
        BadInput: one sentence about the first that cannot be used.
    """
    if baseline.decoder is not None:
        _look_at_texts(spec, baseline.decoder, path_of)
        return JobSets()
    evaluation = _samples(path_of(spec.evaluation), Code.BAD_EVALUATION_SET, EVALUATION_LABEL)
    check_evaluation(baseline, evaluation, spec.workload.batch, EVALUATION_LABEL, spec.output)
    if spec.calibration is None:
        return JobSets(evaluation)
    code = Code.BAD_CALIBRATION_SET
    calibration = _samples(path_of(spec.calibration), code, CALIBRATION_LABEL)
    with _said_of(CALIBRATION_LABEL):
        check_inputs(calibration, baseline.inputs, code)
    require_disjoint(calibration, evaluation)
    return JobSets(evaluation, calibration)


def require_stands_in(
    spec: JobSpec, baseline: ModelFacts, facts: ModelFacts, sets: JobSets, label: str
) -> None:
    """Refuse an artifact that cannot stand in for the baseline, before a device is used.

    Raises:
        BadInput: what differs.
    """
    if sets.evaluation is None or facts.decoder is not None:
        decoders.require_stands_in(baseline, facts, label)
        decoders.require_scenario(facts, spec.workload, label)
        return
    batch = spec.workload.batch
    check_stands_in(baseline, facts, sets.evaluation, batch, label, output=spec.output)


def _look_at_texts(spec: JobSpec, decoder: DecoderFacts, path_of: PathOf) -> None:
    code = Code.BAD_EVALUATION_SET
    evaluation = _texts(path_of(spec.evaluation), decoder, code, EVALUATION_LABEL)
    if spec.calibration is not None:
        code = Code.BAD_CALIBRATION_SET
        calibration = _texts(path_of(spec.calibration), decoder, code, CALIBRATION_LABEL)
        require_other_texts(calibration, evaluation)


def _texts(path: Path, decoder: DecoderFacts, code: Code, label: str) -> TextSet:
    if not is_text_set(path):
        raise BadInput(
            code, f"{label} is no set of texts (bitgauge.text/1), and a language model needs one."
        )
    with _said_of(label):
        texts = read_text_set(path, code, what="the set")
        require_tokenizer(texts, decoder.tokenizer_sha256, code)
        largest = max(int(one.max()) for one in texts.documents.values())
        if largest >= decoder.vocabulary:
            raise BadInput(
                code, f"The set holds token {largest}, the model knows {decoder.vocabulary}."
            )
    return texts


def _samples(path: Path, code: Code, label: str) -> EvaluationSet:
    """A set from its bytes: a blob's file name is a digest and tells a user nothing."""
    with _said_of(label):
        if is_text_set(path):
            raise BadInput(code, "The set holds texts, and the model is no language model.")
        return read_evaluation_set(path, code, what="the set")


@contextmanager
def _said_of(label: str) -> Iterator[None]:
    """Begin the sentence of a bad input with what it is about."""
    try:
        yield
    except BadInput as error:
        raise BadInput(error.code, f"{label}: {error.sentence}") from error
