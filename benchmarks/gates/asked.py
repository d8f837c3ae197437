"""A use case that came over the wire: what no file of ours could have said is refused. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..vocabulary.errors import BadInput, Code
from ..vocabulary.reasons import FLAGS
from ..vocabulary.typed import unknown
from ..vocabulary.values.gates import FAILED, PASSED, REVIEW, RuleVerdict, UseCase
from .limits import LIMITS

_MOST_POINTS = 100
_MAY_BE = {
    "saturating": (PASSED, REVIEW, FAILED),
    "unknown": (REVIEW, FAILED),
    "first": (PASSED, REVIEW),
}


def required(use_case: UseCase) -> None:
    """Refuse a use case with a limit that nobody would hold a run against.

    Raises:
        BadInput: `BAD_ARGUMENT`.
    """
    keys = [rule.key for rule in use_case.rules]
    for rule in use_case.rules:
        if rule.key not in LIMITS:
            raise unknown("limit", rule.key, LIMITS)
        if not math.isfinite(rule.limit) or rule.limit < 0:
            raise _refused(use_case, f"{rule.key} is {rule.limit}")
    if not keys and not use_case.classes:
        raise _refused(use_case, "it sets no limit")
    labels = [rule.key for rule in use_case.classes]
    if len({*keys}) < len(keys) or len({*labels}) < len(labels):
        raise _refused(use_case, "a limit stands there twice")
    for rule in use_case.classes:
        if not rule.key.isdecimal() or not 0 <= rule.limit <= _MOST_POINTS:
            raise _refused(use_case, f"class {rule.key} is {rule.limit}")
    for key, words in _MAY_BE.items():
        if getattr(use_case, key) not in words:
            raise _refused(use_case, f"{key} is none of {', '.join(words)}")
    for flag in use_case.review:
        if flag not in FLAGS:
            raise unknown("flag", flag, FLAGS)


def required_further(further: Sequence[RuleVerdict]) -> None:
    """Refuse verdicts on rules that no gate gives.

    Raises:
        BadInput: `BAD_ARGUMENT`.
    """
    for one in further:
        if one.verdict not in (PASSED, REVIEW, FAILED):
            raise unknown("verdict", one.verdict, (PASSED, REVIEW, FAILED))


def _refused(use_case: UseCase, what: str) -> BadInput:
    return BadInput(Code.BAD_ARGUMENT, f"The use case {use_case.name!r} makes no sense: {what}.")
