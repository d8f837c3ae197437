"""From an evaluation set to the feeds of calls."""

from __future__ import annotations

import numpy as np
import pytest
from bitgauge.agents.passes._batches import Batches
from bitgauge.benchmarks.quality.sets import EvaluationSet, InputSpec
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code, Refused


def evaluation(samples: int = 5, dtype: str = "float32") -> EvaluationSet:
    rows = np.arange(samples * 2).reshape(samples, 2).astype(dtype)
    return EvaluationSet({"x": rows}, None, np.array([str(k) for k in range(samples)]))


def spec(batch: int | None = None, dtype: str = "float32") -> tuple[InputSpec, ...]:
    return (InputSpec("x", dtype, (batch, 2)),)


def test_every_sample_once_and_the_last_batch_filled_up() -> None:
    batches = Batches(evaluation(5), spec(), 2)
    taken = [(count, feeds["x"][:, 0].tolist()) for count, feeds in batches.all()]
    assert taken == [(2, [0, 2]), (2, [4, 6]), (1, [8, 0])]
    assert len(batches.for_timing()) == 3


def test_a_batch_larger_than_the_set_repeats_it() -> None:
    assert len(Batches(evaluation(3), spec(), 8).first()["x"]) == 8


def test_a_fixed_batch_is_refused_or_respected() -> None:
    with pytest.raises(Refused, match="a batch of 4 only, the workload asks for 1") as caught:
        Batches(evaluation(), spec(batch=4), 1)
    assert caught.value.code is Code.UNSUPPORTED_ARTIFACT
    assert Batches(evaluation(), spec(batch=4), 1, fit=True).batch == 4


def test_floats_are_converted_and_nothing_else() -> None:
    assert Batches(evaluation(), spec(dtype="float16"), 1).first()["x"].dtype == np.float16
    with pytest.raises(BadInput, match="int64"):
        Batches(evaluation(dtype="int64"), spec(), 1)
