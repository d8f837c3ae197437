"""The check of a calibration set: size, strata, ranges, distributions, overlap. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from enum import Enum

import numpy as np
from bitgauge.benchmarks.quality.sets import EvaluationSet, content_hashes
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code

from .coverage import ActivationCheck
from .effects import BY_CHANCE, Alike, Effect, effects
from .features import Feature, features_of
from .pooled import PooledTest, pooled

ADVISED = (100, 500)
"""Samples of a calibration set: fewer leave ranges open, more only take time."""
LEAST_SAMPLES = 2
LARGE_SHARE = 0.01
"""Of the reference: a stratum below it may be missing without a word."""
MOST_OUTSIDE = 0.01
"""Share of the reference's samples whose feature may lie outside what calibration saw."""


class Likeness(str, Enum):
    """Whether a model may be calibrated with a set."""

    PASSED = "passed"
    WARNED = "warned"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Stratum:
    """A group of samples, counted on both sides."""

    name: str
    calibration: int
    reference: int


@dataclass(frozen=True, slots=True)
class Range:
    """A feature whose values the calibration set does not span.

    Attributes:
        feature: its name.
        outside: share of the reference's samples beyond what calibration saw, 0 to 1.
    """

    feature: str
    outside: float


@dataclass(frozen=True, slots=True)
class CalibrationCheck:
    """What was found.

    Attributes:
        verdict: failed when a feature is shifted, a large stratum is missing or samples are shared.
        samples: of the calibration set and of the reference.
        reasons: why it is not passed, the heaviest first, one sentence each.
        effects: each feature, those that are farthest apart first.
        ranges: features that calibration does not span, the worst first.
        strata: groups of both, empty where neither tells any.
        constant: features that never change in the calibration set and do in the reference.
        repeated: calibration samples that are the same as another one.
        pooled: what a test on all values together says, where that misleads.
        drift: each feature against a newer sample of production; empty where none was given.
        activations: the model's own tensors; None where no model was given.
    """

    verdict: Likeness
    samples: tuple[int, int]
    reasons: tuple[str, ...]
    effects: tuple[Effect, ...]
    ranges: tuple[Range, ...]
    strata: tuple[Stratum, ...]
    constant: tuple[str, ...]
    repeated: int
    pooled: tuple[PooledTest, ...] = ()
    drift: tuple[Effect, ...] = ()
    activations: ActivationCheck | None = None


def check(
    calibration: EvaluationSet,
    reference: EvaluationSet,
    *,
    evaluation: EvaluationSet | None = None,
    production: EvaluationSet | None = None,
    seed: int = 0,
) -> CalibrationCheck:
    """Hold a calibration set against samples of what a model will see.

    Args:
        calibration: the set.
        reference: a sample of production, or the evaluation set.
        evaluation: what is judged with, of which calibration may hold nothing.
        production: a newer sample than the reference, from which the set may have drifted.
        seed: of what is drawn at random.

    Raises:
        BadInput: BAD_CALIBRATION_SET, the two do not hold the same inputs, or one too few samples.
    """
    _require_comparable(calibration, reference)
    mine, theirs = features_of(calibration), features_of(reference)
    found = effects(mine, theirs, seed=seed)
    ranges, constant = _ranges(mine, theirs), _constant(mine, theirs)
    strata = _strata(calibration, reference)
    repeated = len(calibration) - len(content_hashes(calibration))
    shared = len(content_hashes(calibration) & content_hashes(evaluation)) if evaluation else 0
    drift = () if production is None else _drift(calibration, production, seed)
    failures = [*_shared(shared), *_shifts(found), *_missing(strata), *_drifted(drift)]
    warnings = [
        *_size(len(calibration)),
        *_unclear(found),
        *_unclear_drift(drift),
        *(f"{name} never changes in the calibration set." for name in constant),
        *(
            f"{one.outside:.1%} of the reference's samples have {one.feature} beyond what"
            " calibration saw."
            for one in ranges
        ),
        *([f"{repeated} of its samples are the same as another one."] if repeated else ()),
    ]
    verdict = Likeness.FAILED if failures else Likeness.WARNED if warnings else Likeness.PASSED
    return CalibrationCheck(
        verdict=verdict,
        samples=(len(calibration), len(reference)),
        reasons=(*failures, *warnings),
        effects=found,
        ranges=ranges,
        strata=strata,
        constant=constant,
        repeated=repeated,
        pooled=tuple(one for one in pooled(calibration, reference, found) if one.misleads),
        drift=drift,
    )


