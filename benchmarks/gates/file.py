"""`gates.toml`: what each use case asks of an artifact, read strictly. Pure.

A unit stands beside each time, size and energy, as people type them. Whatever cannot be meant is
one sentence with file, line and key.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from importlib.resources import files
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from ..common.typed_toml import Document, Millijoules, Positive, Size, Text, Time
from ..vocabulary.errors import BadInput, Code
from ..vocabulary.reasons import (
    ANOMALOUS,
    BASELINE_UNTOLD,
    FLAGS,
    HARNESS_SUSPECT,
    IMPOSSIBLE,
    REFERENCE_MISMATCH,
)
from ..vocabulary.typed import hint_of, unknown
from ..vocabulary.values.gates import FAILED, GateRule, UseCase
from .limits import LIMITS, LOSS_PCT, LOSS_PP, PERPLEXITY_PCT

FILE_NAME = "gates.toml"
MAX_FILE_BYTES = 1 << 20
"""Of a gates file."""
USUAL_REVIEW = (BASELINE_UNTOLD, REFERENCE_MISMATCH, HARNESS_SUSPECT, IMPOSSIBLE, ANOMALOUS)
"""Flags that need a person where a use case does not say which do."""

_PERCENTILES = tuple(key for key in LIMITS if key.startswith("max_latency_p"))
Loss = Annotated[float, Meta(ge=0, le=100, description="a number of 0 to 100")]
Share = Annotated[float, Meta(ge=0, le=100, description="a share of 0 to 100 percent")]
Outcome = Literal["passed", "failed", "manual_review"]


class _UseCase(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: Text
    owner: Text = ""
    saturating: Outcome = "failed"
    unknown: Literal["failed", "manual_review"] = "manual_review"
    first: Literal["passed", "manual_review"] = "passed"
    review: Annotated[tuple[Text, ...], Meta(description="a list of flags")] = USUAL_REVIEW
    max_accuracy_loss_pp: Loss | None = None
    max_accuracy_loss_relative_pct: Loss | None = None
    max_perplexity_increase_pct: Loss | None = None
    max_nonfinite: Annotated[int, Meta(ge=0, description="a whole number")] | None = None
    max_latency_p50: Time | None = None
    max_latency_p90: Time | None = None
    max_latency_p95: Time | None = None
    max_latency_p99: Time | None = None
    max_latency_p999: Time | None = None
    max_latency_ratio: Positive | None = None
    min_throughput_per_s: Positive | None = None
    max_ttft: Time | None = None
    min_tokens_per_s: Positive | None = None
    max_peak_memory: Size | None = None
    max_peak_memory_ratio: Positive | None = None
    max_energy: Millijoules | None = None
    max_energy_ratio: Positive | None = None
    max_size: Size | None = None
    max_size_ratio: Positive | None = None
    max_saturated_pct: Share | None = None
    max_kernel_error_pct: Share | None = None
    max_clip_pct: Share | None = None
    max_clip_mass_pct: Share | None = None
    min_int_coverage: Annotated[float, Meta(ge=0, le=1, description="a share of 0 to 1")] | None = (
        None
    )
    min_sqnr_db: Positive | None = None
    critical_classes: Annotated[
        dict[str, Loss], Meta(description='a table of losses in points, such as {"3" = 0.5}')
    ] = {}


class _Gates(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    use_case: tuple[_UseCase, ...] = ()


def shipped() -> str:
    """The text of the `gates.toml` that Bitgauge brings."""
    return (files(__package__) / FILE_NAME).read_text("utf-8")


def parse_gates(text: str, file: str) -> tuple[UseCase, ...]:
    """The use cases of a gates file, in its order.

    Args:
        text: the file.
        file: its name, for sentences.

    Raises:
        BadInput: `BAD_GATES`; the sentence has file, line and key, and the nearest known key.
    """
    document = Document("Gates", file, Code.BAD_GATES, text)
    said = document.read(_Gates)
    if not said.use_case:
        raise document.wrong((), "there is no [[use_case]]")
    names = [one.name for one in said.use_case]
    for index, one in enumerate(said.use_case):
        if one.name in names[:index]:
            at = ("use_case", index, "name")
            raise document.wrong(at, f"there are two use cases named {one.name!r}")
    return tuple(_use_case(document, index, one) for index, one in enumerate(said.use_case))


def chosen(use_cases: Iterable[UseCase], name: str | None, file: str) -> UseCase:
    """The use case of that name; the only one where none is named.

    Raises:
        BadInput: `BAD_ARGUMENT`.
    """
    known = {one.name: one for one in use_cases}
    if name is None and len(known) == 1:
        return next(iter(known.values()))
    if name is None:
        raise BadInput(
            Code.BAD_ARGUMENT,
            f"{file} holds {len(known)} use cases; name one with --use-case: {', '.join(known)}.",
        )
    if name not in known:
        raise unknown(f"use case of {file}", name, known)
    return known[name]


def _use_case(document: Document, index: int, said: _UseCase) -> UseCase:
    at = ("use_case", index)
    found = {key: getattr(said, key) for key in LIMITS}
    rules = tuple(GateRule(key, float(one)) for key, one in found.items() if one is not None)
    classes = tuple(GateRule(key, float(one)) for key, one in said.critical_classes.items())
    if not rules and not classes:
        raise document.wrong(at, f"{said.name!r} sets no limit")
    for flag in said.review:
        if flag not in FLAGS:
            raise document.wrong((*at, "review"), f"{flag!r} is no flag{hint_of(flag, FLAGS)}")
    _require_sense(document, index, {rule.key: rule.limit for rule in rules}, said)
    return UseCase(
        name=said.name,
        rules=rules,
        saturating=said.saturating,
        unknown=said.unknown,
        first=said.first,
        review=tuple(dict.fromkeys(said.review)),
        classes=classes,
        owner=said.owner,
        file=document.file,
    )


def _require_sense(
    document: Document, index: int, limits: dict[str, float], said: _UseCase
) -> None:
    """Refuse limits that cannot be meant together."""
    at = ("use_case", index)
    for key in (LOSS_PP, LOSS_PCT):
        if PERPLEXITY_PCT in limits and key in limits:
            raise document.wrong(
                (*at, key),
                f"contradicts {PERPLEXITY_PCT}: a decoder is judged by its perplexity, any other"
                " model by its accuracy; make two use cases of them",
            )
    for label in said.critical_classes:
        if not label.isdecimal():
            raise document.wrong((*at, "critical_classes"), f"{label!r} is no number of a class")
    timed = [(key, limits[key]) for key in _PERCENTILES if key in limits]
    for (lower, most), (higher, least) in itertools.pairwise(timed):
        if least < most:
            raise document.wrong(
                (*at, higher), f"contradicts {lower}: no percentile is below a lower one"
            )
    if said.saturating == FAILED and limits.get("max_saturated_pct", 0) > 0:
        raise document.wrong(
            (*at, "max_saturated_pct"),
            'contradicts saturating = "failed", which lets nothing through that saturates; say'
            ' saturating = "passed" too',
        )
