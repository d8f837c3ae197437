"""Classes with a margin of their own: judged on the samples that have its label. Pure."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..quality.accuracy import Paired
from ..samples import QualitySamples
from ..vocabulary.values.gates import PASSED, RuleVerdict, UseCase
from .figures import HIDDEN_LOSS, inferior

_METRIC = "accuracy_delta_pp"


def class_rule(label: str) -> str:
    """The name of the rule of a class."""
    return f"class {label}"


def of_classes(samples: QualitySamples, use_case: UseCase) -> tuple[RuleVerdict, ...]:
    """What is to be said of each class of a use case, by non-inferiority at its own margin.

    Args:
        samples: what each evaluation sample did in the baseline and in the run.
        use_case: whose classes.

    Returns:
        One verdict for each class; none where no sample has labels, or nothing tells classes.
    """
    if samples.labels is None or samples.cand_top1 is None or not samples.classes:
        return ()
    return tuple(
        _of_class(samples, int(rule.key), rule.limit, use_case) for rule in use_case.classes
    )


def _of_class(
    samples: QualitySamples, label: int, margin_pp: float, use_case: UseCase
) -> RuleVerdict:
    assert samples.labels is not None
    assert samples.cand_top1 is not None
    said = RuleVerdict(class_rule(str(label)), _METRIC, use_case.unknown, limit=margin_pp)
    own = samples.labels == label
    n = int(np.count_nonzero(own))
    if n == 0:
        return replace(said, why="no sample is labelled with it")
    before, now = samples.ref_top1[own] == label, samples.cand_top1[own] == label
    paired = Paired(n, int(np.count_nonzero(before & ~now)), int(np.count_nonzero(~before & now)))
    found = inferior(paired, margin_pp, said)
    if found.verdict == PASSED:
        return found
    return replace(found, playbook=HIDDEN_LOSS)
