"""The figures of a task for baseline and candidate, from the rows of their outputs. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..samples import Floats, TaskSamples
from .heads import Rows
from .sets import EvaluationSet
from .tasks.base import TaskKind


def task_samples(
    kind: TaskKind,
    k: int,
    evaluation: EvaluationSet,
    ref: Sequence[Rows],
    cand: Sequence[Rows] | None,
) -> TaskSamples:
    """What a task keeps of each sample.

    Args:
        kind: of the task.
        k: of the first how many.
        evaluation: with the truth.
        ref: rows of the baseline's outputs, first axis is samples.
        cand: of the candidate's; None for the baseline alone.

    Raises:
        BadInput: BAD_EVALUATION_SET, outputs and truth do not fit.
    """
    figures = kind.figures(ref, evaluation.truth, k)
    # The answer to another sample: what a model is right in by chance.
    other = [np.roll(np.asarray(one), 1, axis=0) for one in ref]
    cluster = evaluation.cluster
    return TaskSamples(
        task_ref=figures.reshape(-1),
        task_chance=kind.figures(other, evaluation.truth, k).reshape(-1),
        task_cand=None if cand is None else kind.figures(cand, evaluation.truth, k).reshape(-1),
        task_cosine=None if cand is None else cosines(ref[0], cand[0]),
        task_cluster=None
        if cluster is None
        else np.unique(cluster, return_inverse=True)[1].reshape(-1).astype(np.int64),
    )


def cosines(ref: Rows, cand: Rows) -> Floats:
    """How far the outputs of each sample point the same way, -1 to 1; NaN where one is nothing."""
    a, b = (np.asarray(one).astype(np.float64).reshape(len(one), -1) for one in (ref, cand))
    with np.errstate(all="ignore"):
        lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
        found: Floats = np.where(lengths > 0, (a * b).sum(axis=1) / lengths, np.nan)
    return np.clip(found, -1.0, 1.0)
