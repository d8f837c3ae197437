"""Raw file of pass `quality`, both directions."""

from __future__ import annotations

from dataclasses import asdict

import msgspec
import numpy as np

from ..common.fits import Whole
from ..quality.outputs import Judged
from ..samples import BaselineSamples, Floats, Ints, QualitySamples, TaskSamples
from .container import RawFile
from .origin import RawOrigin, origin_meta
from .parts import arrays_of, bad_raw, floats_of, ints_of, meta_of, texts_of


class _Meta(msgspec.Struct, frozen=True):
    classes: Whole


class TaskFacts(msgspec.Struct, frozen=True):
    """The task that a raw file of pass `quality` is about.

    Attributes:
        name: of its kind.
        k: of the first how many.
        width: figures of a sample.
        version: of the kind that made them.
    """

    name: str
    k: Whole
    width: Whole
    version: Whole


class _Tasked(msgspec.Struct, frozen=True):
    task: TaskFacts | None = None


class _Chosen(msgspec.Struct, frozen=True):
    judged: Judged | None = None


def quality_raw(
    origin: RawOrigin, samples: QualitySamples, judged: Judged | None = None
) -> RawFile:
    """The raw file of pass `quality`, with what was judged."""
    meta = origin_meta(origin) | {"classes": samples.classes}
    if judged is not None:
        meta["judged"] = asdict(judged) | {"others": list(judged.others)}
    return RawFile(meta, arrays_of(samples))


def judged_of(raw: RawFile) -> Judged | None:
    """What was judged in a raw file of pass `quality`.

    None in one of before outputs had names: it was the first output, whatever that was.
    """
    return meta_of(raw, _Chosen).judged


def quality_samples(raw: RawFile) -> QualitySamples:
    """The samples of a raw file of pass `quality`; `BadInput` when it does not hold them."""
    ids = texts_of(raw, "ids")
    if np.unique(ids).size != ids.size:
        raise bad_raw("its sample ids are not unique")
    samples = int(ids.size)
    both = "cand_top1" in raw.arrays
    labelled = "labels" in raw.arrays
    return QualitySamples(
        ids=ids,
        labels=ints_of(raw, "labels", samples) if labelled else None,
        ref_top1=ints_of(raw, "ref_top1", samples),
        cand_top1=ints_of(raw, "cand_top1", samples) if both else None,
        ref_loss=floats_of(raw, "ref_loss", samples) if labelled else None,
        cand_loss=floats_of(raw, "cand_loss", samples) if labelled and both else None,
        kl=floats_of(raw, "kl", samples) if both else None,
        max_abs_diff=floats_of(raw, "max_abs_diff", samples) if both else None,
        ref_nonfinite=ints_of(raw, "ref_nonfinite", samples),
        cand_nonfinite=ints_of(raw, "cand_nonfinite", samples) if both else None,
        classes=meta_of(raw, _Meta).classes,
        ref_rank=_ints_if_any(raw, "ref_rank", samples),
        cand_rank=_ints_if_any(raw, "cand_rank", samples),
        ref_confidence=_floats_if_any(raw, "ref_confidence", samples),
        cand_confidence=_floats_if_any(raw, "cand_confidence", samples),
        strata=texts_of(raw, "strata", samples) if "strata" in raw.arrays else None,
    )


def _ints_if_any(raw: RawFile, name: str, size: int) -> Ints | None:
    return ints_of(raw, name, size) if name in raw.arrays else None


def _floats_if_any(raw: RawFile, name: str, size: int) -> Floats | None:
    return floats_of(raw, name, size) if name in raw.arrays else None


def with_baseline(raw: RawFile, observed: BaselineSamples) -> RawFile:
    """`raw`, with what tells whether the baseline is sound."""
    return RawFile(raw.meta, {**raw.arrays, **arrays_of(observed)})


def baseline_samples(raw: RawFile) -> BaselineSamples | None:
    """What tells whether the baseline is sound; None in files from before it was kept."""
    if "ref_again" not in raw.arrays:
        return None
    samples = int(texts_of(raw, "ids").size)
    return BaselineSamples(
        ref_magnitude=floats_of(raw, "ref_magnitude", samples),
        ref_lead=floats_of(raw, "ref_lead", samples),
        ref_apart=floats_of(raw, "ref_apart", samples),
        ref_again=floats_of(raw, "ref_again"),
    )


def with_task(raw: RawFile, facts: TaskFacts, samples: TaskSamples | None) -> RawFile:
    """`raw`, with the task that it is about, and its figures where there are any."""
    arrays = {} if samples is None else arrays_of(samples)
    return RawFile({**raw.meta, "task": msgspec.to_builtins(facts)}, {**raw.arrays, **arrays})


def task_facts(raw: RawFile) -> TaskFacts | None:
    """The task of a raw file of pass `quality`; None where it is about classes."""
    return meta_of(raw, _Tasked).task


def task_samples_of(raw: RawFile, facts: TaskFacts) -> TaskSamples:
    """The figures of a task; `BadInput` when the file does not hold them."""
    samples = int(texts_of(raw, "ids").size)
    size = samples * facts.width
    both = "task_cand" in raw.arrays
    return TaskSamples(
        task_ref=floats_of(raw, "task_ref", size),
        task_chance=floats_of(raw, "task_chance", size),
        task_cand=floats_of(raw, "task_cand", size) if both else None,
        task_cosine=floats_of(raw, "task_cosine", samples) if both else None,
        task_cluster=ints_of(raw, "task_cluster", samples)
        if "task_cluster" in raw.arrays
        else None,
    )
