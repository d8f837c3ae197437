"""How well decoders predict texts: windows, likelihoods, and how far two of them agree.

A window is up to `WINDOW_TOKENS` positions, the token that begins a text (where the model has one)
and consecutive tokens of one document; windows do not overlap, and every token behind the first
position is predicted. Shorter windows than a model's context cost some perplexity and make windows
comparable between models of different contexts; what counts here is the same windows in two
decoders. Log-softmax in float64 with the largest score taken off first (Blanchard, Higham and
Higham 2021: accurate to a few units of rounding). Perplexity is exp of the mean negative
log-likelihood per token; KL is of the artifact's prediction from the reference's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ..samples import Bools, Floats, Ints, PerplexitySamples
from ..vocabulary.errors import BadInput, Code

WINDOW_TOKENS = 256
"""Positions of a window, where the context has as many."""

KEPT_DIVERGENCES = 1_000_000
"""Single tokens whose divergence is kept; beyond, a uniform sample of them."""

_AT_ONCE = 1 << 22
"""Scores that are turned into float64 in one go."""

Scores = Callable[[Ints], npt.NDArray[np.floating[Any]]]
"""Logits (n, vocabulary) at every position of tokens (n,), from an empty context."""


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """One window.

    Attributes:
        document: index of its document.
        fed: tokens that are fed, (n,), n at least 2.
    """

    document: int
    fed: Ints

    @property
    def predicted(self) -> Ints:
        """The tokens that are predicted: all but the first position."""
        return self.fed[1:]


@dataclass(frozen=True, slots=True, eq=False)
class Predicted:
    """What the scores of one decoder say of a window; one element per predicted token.

    Attributes:
        log_probabilities: (n, vocabulary) float64; NaN rows where a score is not finite.
        nll: negative log-likelihood of the token that came, nats.
        top: the most probable token, the lowest id of equals; -1 where a score is not finite.
        nonfinite: scores that are NaN or infinite.
    """

    log_probabilities: Floats
    nll: Floats
    top: Ints
    nonfinite: int


def windows(documents: Mapping[str, Ints], *, bos: int | None, context: int) -> Iterator[Window]:
    """The windows of documents in order; parts of which nothing could be predicted are left out.

    Args:
        documents: tokens by id.
        bos: the token that begins a text, None where the model has none.
        context: the most tokens that a decoder takes.
    """
    length = min(context, WINDOW_TOKENS)
    begin = np.array([] if bos is None else [bos], np.int64)
    step = length - begin.size
    if step < 1 or length < 2:
        raise BadInput(
            Code.BAD_EVALUATION_SET, f"A context of {context} tokens is too short to predict in."
        )
    for index, tokens in enumerate(documents.values()):
        # What a tool put in front of a text already is not fed twice.
        text = tokens[1:] if begin.size and tokens.size and tokens[0] == bos else tokens
        for at in range(0, text.size, step):
            fed = np.concatenate([begin, text[at : at + step]])
            if fed.size > 1:
                yield Window(index, fed)


def judged(scores: npt.NDArray[np.floating[Any]], predicted: Ints) -> Predicted:
    """What scores (n, vocabulary) say of the tokens (n,) that came."""
    found: Floats = np.asarray(scores, dtype=np.float64)
    finite: Bools = np.isfinite(found)
    bad = int(finite.size - np.count_nonzero(finite))
    with np.errstate(invalid="ignore", over="ignore"):
        shifted = found - found.max(axis=1, keepdims=True)
        logs: Floats = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    top: Ints = found.argmax(axis=1).astype(np.int64)
    if bad:
        whole = finite.all(axis=1)
        logs[~whole], top[~whole] = np.nan, -1
    nll: Floats = -logs[np.arange(predicted.size), predicted]
    return Predicted(logs, np.maximum(nll, 0.0), top, bad)


def divergence(reference: Predicted, other: Predicted) -> Floats:
    """KL divergence (n,) of `other` from `reference`, nats, never negative; NaN where unknown."""
    p, q = reference.log_probabilities, other.log_probabilities
    with np.errstate(under="ignore"):
        found: Floats = (np.exp(p) * (p - q)).sum(axis=1)
    return np.maximum(found, 0.0)


@dataclass(slots=True)
class _Sums:
    """What is kept of the windows so far."""

    rows: list[tuple[int, int, int]] = field(default_factory=list)
    nats: list[tuple[float, float, float]] = field(default_factory=list)
    kl: list[npt.NDArray[np.float32]] = field(default_factory=list)
    nonfinite: list[int] = field(default_factory=lambda: [0, 0])


def measure_perplexity(
    documents: Mapping[str, Ints],
    reference: Scores,
    candidate: Scores | None,
    *,
    bos: int | None,
    context: int,
    vocabulary: int,
    rng: np.random.Generator,
    gap: Callable[[], None] = lambda: None,
) -> PerplexitySamples:
    """Score every window with the reference and, where there is one, with the candidate.

    Args:
        documents: tokens by id.
        reference: the baseline's scores.
        candidate: the artifact's; None for the baseline alone.
        bos: the token that begins a text, None where the model has none.
        context: the most tokens that both take.
        vocabulary: how many tokens both tell apart.
        rng: draws which divergences are kept when there are too many.
        gap: called between windows.

    Raises:
        BadInput: `bad_evaluation_set`, a document holds tokens that the model does not have;
            `bad_model`, the decoders do not tell the same tokens apart.
    """
    _require_known(documents, vocabulary)
    sums = _Sums()
    for window in windows(documents, bos=bos, context=context):
        both = (reference,) if candidate is None else (reference, candidate)
        told = [_scores_of(one, window.fed, vocabulary)[:-1] for one in both]
        _add(sums, window, told)
        gap()
    if not sums.rows:
        raise BadInput(Code.BAD_EVALUATION_SET, "The texts hold no token that could be predicted.")
    document, tokens, same = np.array(sums.rows, np.int64).T
    ref_nll, cand_nll, kl_nats = np.array(sums.nats, np.float64).T
    alone = candidate is None
    return PerplexitySamples(
        document=np.ascontiguousarray(document),
        ids=np.array(list(documents), np.str_),
        tokens=np.ascontiguousarray(tokens),
        ref_nll=np.ascontiguousarray(ref_nll),
        cand_nll=None if alone else np.ascontiguousarray(cand_nll),
        same_top1=None if alone else np.ascontiguousarray(same),
        kl_nats=None if alone else np.ascontiguousarray(kl_nats),
        kl=None if alone else _at_most(np.concatenate(sums.kl), rng),
        nonfinite_ref=sums.nonfinite[0],
        nonfinite_cand=sums.nonfinite[1],
        vocabulary=vocabulary,
    )


def _add(sums: _Sums, window: Window, told: list[npt.NDArray[np.floating[Any]]]) -> None:
    """Judge one window, some positions at a time."""
    nats, same = np.zeros(3), 0
    positions = window.predicted.size
    step = max(1, _AT_ONCE // told[0].shape[1])
    for at in range(0, positions, step):
        expected = window.predicted[at : at + step]
        views = [judged(scores[at : at + step], expected) for scores in told]
        for place, one in enumerate(views):
            nats[place] += one.nll.sum()
            sums.nonfinite[place] += one.nonfinite
        if len(views) == 2:
            kl = divergence(*views)
            nats[2] += kl.sum()
            same += int(np.count_nonzero((views[0].top == views[1].top) & (views[0].top >= 0)))
            # The largest that float32 holds is reached by scores at both of its ends alone.
            sums.kl.append(np.minimum(kl, np.finfo(np.float32).max).astype(np.float32))
    sums.rows.append((window.document, positions, same))
    sums.nats.append((nats[0], nats[1], nats[2]))


def _scores_of(scores: Scores, fed: Ints, vocabulary: int) -> npt.NDArray[np.floating[Any]]:
    found = scores(fed)
    if found.shape != (fed.size, vocabulary):
        raise BadInput(
            Code.BAD_MODEL,
            f"A decoder gave scores {found.shape} for {fed.size} tokens of a vocabulary of"
            f" {vocabulary}: baseline and artifact do not tell the same tokens apart.",
        )
    return found


def _require_known(documents: Mapping[str, Ints], vocabulary: int) -> None:
    for name, tokens in documents.items():
        if tokens.size and int(tokens.max()) >= vocabulary:
            raise BadInput(
                Code.BAD_EVALUATION_SET,
                f"Document {name!r} holds token {int(tokens.max())}, the model has {vocabulary}:"
                " make the set with the model's own tokenizer (`bitgauge set make`).",
            )


def _at_most(kl: npt.NDArray[np.float32], rng: np.random.Generator) -> npt.NDArray[np.float32]:
    if kl.size <= KEPT_DIVERGENCES:
        return kl
    return kl[np.sort(rng.choice(kl.size, KEPT_DIVERGENCES, replace=False))]
