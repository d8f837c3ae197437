"""Windows of texts, and what scores say of them, held against sums done by hand."""

from __future__ import annotations

import numpy as np
import pytest
from bitgauge.benchmarks.quality import perplexity
from bitgauge.benchmarks.quality.perplexity import (
    Scores,
    divergence,
    judged,
    measure_perplexity,
    windows,
)
from bitgauge.benchmarks.samples import Floats, Ints, PerplexitySamples
from bitgauge.benchmarks.vocabulary.errors import BadInput
from scipy.special import log_softmax, rel_entr

VOCABULARY = 7
TEXTS = {"a": np.arange(1, 7), "b": np.array([3, 3]), "c": np.array([2])}


def table(seed: int, scale: float = 1.0) -> Floats:
    rng = np.random.default_rng(seed)
    scores: Floats = scale * rng.standard_normal((VOCABULARY, VOCABULARY))
    return scores


def bigram(scores: Floats) -> Scores:
    """A decoder for which the last token alone counts."""
    return lambda tokens: scores[tokens].astype(np.float32)


def usual(
    reference: Scores, candidate: Scores | None, bos: int | None = 0, context: int = 4
) -> PerplexitySamples:
    return measure_perplexity(
        TEXTS,
        reference,
        candidate,
        bos=bos,
        context=context,
        vocabulary=VOCABULARY,
        rng=np.random.default_rng(0),
    )


def test_windows_begin_as_texts_do_and_do_not_overlap() -> None:
    found = [(one.document, one.fed.tolist()) for one in windows(TEXTS, bos=0, context=4)]
    assert found == [(0, [0, 1, 2, 3]), (0, [0, 4, 5, 6]), (1, [0, 3, 3]), (2, [0, 2])]
    every = np.concatenate([one.predicted for one in windows(TEXTS, bos=0, context=4)])
    assert every.tolist() == [1, 2, 3, 4, 5, 6, 3, 3, 2], "each token once"


def test_without_a_beginning_the_first_token_is_not_predicted() -> None:
    found = [(one.document, one.fed.tolist()) for one in windows(TEXTS, bos=None, context=4)]
    assert found == [(0, [1, 2, 3, 4]), (0, [5, 6]), (1, [3, 3])]


def test_a_beginning_that_is_there_is_not_put_twice() -> None:
    (one,) = windows({"x": np.array([0, 5])}, bos=0, context=4)
    assert one.fed.tolist() == [0, 5]


def test_windows_are_at_most_so_long() -> None:
    long = {"x": np.zeros(1000, np.int64)}
    assert max(one.fed.size for one in windows(long, bos=0, context=4096)) == 256
    with pytest.raises(BadInput, match="too short to predict"):
        list(windows(long, bos=0, context=1))


def test_likelihoods_and_divergences_are_those_of_scipy() -> None:
    ours, theirs = table(1, 30.0), table(2, 30.0)
    one, other = judged(ours, np.arange(VOCABULARY)), judged(theirs, np.arange(VOCABULARY))
    expected: Ints = np.arange(VOCABULARY)
    np.testing.assert_allclose(
        one.nll, -log_softmax(ours, axis=1)[expected, expected], rtol=1e-12, atol=1e-12
    )
    p, q = np.exp(log_softmax(ours, axis=1)), np.exp(log_softmax(theirs, axis=1))
    np.testing.assert_allclose(divergence(one, other), rel_entr(p, q).sum(axis=1), rtol=1e-9)
    assert np.all(divergence(one, one) == 0)


def test_of_equals_the_lowest_id_is_on_top() -> None:
    assert judged(np.array([[1.0, 5.0, 5.0]]), np.array([0])).top.tolist() == [1]


def test_sums_over_windows() -> None:
    scores = table(1)
    samples = usual(bigram(scores), bigram(table(2)))
    logs = log_softmax(scores.astype(np.float32).astype(np.float64), axis=1)
    by_hand = [-(logs[0, 1] + logs[1, 2] + logs[2, 3]), -(logs[0, 4] + logs[4, 5] + logs[5, 6])]
    np.testing.assert_allclose(samples.ref_nll[:2], by_hand, rtol=1e-12)
    assert samples.document.tolist() == [0, 0, 1, 2]
    assert samples.tokens.tolist() == [3, 3, 2, 1]
    assert samples.ids.tolist() == ["a", "b", "c"]
    assert samples.kl is not None
    assert samples.kl_nats is not None
    assert samples.kl.size == 9
    assert samples.kl.sum() == pytest.approx(samples.kl_nats.sum(), rel=1e-6)


def test_a_decoder_agrees_with_itself() -> None:
    samples = usual(bigram(table(1)), bigram(table(1)))
    assert samples.cand_nll is not None
    assert samples.same_top1 is not None
    assert np.array_equal(samples.ref_nll, samples.cand_nll)
    assert np.array_equal(samples.same_top1, samples.tokens)
    assert samples.kl is not None
    assert not samples.kl.any()


def test_the_baseline_alone() -> None:
    samples = usual(bigram(table(1)), None)
    assert (samples.cand_nll, samples.same_top1, samples.kl, samples.kl_nats) == (None,) * 4


def test_scores_that_are_no_numbers_are_counted_and_judge_nothing() -> None:
    broken = table(2)
    broken[1, 3] = np.nan
    samples = usual(bigram(table(1)), bigram(broken))
    assert samples.nonfinite_ref == 0
    assert samples.nonfinite_cand == 1
    assert samples.cand_nll is not None
    assert np.isnan(samples.cand_nll).tolist() == [True, False, False, False]
    assert not np.isnan(samples.ref_nll).any()


def test_parts_give_the_same_as_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = usual(bigram(table(1)), bigram(table(2)))
    monkeypatch.setattr(perplexity, "_AT_ONCE", VOCABULARY)
    parts = usual(bigram(table(1)), bigram(table(2)))
    np.testing.assert_allclose(whole.ref_nll, parts.ref_nll, rtol=1e-14)
    assert whole.same_top1 is not None
    assert whole.same_top1.tolist() == np.asarray(parts.same_top1).tolist()
    monkeypatch.setattr(perplexity, "KEPT_DIVERGENCES", 4)
    few = usual(bigram(table(1)), bigram(table(2)))
    assert few.kl is not None
    assert whole.kl is not None
    assert few.kl.size == 4
    assert np.isin(few.kl, whole.kl).all()


def test_tokens_that_the_model_does_not_have() -> None:
    with pytest.raises(BadInput, match="token 6, the model has 5"):
        measure_perplexity(
            TEXTS,
            bigram(table(1)),
            None,
            bos=0,
            context=4,
            vocabulary=5,
            rng=np.random.default_rng(0),
        )


def test_decoders_of_two_vocabularies() -> None:
    with pytest.raises(BadInput, match="do not tell the same tokens apart"):
        usual(bigram(table(1)), bigram(np.zeros((VOCABULARY, VOCABULARY + 1))))
