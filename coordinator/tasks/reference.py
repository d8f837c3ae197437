"""The baseline evaluated here, to notice a device whose FP32 baseline is itself wrong.

It serves that alone: every delta compares with the baseline as the device ran it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from bitgauge.benchmarks.analysis.quality import without_verdicts
from bitgauge.benchmarks.common.npz import read_npz, write_npz
from bitgauge.benchmarks.common.said import said
from bitgauge.benchmarks.quality.baseline import agreement_fault
from bitgauge.benchmarks.quality.batches import batch_sizes, fixed_batches
from bitgauge.benchmarks.quality.heads import Head
from bitgauge.benchmarks.quality.observed import Observed, predicted
from bitgauge.benchmarks.quality.outputs import choose, facts_of_labels
from bitgauge.benchmarks.quality.sets import EvaluationSet, read_evaluation_set
from bitgauge.benchmarks.quality.texts import is_text_set
from bitgauge.benchmarks.raw.container import RawFile
from bitgauge.benchmarks.raw.origin import raw_origin
from bitgauge.benchmarks.raw.quality import judged_of, quality_samples
from bitgauge.benchmarks.vocabulary.enums import PassName
from bitgauge.benchmarks.vocabulary.errors import Code
from bitgauge.benchmarks.vocabulary.metric import Group
from bitgauge.benchmarks.vocabulary.metrics import keys
from bitgauge.benchmarks.vocabulary.reasons import REFERENCE_MISMATCH
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue

from ..builders import _sessions
from ..builders.base import BuildLog, Unsupported
from ..decisions.submission import REFERENCE_RECIPE
from ..models.recognise import inspect_model

VERSION = 2
BATCH = 64
MIN_AGREEMENT = 0.99
"""Share of samples on which two sound FP32 runs of one model agree; near-ties may flip."""
_CONCERNED = keys(lambda metric: metric.group is Group.QUALITY and not metric.counted)
"""All that holds predictions against labels, or against those of the baseline."""

Floats = npt.NDArray[Any]


def toolchain() -> str:
    """What shapes a reference besides model and evaluation set."""
    return f"{REFERENCE_RECIPE}/{VERSION} {_sessions.toolchain()}"


def evaluate(baseline: Path, evaluation: Path, output: Path, batch: int, log: BuildLog) -> None:
    """Write the predicted class of each sample to `output`.

    An npz of `ids`, `outputs` (names of what may be judged) and `top1` (outputs, samples): which of
    them a job judges is the job's matter.

    Args:
        baseline: the model.
        evaluation: the set, of which every sample is run.
        output: where the predictions go.
        batch: of the job, which is tried first; what a model predicts may depend on it.
        log: is told so where the model shows no batch of its own.

    Raises:
        Unsupported: no output tells one class of each sample, or the model cannot be run here.
        BadInput: the evaluation set is damaged.
    """
    if is_text_set(evaluation):
        raise Unsupported("a language model is run on devices alone")
    samples = read_evaluation_set(evaluation)
    try:
        session = _sessions.open_session(str(baseline))
        specs = inspect_model(baseline, "the baseline").inputs
        log.batch = 0 if fixed_batches(specs) else batch
        seen = first_answered(session, samples, batch_sizes(specs, batch, BATCH))
    except Exception as error:  # whatever the library raises
        raise Unsupported(f"the reference could not be run: {said(error)}") from error
    told = {name: one for name, one in predicted(seen, samples.labels).items() if one.ndim == 1}
    if not told:
        raise Unsupported("no output of the model tells one class of each sample")
    names, top1 = np.array(list(told), dtype=np.str_), np.stack(list(told.values()))
    write_npz(output, {"ids": samples.ids, "outputs": names, "top1": top1})


def _may_be_judged(seen: Observed, samples: EvaluationSet) -> list[str]:
    found = choose(seen.outputs, facts_of_labels(samples.labels))
    return [one.name for one in found.candidates if one.head is not Head.VALUES]


def first_answered(session: Any, samples: EvaluationSet, sizes: Sequence[int]) -> Observed:
    """Every sample, in calls of the first size that the model takes."""
    refused: Exception = ValueError("its inputs fix different batches")
    for size in sizes:
        try:
            return _observed(session, samples, size)
        except Exception as error:  # onnxruntime's own classes, none public
            refused = error
    raise refused


def _observed(session: Any, samples: EvaluationSet, batch: int) -> Observed:
    seen = Observed([one.name for one in session.get_outputs()], len(samples))
    for feed, count in _feeds(samples, batch):
        returned = session.run(None, feed)
        seen.look(returned, batch)
        seen.keep_once(_may_be_judged(seen, samples))
        seen.add(returned, batch, count)
    return seen


def _feeds(
    samples: EvaluationSet, batch: int
) -> Iterator[tuple[dict[str, npt.NDArray[np.generic]], int]]:
    """Inputs of each call and how many samples of it count; the last call is filled up."""
    for start in range(0, len(samples), batch):
        wanted = np.arange(start, start + batch)
        rows = np.minimum(wanted, len(samples) - 1)
        yield (
            {name: array[rows] for name, array in samples.inputs.items()},
            int(np.count_nonzero(wanted < len(samples))),
        )


def flagged(
    metrics: tuple[MetricValue, ...], raws: Sequence[RawFile], reference: Path
) -> tuple[MetricValue, ...]:
    """`metrics`, those about accuracy flagged when the device's baseline is not the reference.

    Where it surely is not, what is compared with it is null.
    """
    agreement = agreement_of(raws, reference)
    if agreement is None or agreement.share >= MIN_AGREEMENT:
        return metrics
    fault = agreement_fault(agreement.agreeing, agreement.samples, MIN_AGREEMENT)
    found = tuple(
        replace(metric, flags=(*metric.flags, REFERENCE_MISMATCH))
        if metric.key in _CONCERNED
        else metric
        for metric in metrics
    )
    return found if fault is None else without_verdicts(found, (fault,))


@dataclass(frozen=True, slots=True)
class Agreement:
    """On how many of the samples that both have device and reference predict the same."""

    agreeing: int
    samples: int

    @property
    def share(self) -> float:
        """Of all samples."""
        return self.agreeing / self.samples


def agreement_of(raws: Sequence[RawFile], reference: Path) -> Agreement | None:
    """How far the device's baseline predicts as the reference does.

    None when the run has no predictions, or none of the reference's samples.
    """
    found = next((raw for raw in raws if raw_origin(raw).pass_name is PassName.QUALITY), None)
    if found is None:
        return None
    samples = quality_samples(found)
    arrays = read_npz(reference, Code.BAD_RAW, what="the reference")
    _, here, there = np.intersect1d(arrays["ids"], samples.ids, return_indices=True)
    if not samples.classes or here.size == 0:
        return None
    judged = judged_of(found)
    # Before outputs had names, the first one was judged.
    names = arrays["outputs"].tolist()
    name = names[0] if judged is None else judged.output
    if name not in names:
        return None
    same = arrays["top1"][names.index(name), here] == samples.ref_top1[there]
    return Agreement(int(np.count_nonzero(same)), int(here.size))
