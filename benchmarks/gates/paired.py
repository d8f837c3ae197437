"""Two versions of a model, answer by answer. Pure.

Both were measured with one evaluation set, which whoever asks has made sure of; samples are paired
by their ids.
"""

from __future__ import annotations

import numpy as np

from ..samples import QualitySamples
from ..vocabulary.values.gates import PairedAnswers


def paired_answers(accepted: QualitySamples, own: QualitySamples) -> PairedAnswers | None:
    """Counts over the samples that both answered; None where one of them tells no answers.

    Args:
        accepted: what each sample did in the version that was accepted.
        own: the same in the run that is judged.
    """
    theirs, mine = _right(accepted), _right(own)
    if theirs is None or mine is None:
        return None
    shared = theirs.keys() & mine.keys()
    if not shared:
        return None
    return PairedAnswers(
        n=len(shared),
        b=sum(theirs[one] and not mine[one] for one in shared),
        c=sum(mine[one] and not theirs[one] for one in shared),
    )


def _right(samples: QualitySamples) -> dict[str, bool] | None:
    """Whether each sample was answered rightly, by its id."""
    if samples.labels is None or samples.cand_top1 is None or not samples.classes:
        return None
    right = np.asarray(samples.cand_top1 == samples.labels)
    return {str(name): bool(one) for name, one in zip(samples.ids, right, strict=True)}