def with_activations(found: CalibrationCheck, seen: ActivationCheck) -> CalibrationCheck:
    """The check together with what the model's own tensors say, which is the decisive part."""
    verdict = found.verdict
    if seen.failures:
        verdict = Likeness.FAILED
    elif seen.warnings and verdict is Likeness.PASSED:
        verdict = Likeness.WARNED
    failures, warnings = seen.failures, seen.warnings
    reasons = (*failures, *found.reasons, *warnings)
    return replace(found, verdict=verdict, reasons=reasons, activations=seen)


def _drift(calibration: EvaluationSet, production: EvaluationSet, seed: int) -> tuple[Effect, ...]:
    _require_comparable(calibration, production)
    return effects(features_of(calibration), features_of(production), seed=seed)


def _drifted(found: tuple[Effect, ...]) -> list[str]:
    shifted = [one.feature for one in found if one.found is Alike.SHIFTED]
    if not shifted:
        return []
    return [
        f"Production has moved: {_few(shifted)} differ from its newer sample. Choose the set anew"
        " from that (`bitgauge calibration sample`)."
    ]


def _unclear_drift(found: tuple[Effect, ...]) -> list[str]:
    unclear = [one.feature for one in found if one.found is Alike.UNCLEAR]
    return [f"Whether production has moved in {_few(unclear)} needs more samples."] * bool(unclear)


def _require_comparable(calibration: EvaluationSet, reference: EvaluationSet) -> None:
    mine, theirs = set(calibration.inputs), set(reference.inputs)
    if mine != theirs:
        raise BadInput(
            Code.BAD_CALIBRATION_SET,
            f"The calibration set has inputs {', '.join(sorted(mine))[:200]}, the reference"
            f" {', '.join(sorted(theirs))[:200]}.",
        )
    for one, what in ((calibration, "calibration set"), (reference, "reference")):
        if len(one) < LEAST_SAMPLES:
            raise BadInput(
                Code.BAD_CALIBRATION_SET,
                f"The {what} holds {len(one)} sample; distributions need {LEAST_SAMPLES} at least.",
            )


def _ranges(mine: dict[str, Feature], theirs: dict[str, Feature]) -> tuple[Range, ...]:
    from scipy.stats import beta

    found = []
    for name in mine.keys() & theirs.keys():
        low, high = mine[name].min(), mine[name].max()
        outside = float(np.mean((theirs[name] < low) | (theirs[name] > high)))
        # What lies beyond the ends of n equal samples is Beta(2, n - 1), whatever the distribution.
        if outside > max(MOST_OUTSIDE, beta.ppf(BY_CHANCE, 2, mine[name].size - 1)):
            found.append(Range(name, outside))
    return tuple(sorted(found, key=lambda one: (-one.outside, one.feature)))


def _constant(mine: dict[str, Feature], theirs: dict[str, Feature]) -> tuple[str, ...]:
    return tuple(
        name
        for name in sorted(mine.keys() & theirs.keys())
        if np.ptp(mine[name]) == 0 and np.ptp(theirs[name]) > 0
    )


def _strata(calibration: EvaluationSet, reference: EvaluationSet) -> tuple[Stratum, ...]:
    told, asked = groups(calibration), groups(reference)
    if told is None or asked is None:
        return ()
    mine, theirs = Counter(told), Counter(asked)
    return tuple(
        Stratum(name, mine[name], theirs[name])
        for name in sorted(mine.keys() | theirs.keys(), key=lambda one: (-theirs[one], one))
    )


def groups(samples: EvaluationSet) -> list[str] | None:
    """The stratum of each sample; its class where no strata are told; None without either."""
    told = samples.strata
    if told is None and samples.labels is not None and samples.labels.ndim == 1:
        told = samples.labels
    return None if told is None else [str(one) for one in told.tolist()]


def _shared(count: int) -> list[str]:
    what = "sample is" if count == 1 else "samples are"
    return [f"{count} of its {what} also in the evaluation set."] if count else []


def _shifts(found: tuple[Effect, ...]) -> list[str]:
    shifted = [one.feature for one in found if one.found is Alike.SHIFTED]
    return [f"{_few(shifted)} differ from the reference."] if shifted else []


def _unclear(found: tuple[Effect, ...]) -> list[str]:
    unclear = [one.feature for one in found if one.found is Alike.UNCLEAR]
    what = "differ by no more than chance allows; more samples would tell"
    return [f"{_few(unclear)} {what}."] if unclear else []


def _missing(strata: tuple[Stratum, ...]) -> list[str]:
    total = sum(one.reference for one in strata)
    missing = [
        one.name for one in strata if not one.calibration and one.reference > LARGE_SHARE * total
    ]
    return [f"No sample of {_few(missing)} is in it."] if missing else []


def _size(samples: int) -> list[str]:
    low, high = ADVISED
    if low <= samples <= high:
        return []
    return [f"It holds {samples} samples; {low} to {high} are advised."]


def _few(names: list[str], most: int = 3) -> str:
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")
