"""What a source of samples is asked, and what it gives."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from bitgauge.benchmarks.quality.sets import InputSpec
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code

Arrays = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True, slots=True)
class SetOptions:
    """How files become what a model takes; a source looks at those that concern it.

    Attributes:
        size: height and width of an image; None: as the model says.
        scale: what a pixel of 0 to 255 is multiplied by.
        mean: subtracted from the scaled channels, one for all or one each.
        std: what they are then divided by, likewise.
        label: column of the labels of a table; "" for none.
        text: column of the texts of a table; "" for none.
        tokenizer: file of the tokenizer, `tokenizer.json` or `vocab.txt`.
        length: tokens of a text, cut or filled up; None: as the model says.
    """

    size: tuple[int, int] | None = None
    scale: float = 1 / 255
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    label: str = "label"
    text: str = ""
    tokenizer: Path | None = None
    length: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Collected:
    """What a source holds, in the form that the model takes.

    Attributes:
        inputs: arrays by input name, first axis samples.
        labels: one word per sample, or None.
        ids: unique name of each sample.
        done: what was done to make them, as it is written into the set.
    """

    inputs: Arrays
    labels: tuple[str, ...] | None
    ids: tuple[str, ...]
    done: Mapping[str, object] = field(default_factory=dict)


class SourceKind(Protocol):
    """The shape of a module of `sources`.

    Attributes:
        WORDS: what it reads, as part of a sentence.
    """

    WORDS: str

    def takes(self, path: Path, options: SetOptions) -> bool:
        """Whether `path` is a source of this kind, by its name and what lies in it."""
        ...

    def read(self, path: Path, specs: Sequence[InputSpec], options: SetOptions) -> Collected:
        """Its samples in a stable order.

        Raises:
            BadInput: BAD_SOURCE, naming the file, line or column that is wrong.
            Refused: a library that it needs is not installed.
        """
        ...


def refused(sentence: str) -> BadInput:
    """What is wrong with a source."""
    return BadInput(Code.BAD_SOURCE, sentence)


@contextlib.contextmanager
def written_to(path: Path) -> Iterator[None]:
    """Says in one sentence that a set cannot be written to `path`.

    Raises:
        BadInput: BAD_ARGUMENT.
    """
    try:
        yield
    except OSError as error:
        sentence = f"{path} cannot be written: {error.strerror or error}."
        raise BadInput(Code.BAD_ARGUMENT, sentence) from error


def label_codes(labels: Sequence[str], classes: Sequence[str]) -> tuple[npt.NDArray[np.int64], str]:
    """The class of each label, and how the order of classes was found.

    Whole numbers are classes themselves; words are numbered as `classes` lists them, else in
    alphabetical order.

    Args:
        labels: one word per sample.
        classes: names of the classes in the order of the model's outputs; empty when not told.

    Raises:
        BadInput: a label is none of `classes`.
    """
    if classes:
        places = {name: at for at, name in enumerate(classes)}
        strange = sorted(set(labels) - places.keys())
        if strange:
            raise refused(f"The label {strange[0]!r} is not among the {len(classes)} classes.")
        return np.array([places[one] for one in labels], np.int64), "as listed"
    if all(one.isdecimal() for one in labels):
        return np.array([int(one) for one in labels], np.int64), "the labels are numbers"
    order = sorted(set(labels))
    places = {name: at for at, name in enumerate(order)}
    return np.array([places[one] for one in labels], np.int64), "alphabetical"
