"""Which kinds of task there are, and what an evaluation set asks for in a few letters."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import cast

from ...common.plugins import Found, Kind, find
from ...vocabulary.errors import BadInput, Code
from ...vocabulary.typed import unknown
from ..sets import EvaluationSet
from .base import Asked, TaskKind

KIND = Kind(
    "quality_tasks",
    ("NAME", "MEASURE", "K", "VERSION", "problem", "outputs", "figures", "score", "details"),
    __package__,
)
MAX_K = 1000


@functools.cache
def kinds(folders: tuple[Path, ...] | None = None) -> Found:
    """Every kind of task, ours and plug-ins in `folders`, else in those of the environment."""
    return find(KIND, folders)


def kind_named(name: str, folders: tuple[Path, ...] | None = None) -> TaskKind:
    """The kind of that name.

    Raises:
        BadInput: BAD_EVALUATION_SET; those there are, are named.
    """
    there = kinds(folders).modules
    if name not in there:
        said = unknown("task", name, tuple(there))
        raise BadInput(Code.BAD_EVALUATION_SET, said.sentence)
    return cast(TaskKind, there[name])


def asked_of(text: str, folders: tuple[Path, ...] | None = None) -> Asked:
    """What `task` of a set says: ``NAME`` or ``NAME@K``.

    Raises:
        BadInput: BAD_EVALUATION_SET, it is no such text.
    """
    name, at, number = text.partition("@")
    kind = kind_named(name.strip(), folders)
    if not at:
        return Asked(kind.NAME, kind.K)
    if not kind.K or not number.isdecimal() or not 0 < int(number) <= MAX_K:
        raise BadInput(
            Code.BAD_EVALUATION_SET,
            f"The task {text[:80]!r} is no {name[:40]} with a number from 1 to {MAX_K} behind @"
            " where it has one.",
        )
    return Asked(kind.NAME, int(number))


def require_task(evaluation: EvaluationSet) -> Asked | None:
    """What a set asks for, once it holds what that needs; None where labels of classes say it.

    Raises:
        BadInput: BAD_EVALUATION_SET, one sentence.
    """
    if not evaluation.task:
        if evaluation.truth:
            named = ", ".join(sorted(evaluation.truth))[:200]
            raise BadInput(
                Code.BAD_EVALUATION_SET,
                f"The set holds truth/{named} and no `task` that says what for.",
            )
        return None
    asked = asked_of(evaluation.task)
    if why := kind_named(asked.name).problem(evaluation.truth, len(evaluation)):
        raise BadInput(Code.BAD_EVALUATION_SET, f"For the task {evaluation.task}, {why}.")
    return asked


def measure_of(name: str, k: int) -> str:
    """What the score of a task is called, such as ``NDCG@10``."""
    return kind_named(name).MEASURE.format(k=k)
