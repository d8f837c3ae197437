"""Whether a further FP32 form of a model computes what its baseline does, on a few samples."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from bitgauge.benchmarks.common.npz import read_npz, write_npz
from bitgauge.benchmarks.common.said import said
from bitgauge.benchmarks.quality.batches import batch_sizes
from bitgauge.benchmarks.quality.sets import EvaluationSet, InputSpec, read_evaluation_set
from bitgauge.benchmarks.vocabulary.errors import Code

from ..builders import _forms
from ..builders.base import Unsupported
from ..decisions.steps import wants_memory
from ..decisions.submission import ANSWERS_RECIPE
from ..models.recognise import inspect_model

VERSION = 1
"""Raised when the same form would be found to answer otherwise."""
SAMPLES = 64
"""How many samples both forms are run on, at most."""
TOLERANCE = 1e-4
"""Largest difference that counts as rounding, of the largest value of the output."""
_CALL = 8
"""Samples of a call where a form takes any number."""
_OUTPUTS, _INNER = "outputs/", "inner/"

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class FormFile:
    """One form of a model: its file, its artifact kind and its inputs.

    Attributes:
        answered: what it answers to the samples, as `answer` wrote it, or the reason why nobody
            knows; None: it is run now.
    """

    path: Path
    kind: str
    inputs: tuple[InputSpec, ...]
    answered: Path | str | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """What a form answers to the first samples of a set.

    Attributes:
        outputs: of all samples, by name.
        inner: of the first sample, what is computed on the way, in that order.
    """

    outputs: dict[str, Array]
    inner: Callable[[], dict[str, Array]]


@dataclass(frozen=True, slots=True)
class Agreed:
    """What was found.

    Attributes:
        words: how they agree, why that could not be seen, or in what they differ.
        differs: whether they do, beyond rounding.
    """

    words: str
    differs: bool = False


def toolchain(kind: str) -> str:
    """What shapes the answers of a form of a kind, besides the file and the samples."""
    return f"{ANSWERS_RECIPE}/{VERSION} {_forms.toolchain(kind)}"


def agree(baseline: FormFile, other: FormFile, samples: EvaluationSet, of: str) -> Agreed:
    """Run both on the first samples of a set.

    Args:
        baseline: the sanctioned form.
        other: the one that is to compute the same.
        samples: what they are given.
        of: which set that is, for people.
    """
    count = min(len(samples), SAMPLES)
    try:
        here, there = (_answered(one, samples) for one in (baseline, other))
    except Unsupported as error:
        return Agreed(f"not compared with the baseline: {error.reason}")
    except Exception as error:  # each library raises classes of its own, none public
        if wants_memory(error):
            raise
        return Agreed(f"not compared with the baseline: {said(error)}")
    before, after = here.outputs, there.outputs
    where = f"on {count} samples of {of}"
    shared = [name for name in before if name in after]
    if not shared:
        return Agreed("not compared with the baseline: no output has the same name")
    found = [_difference(name, before[name], after[name]) for name in shared]
    wrong = next((one for one in found if one.beyond), None)
    if wrong is not None:
        first = _first_apart(here.inner(), there.inner())
        return Agreed(f"output {wrong} {where}; {first}", differs=True)
    worst = max(found, key=lambda one: one.relative)
    return Agreed(
        f"agrees with the baseline {where}: the largest difference is {worst.largest:.2g} of"
        f" {worst.of:.3g}, in output {worst.name}"
    )


def _first_apart(before: dict[str, Array], after: dict[str, Array]) -> str:
    """The first tensor of the baseline that differs from the one of its name, in words."""
    shared = [
        name for name, one in before.items() if name in after and one.shape == after[name].shape
    ]
    if not shared:
        return "no inner tensor goes by one name in both"
    found = (_difference(name, before[name], after[name]) for name in shared)
    wrong = next((one for one in found if one.beyond), None)
    if wrong is None:
        return f"none of {len(shared)} inner tensors that go by one name in both differs"
    return f"the first tensor that differs is {wrong.name}, by {wrong.relative:.2g} of its values"


@dataclass(frozen=True, slots=True)
class OutputDifference:
    """Two arrays of one output.

    Attributes:
        largest: difference of two of its values.
        of: the largest value of the baseline.
        words: what is different about them that no number says.
    """

    name: str
    largest: float = 0.0
    of: float = 0.0
    words: str = ""

    @property
    def relative(self) -> float:
        """The largest difference, of the largest value."""
        return self.largest / self.of if self.of else self.largest

    @property
    def beyond(self) -> bool:
        """Whether it is more than rounding."""
        return bool(self.words) or self.relative > TOLERANCE

    def __str__(self) -> str:
        how = self.words or (
            f"is off by {self.largest:.2g} where the largest value is {self.of:.3g}"
            f" ({self.relative:.2g} of it; {TOLERANCE:g} counts as rounding)"
        )
        return f"{self.name} {how}"


def _difference(name: str, before: Array, after: Array) -> OutputDifference:
    if before.shape != after.shape:
        return OutputDifference(name, words=f"is {list(after.shape)}, not {list(before.shape)}")
    if before.dtype.kind != "f" or after.dtype.kind != "f":
        unlike = int(np.count_nonzero(before != after))
        words = f"differs in {unlike} of {before.size} values" if unlike else ""
        return OutputDifference(name, words=words)
    here, there = before.astype(np.float64), after.astype(np.float64)
    finite = np.isfinite(here)
    if not np.array_equal(finite, np.isfinite(there)):
        return OutputDifference(name, words="is not finite at other places")
    return OutputDifference(
        name,
        float(np.max(np.abs(here[finite] - there[finite]), initial=0.0)),
        float(np.max(np.abs(here[finite]), initial=0.0)),
    )


def answer(form: Path, kind: str, samples: Path, output: Path, environment: Path | None) -> None:
    """Write what a form answers to the first samples of a set, run in an environment.

    Raises:
        Unsupported: it does not run, or takes no sample; the reason is a part of a sentence.
        BadInput: the form or the set is damaged.
    """
    found_set, specs = read_evaluation_set(samples), inspect_model(form).inputs
    try:
        found = _run(FormFile(form, kind, specs), found_set, environment)
    except Unsupported:
        raise
    except Exception as error:  # each library raises classes of its own, none public
        if wants_memory(error):
            raise
        raise Unsupported(said(error)) from error
    written = {f"{_OUTPUTS}{name}": one for name, one in found.outputs.items()}
    written |= {f"{_INNER}{name}": one for name, one in found.inner().items()}
    write_npz(output, written)


def _answered(form: FormFile, samples: EvaluationSet) -> Answered:
    """What was written of a form, or what it answers now."""
    if form.answered is None:
        return _run(form, samples)
    if isinstance(form.answered, str):
        raise Unsupported(form.answered)
    held = read_npz(form.answered, Code.BAD_RAW, what="what the form answered")
    inner = {name.removeprefix(_INNER): held[name] for name in held if name.startswith(_INNER)}
    return Answered(
        {name.removeprefix(_OUTPUTS): held[name] for name in held if name.startswith(_OUTPUTS)},
        lambda: inner,
    )


def _run(form: FormFile, samples: EvaluationSet, environment: Path | None = None) -> Answered:
    """Every output for the first samples, in calls of a size that the form takes."""
    count = min(len(samples), SAMPLES)
    refused: Exception = ValueError("its inputs fix different batches")
    for size in batch_sizes(form.inputs, min(count, _CALL)):
        feeds = list(_feeds(form.inputs, samples, size, count))
        try:
            found = _forms.computed(form.path, form.kind, feeds, environment)
        except Exception as error:  # as above
            refused = error
            continue
        return Answered(_joined(found.outputs, count), partial(_of_first_sample, found, size))
    raise refused


def _of_first_sample(found: _forms.Computed, size: int) -> dict[str, Array]:
    """What belongs to it of the tensors on the way whose first axis is samples."""
    return {name: one[:1] for name, one in found.inner().items() if one.ndim and len(one) == size}


def _joined(calls: Sequence[dict[str, Array]], count: int) -> dict[str, Array]:
    """The calls as one: what they were filled up with is left out."""
    return {
        name: np.concatenate([np.atleast_1d(one[name]) for one in calls])[:count]
        for name in calls[0]
    }


def _feeds(
    specs: Sequence[InputSpec], samples: EvaluationSet, size: int, count: int
) -> Iterator[dict[str, Array]]:
    for start in range(0, count, size):
        rows = np.arange(start, start + size) % len(samples)
        yield {spec.name: samples.inputs[spec.name][rows].astype(spec.dtype) for spec in specs}
