"""The baseline evaluated here, to notice a device whose FP32 baseline is itself wrong.

It serves that alone: every delta compares with the baseline as the device ran it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from bitgauge.benchmarks.analysis.quality import without_verdicts
from bitgauge.benchmarks.common.npz import read_npz, write_npz
from bitgauge.benchmarks.quality.baseline import agreement_fault
from bitgauge.benchmarks.quality.sets import EvaluationSet, read_evaluation_set
from bitgauge.benchmarks.raw.container import RawFile
from bitgauge.benchmarks.raw.origin import raw_origin
from bitgauge.benchmarks.raw.quality import quality_samples
from bitgauge.benchmarks.vocabulary.enums import PassName
from bitgauge.benchmarks.vocabulary.errors import Code
from bitgauge.benchmarks.vocabulary.metric import Group
from bitgauge.benchmarks.vocabulary.metrics import keys
from bitgauge.benchmarks.vocabulary.reasons import REFERENCE_MISMATCH
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue

from ..builders import _sessions
from ..builders.base import Unsupported
from ..decisions.submission import REFERENCE_RECIPE

VERSION = 1
BATCH = 64
MIN_AGREEMENT = 0.99
"""Share of samples on which two sound FP32 runs of one model agree; near-ties may flip."""
_CONCERNED = keys(lambda metric: metric.group is Group.QUALITY and not metric.counted)
"""All that holds predictions against labels, or against those of the baseline."""

Ints = npt.NDArray[np.int64]


def toolchain() -> str:
    """What shapes a reference besides model and evaluation set."""
    return f"{REFERENCE_RECIPE}/{VERSION} {_sessions.toolchain()}"


def evaluate(baseline: Path, evaluation: Path, output: Path) -> None:
    """Write the predicted class of each sample to `output` (npz: `ids`, `top1`).

    Raises:
        Unsupported: the model returns no (samples, classes) matrix, or cannot be run here.
        BadInput: the evaluation set is damaged.
    """
    samples = read_evaluation_set(evaluation)
    try:
        session = _sessions.open_session(str(baseline))
        shape = session.get_inputs()[0].shape
        fixed = shape[0] if shape and isinstance(shape[0], int) else None
        parts = [
            session.run(None, feed)[0][:count] for feed, count in _feeds(samples, fixed or BATCH)
        ]
    except Exception as error:  # whatever the library raises
        raise Unsupported(f"the reference could not be run: {str(error)[:200]}") from error
    logits = np.concatenate(parts)
    if logits.ndim != 2:
        raise Unsupported("the model's first output is no (samples, classes) matrix")
    write_npz(output, {"ids": samples.ids, "top1": np.argmax(logits, axis=1).astype(np.int64)})


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
    same = arrays["top1"][here] == samples.ref_top1[there]
    return Agreement(int(np.count_nonzero(same)), int(here.size))
