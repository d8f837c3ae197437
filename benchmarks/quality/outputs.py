"""Which output of a model is judged, and as what head: decided from what its calls returned.

Pure. Shapes, types and labels say which outputs may tell classes at all (`choose`); where several
may, their agreement with the labels says which one does (`settle`). What stays unclear is not
judged: a person names the output. Artifacts are held against each other by the names of outputs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..samples import Ints
from ..vocabulary.reasons import (
    AMBIGUOUS_OUTPUT,
    EMPTY_OUTPUT,
    LABELS_BEYOND,
    NO_CLASSES,
    OUTPUT_MISSING,
    ROWS_DEPEND_ON_DATA,
    SAMPLE_AXIS,
    SEQUENCE_OUTPUT,
)
from .heads import Head, right

SEQUENCE = "sequence"
"""In place of a type: what is no tensor, such as a sequence of maps."""

Shape = tuple[int, ...]

_Z = 3.2905267314919255
"""Of a two-sided interval of 99.9 %: a wrong choice would be a wrong number."""
_CLEARLY = 2.0
"""How many times better than any other an output agrees with the labels to be the one."""
_MOST_NAMED = 6
_TELLING = (LABELS_BEYOND, SAMPLE_AXIS, ROWS_DEPEND_ON_DATA, SEQUENCE_OUTPUT, EMPTY_OUTPUT)
"""Why nothing can be judged, what helps most first."""


@dataclass(frozen=True, slots=True)
class Output:
    """One output as calls returned it.

    Attributes:
        name: its name in the model.
        dtype: numpy name of its elements, or `SEQUENCE`.
        calls: samples of a call and the shape that it returned, each pair once.
        follows: whether its rows were reordered when the samples were; true where nobody looked.
    """

    name: str
    dtype: str
    calls: tuple[tuple[int, Shape], ...]
    follows: bool = True

    @property
    def words(self) -> str:
        """Name, type and shape, N for the samples, such as ``logits float32 (N, 10)``."""
        if not self.calls or self.dtype == SEQUENCE:
            return f"{self.name} {self.dtype}"
        batch, shape = self.calls[0]
        sizes = ["N" if not at and size == batch else str(size) for at, size in enumerate(shape)]
        return f"{self.name} {self.dtype} ({', '.join(sizes)})"


@dataclass(frozen=True, slots=True)
class LabelFacts:
    """What of the labels matters to the choice.

    Attributes:
        low: the smallest class.
        high: the largest class.
        columns: of labels of which several may hold; 0 where each sample has one class.
    """

    low: int
    high: int
    columns: int = 0


def facts_of_labels(labels: Ints | None) -> LabelFacts | None:
    """The facts of labels, (samples,) or (samples, classes); None without any."""
    if labels is None or not labels.size:
        return None
    columns = labels.shape[1] if labels.ndim == 2 else 0
    return LabelFacts(int(labels.min()), int(labels.max()), columns)


@dataclass(frozen=True, slots=True)
class OutputHead:
    """An output that may be judged.

    Attributes:
        name: of the output.
        head: as shape and labels have it; its numbers may be probabilities.
        classes: that it can tell; 0 where it sets no limit, or tells none.
        exact: whether the labels name as many.
    """

    name: str
    head: Head
    classes: int
    exact: bool = False


@dataclass(frozen=True, slots=True)
class OutputChoice:
    """What shapes, types and labels say.

    Attributes:
        candidates: what may be judged, in the order of the model. One of head `VALUES` is only
            compared with the baseline's.
        why: of a single one, or what is wrong.
        reason: why no accuracy can be judged, a key of `reasons.REASONS`; empty when one can.
        contested: whether another output looks like a head as well, which the labels do not fit.
    """

    candidates: tuple[OutputHead, ...] = ()
    why: str = ""
    reason: str = ""
    contested: bool = False


@dataclass(frozen=True, slots=True)
class Judged:
    """What was judged; it travels in the raw file and shows in the numbers' details.

    Attributes:
        output: its name; empty when none was.
        head: a word of `Head`; empty when none was.
        why: this one, in words; or which others there were to choose from.
        others: the other outputs, in words.
        reason: why there is no accuracy, a key of `reasons.REASONS`; empty when there is one.
    """

    output: str = ""
    head: str = ""
    why: str = ""
    others: tuple[str, ...] = ()
    reason: str = ""


def choose(outputs: Sequence[Output], labels: LabelFacts | None, wish: str = "") -> OutputChoice:
    """Which outputs may be judged.

    Args:
        outputs: of the baseline, in its order.
        labels: of the evaluation set.
        wish: the name that a person chose; empty for none.
    """
    if wish:
        return _wished(outputs, labels, wish)
    read = [_read(output, labels) for output in outputs]
    heads = [one for one in read if isinstance(one, OutputHead) and one.head is not Head.VALUES]
    if heads:
        contested = LABELS_BEYOND in read
        why = _why_the_only_one(outputs, labels, contested=contested) if len(heads) == 1 else ""
        return OutputChoice(tuple(heads), why, contested=contested)
    values = [one for one in read if isinstance(one, OutputHead)]
    reason = next((one for one in _TELLING if one in read), NO_CLASSES)
    if values and reason != LABELS_BEYOND:
        reason = NO_CLASSES
    return OutputChoice(tuple(values[:1]), "", reason)


def _wished(outputs: Sequence[Output], labels: LabelFacts | None, wish: str) -> OutputChoice:
    found = next((output for output in outputs if output.name == wish), None)
    if found is None:
        return OutputChoice(
            (), f"there is no output {wish}, but {names_of(outputs)}", OUTPUT_MISSING
        )
    read = _read(found, labels)
    if not isinstance(read, OutputHead):
        return OutputChoice((), "", read)
    reason = NO_CLASSES if read.head is Head.VALUES else ""
    return OutputChoice((read,), "it was asked for with --output", reason)


def names_of(outputs: Sequence[Output]) -> str:
    """The names of outputs, as part of a sentence."""
    named = [output.name for output in outputs[:_MOST_NAMED]]
    more = len(outputs) - len(named)
    return ", ".join([*named, f"{more} more"] if more else named) or "none"


def _why_the_only_one(
    outputs: Sequence[Output], labels: LabelFacts | None, *, contested: bool
) -> str:
    if len(outputs) == 1:
        return "it is the only output"
    if contested and labels is not None:
        return "it is the only one that the labels fit"
    return "it is the only one that tells classes"


def _read(output: Output, labels: LabelFacts | None) -> OutputHead | str:
    """What an output may be judged as, or the reason why it cannot be."""
    if problem := axis_problem(output):
        return problem
    rest = {shape[1:] for _, shape in output.calls}
    if len(rest) > 1:
        return ROWS_DEPEND_ON_DATA
    sizes = next(iter(rest))
    head = _head(sizes, output.dtype, labels)
    if head is None:
        return NO_CLASSES
    classes = {Head.VALUES: 0, Head.CLASS_NUMBERS: 0, Head.BINARY_LOGIT: 2}.get(
        head, math.prod(sizes)
    )
    if not _fits(head, classes, labels):
        return LABELS_BEYOND
    exact = labels is not None and classes == (labels.columns or labels.high + 1)
    return OutputHead(output.name, head, classes, exact)


def _fits(head: Head, classes: int, labels: LabelFacts | None) -> bool:
    """Whether every label is one of the classes."""
    if labels is None or head is Head.VALUES:
        return True
    if head is Head.MULTI_LABEL_LOGITS:
        return classes == labels.columns
    return labels.low >= 0 and (head is Head.CLASS_NUMBERS or labels.high < classes)


def axis_problem(output: Output) -> str:
    """Why the rows of an output are not those of the samples; empty when they are."""
    if output.dtype == SEQUENCE:
        return SEQUENCE_OUTPUT
    if output.calls and not any(math.prod(shape) for _, shape in output.calls):
        return EMPTY_OUTPUT
    rows: dict[int, set[int]] = {}
    for batch, shape in output.calls:
        rows.setdefault(batch, set()).add(shape[0] if shape else -1)
    if any(len(found) > 1 for found in rows.values()):
        return ROWS_DEPEND_ON_DATA
    of_batch = {batch: found.pop() for batch, found in rows.items()}
    if all(batch == found for batch, found in of_batch.items()):
        return "" if output.follows and of_batch else SAMPLE_AXIS
    constant = len(set(of_batch.values())) == 1
    in_step = len({found / batch for batch, found in of_batch.items()}) == 1
    return SAMPLE_AXIS if constant or in_step else ROWS_DEPEND_ON_DATA


def _head(sizes: Shape, dtype: str, labels: LabelFacts | None) -> Head | None:
    """What a tensor (samples, *sizes) may tell, by its columns; None: it holds no numbers."""
    is_float = dtype.startswith(("float", "bfloat"))
    is_whole = dtype.startswith(("int", "uint", "bool"))
    if not (is_float or is_whole):
        return None
    columns = _columns(sizes)
    several = labels is not None and labels.columns > 0
    if columns == 1 and not several:
        if is_whole and len(sizes) <= 1:
            return Head.CLASS_NUMBERS
        # Without labels nothing says that one number is about two classes.
        return Head.BINARY_LOGIT if is_float and labels is not None else Head.VALUES
    if columns < 1 or not (is_float or dtype in ("int8", "uint8")):
        return Head.VALUES
    return Head.MULTI_LABEL_LOGITS if several else Head.LOGITS


def _columns(sizes: Shape) -> int:
    """Numbers per sample of (N,), (N, C), (N, C, 1), (N, C, 1, 1) or (N, 1, 1, C); else 0."""
    if len(sizes) <= 1:
        return math.prod(sizes)
    if math.prod(sizes[1:]) == 1 and len(sizes) <= 3:
        return sizes[0]
    return sizes[2] if len(sizes) == 3 and sizes[:2] == (1, 1) else 0


def settle(choice: OutputChoice, told: Mapping[str, Ints], labels: Ints | None) -> OutputChoice:
    """The one candidate that is judged, by what the candidates predict.

    Args:
        choice: made by `choose`.
        told: by name of each candidate, what it predicts (`heads.predictions`).
        labels: as the evaluation set has them.

    Returns:
        A choice of one candidate, or of none with the reason and, as `why`, the names.
    """
    found = choice.candidates
    if choice.reason or not found or (len(found) == 1 and not choice.contested):
        return choice
    same = _saying_the_same(found, told, found[0])
    if len(same) == len(found) and not choice.contested:
        why = f"{' and '.join(one.name for one in found)} predict the same"
        return replace(choice, candidates=same[:1], why=why)
    return _by_labels(choice, told, labels) or _unclear(choice)


def _by_labels(
    choice: OutputChoice, told: Mapping[str, Ints], labels: Ints | None
) -> OutputChoice | None:
    found = choice.candidates
    if labels is None:
        chosen = [one for one in found if one.head is not Head.CLASS_NUMBERS]
        why = "it tells how likely its classes are"
        return replace(choice, candidates=tuple(chosen), why=why) if len(chosen) == 1 else None
    agreement = {one.name: _agreement(one, told, labels) for one in found}
    best = max(found, key=lambda one: agreement[one.name][1])
    alike = _saying_the_same(found, told, best)
    others = [agreement[one.name] for one in found if one not in alike]
    low, middle, _ = agreement[best.name]
    surely = low > max([0.0, *(high for _, _, high in others)])
    if surely and middle > _CLEARLY * max([0.0, *(other for _, other, _ in others)]):
        why = _why_the_best(alike[0], found, told, labels)
        return replace(choice, candidates=alike[:1], why=why)
    exact = tuple(one for one in found if one.exact)
    why = "it has as many classes as the labels name"
    return replace(choice, candidates=exact, why=why) if len(exact) == 1 else None


def _unclear(choice: OutputChoice) -> OutputChoice:
    names = ", ".join(one.name for one in choice.candidates)
    return OutputChoice((), names, AMBIGUOUS_OUTPUT)


def _saying_the_same(
    found: Sequence[OutputHead], told: Mapping[str, Ints], first: OutputHead
) -> tuple[OutputHead, ...]:
    """Candidates with the predictions of one, those that tell how likely they are first."""
    same = [one for one in found if np.array_equal(told[one.name], told[first.name])]
    return tuple(sorted(same, key=lambda one: one.head is Head.CLASS_NUMBERS))


def _agreement(
    one: OutputHead, told: Mapping[str, Ints], labels: Ints
) -> tuple[float, float, float]:
    """How far an output agrees with the labels beyond what the commonest label would: 1 is all.

    The estimate between the ends of its interval of 99.9 % (Wilson's).
    """
    n = len(labels)
    hits = int(np.count_nonzero(right(told[one.name], labels)))
    _, counts = np.unique(labels, axis=0, return_counts=True)
    chance = float(counts.max()) / n
    share, square = hits / n, _Z * _Z
    centre = (share + square / (2 * n)) / (1 + square / n)
    reach = _Z / (1 + square / n) * math.sqrt(share * (1 - share) / n + square / (4 * n * n))
    if chance >= 1:
        return 0.0, 0.0, 0.0
    low, middle, high = (
        (value - chance) / (1 - chance) for value in (centre - reach, share, centre + reach)
    )
    return low, middle, high


def _why_the_best(
    best: OutputHead, found: Sequence[OutputHead], told: Mapping[str, Ints], labels: Ints
) -> str:
    shares = {
        one.name: f"{100 * float(np.mean(right(told[one.name], labels))):.1f} %" for one in found
    }
    own = f"it is right in {shares.pop(best.name)} of the samples"
    others = [f"{name} in {share}" for name, share in list(shares.items())[:_MOST_NAMED]]
    return ", ".join([own, *others])


def matched(wanted: str, baseline: Sequence[str], artifact: Sequence[str]) -> str | None:
    """The artifact's output that stands for an output of the baseline; None when it has none.

    It has the same name; two artifacts of one output each have no other to confuse it with.
    """
    if wanted in artifact:
        return wanted
    return artifact[0] if len(baseline) == len(artifact) == 1 else None
