"""What a set holds, as people read it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from bitgauge.benchmarks.quality.sets import EvaluationSet, content_hashes
from bitgauge.benchmarks.quality.texts import TextSet, document_hashes
from bitgauge.benchmarks.vocabulary.shown import counted

from .layout import columns

_LISTED = 12


@dataclass(frozen=True, slots=True)
class InputFacts:
    """One input: type and shape of a sample, smallest and largest number."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class SetFacts:
    """What a set holds.

    Attributes:
        samples: how many.
        inputs: of each of them.
        labels: how often each label occurs, by its class; None without labels.
        alike: samples whose inputs are those of another one.
        first_id: name of the first sample.
        strata: how many groups; 0 where none are told.
        clusters: how many sources; 0 where none are told.
        preprocessing: how the samples were made; None where it is not told.
        task: what is judged where it is not classes; empty: classes.
        truth: type and shape of what is true of a sample for that, by name.
    """

    samples: int
    inputs: tuple[InputFacts, ...]
    labels: dict[str, int] | None
    alike: int
    first_id: str
    strata: int
    clusters: int
    preprocessing: dict[str, Any] | None
    task: str = ""
    truth: dict[str, str] = field(default_factory=dict)


def facts_of(evaluation: EvaluationSet) -> SetFacts:
    """What `evaluation` holds."""
    labels = None
    if evaluation.labels is not None and evaluation.labels.ndim == 1:
        classes, counts = np.unique(evaluation.labels, return_counts=True)
        labels = {str(one): int(count) for one, count in zip(classes, counts, strict=True)}
    elif evaluation.labels is not None:  # several may hold of one sample
        counts = evaluation.labels.sum(axis=0)
        labels = {str(at): int(count) for at, count in enumerate(counts)}
    strata, clusters = (
        0 if one is None else int(np.unique(one).size)
        for one in (evaluation.strata, evaluation.cluster)
    )
    told = evaluation.preprocessing
    return SetFacts(
        samples=len(evaluation),
        inputs=tuple(
            InputFacts(name, str(one.dtype), one.shape[1:], float(one.min()), float(one.max()))
            for name, one in evaluation.inputs.items()
        ),
        labels=labels,
        alike=len(evaluation) - len(content_hashes(evaluation)),
        first_id=str(evaluation.ids[0]),
        strata=strata,
        clusters=clusters,
        preprocessing=None if told is None else dict(told),
        task=evaluation.task,
        truth={
            name: f"{one.dtype} {one.shape[1:]}" for name, one in sorted(evaluation.truth.items())
        },
    )


@dataclass(frozen=True, slots=True)
class TextFacts:
    """What a set of texts holds.

    Attributes:
        documents: how many.
        tokens: of all of them.
        shortest: tokens of the shortest document.
        longest: tokens of the longest one.
        tokenizer_sha256: what the tokens mean.
        alike: documents that are the same as another one.
        first_id: name of the first document.
        preprocessing: how the texts were made; None where it is not told.
    """

    documents: int
    tokens: int
    shortest: int
    longest: int
    tokenizer_sha256: str
    alike: int
    first_id: str
    preprocessing: dict[str, Any] | None


def facts_of_texts(texts: TextSet) -> TextFacts:
    """What `texts` hold."""
    sizes = [int(one.size) for one in texts.documents.values()]
    told = texts.preprocessing
    return TextFacts(
        documents=len(texts),
        tokens=texts.tokens,
        shortest=min(sizes),
        longest=max(sizes),
        tokenizer_sha256=texts.tokenizer_sha256,
        alike=len(texts) - len(document_hashes(texts)),
        first_id=next(iter(texts.documents)),
        preprocessing=None if told is None else dict(told),
    )


def texts_text(name: str, facts: TextFacts) -> str:
    """The set in a few lines."""
    lines = [
        f"{name}: {counted(facts.documents, 'document')} of {facts.shortest} to {facts.longest}"
        f" tokens, {counted(facts.tokens, 'token')} together, the first one is {facts.first_id}",
        f"tokens of tokenizer {facts.tokenizer_sha256[:12]}",
    ]
    if facts.alike:
        verb = "is" if facts.alike == 1 else "are"
        lines.append(f"{counted(facts.alike, 'document')} {verb} the same as another one.")
    if facts.preprocessing:
        lines += [
            "made so:",
            *columns([(key, _told(one)) for key, one in facts.preprocessing.items()], indent="  "),
        ]
    return "\n".join(lines)


def set_text(name: str, facts: SetFacts) -> str:
    """The set in a few lines."""
    lines = [f"{name}: {counted(facts.samples, 'sample')}, the first one is {facts.first_id}"]
    cells = [
        (one.name, one.dtype, _shape(one.shape), f"{one.low:.4g} to {one.high:.4g}")
        for one in facts.inputs
    ]
    lines += columns(cells, ("input", "type", "one sample", "values"), ruled=True)
    lines.append(_judged(facts))
    if facts.alike:
        verb = "is" if facts.alike == 1 else "are"
        lines.append(f"{counted(facts.alike, 'sample')} {verb} the same as another one.")
    for count, what in ((facts.strata, "strata"), (facts.clusters, "clusters")):
        if count:
            lines.append(f"{what}: {count}")
    if facts.preprocessing:
        told = [(key, _told(one)) for key, one in facts.preprocessing.items() if key != "classes"]
        lines += ["made so:", *columns(told, indent="  ")] if told else []
    return "\n".join(lines)


def _judged(facts: SetFacts) -> str:
    if not facts.task:
        return _labels(facts)
    return f"task {facts.task}: " + ", ".join(
        f"truth/{name} {one}" for name, one in facts.truth.items()
    )


def _labels(facts: SetFacts) -> str:
    if facts.labels is None:
        return "no labels: predictions can be compared, not judged"
    names = (facts.preprocessing or {}).get("classes")
    known = names if isinstance(names, dict) else {}
    parts = [
        f"{known.get(one, one)} {count}" for one, count in list(facts.labels.items())[:_LISTED]
    ]
    more = len(facts.labels) - _LISTED
    further = f" and {more} more" if more > 0 else ""
    return f"labels: {counted(len(facts.labels), 'class').replace('classs', 'classes')}: " + (
        ", ".join(parts) + further
    )


def _shape(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "one number"


def _told(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {one}" for key, one in value.items())
    if isinstance(value, list):
        more = len(value) - _LISTED
        listed = ", ".join(map(str, value[:_LISTED]))
        return f"{listed} and {more} more" if more > 0 else listed
    return f"{value:.6g}" if isinstance(value, float) else str(value)
