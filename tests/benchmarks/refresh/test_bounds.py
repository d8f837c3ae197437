"""A refresh that asks for too much is refused in one sentence, before anything is made of it."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from bitgauge.benchmarks.refresh import bounds
from bitgauge.benchmarks.refresh.bounds import bounded, require_cells
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code
from bitgauge.benchmarks.vocabulary.values.campaigns import RefreshOrder, Suite, SuiteModel, Volume
from bitgauge.benchmarks.vocabulary.values.devices import StackItem
from bitgauge.benchmarks.vocabulary.values.digests import Digest
from bitgauge.benchmarks.vocabulary.values.jobs import Selector, Workload

ONE = SuiteModel("one", Digest("a" * 64, 1), Digest("b" * 64, 1))
SUITE = Suite("s", (ONE,), ("int8-dynamic",))


def models(count: int) -> tuple[SuiteModel, ...]:
    return tuple(replace(ONE, name=f"model-{at}") for at in range(count))


def workloads(count: int) -> tuple[Workload, ...]:
    return tuple(Workload(batch=at + 1) for at in range(count))


def test_what_is_there_twice_counts_once() -> None:
    many = replace(
        SUITE,
        recipes=SUITE.recipes * 5000,
        workloads=SUITE.workloads * 5000,
        selectors=(Selector(), Selector()) * 2000,
    )
    assert bounded(RefreshOrder(many)).suite == SUITE


@pytest.mark.parametrize(
    ("suite", "sentence"),
    [
        (replace(SUITE, models=models(bounds.MAX_MODELS + 1)), "has 1001 models; it may have 1000"),
        (replace(SUITE, models=(ONE, *models(3), ONE)), "has model 'one' twice"),
        (replace(SUITE, models=(), workloads=()), "has no models and no workloads"),
        (replace(SUITE, workloads=workloads(201)), "has 201 workloads; it may have 200"),
        (
            replace(SUITE, selectors=tuple(Selector(device=str(at)) for at in range(201))),
            "has 201 selectors; it may have 200",
        ),
        (replace(SUITE, volumes=(Volume(1.0),) * 5001), "has 5001 volumes; it may have 5000"),
        (replace(SUITE, recipes=tuple(map(str, range(101)))), "has 101 recipes; it may have 100"),
    ],
)
def test_a_suite_that_is_too_long_is_one_sentence(suite: Suite, sentence: str) -> None:
    with pytest.raises(BadInput) as caught:
        bounded(RefreshOrder(suite))
    assert (caught.value.code, caught.value.sentence) == (Code.BAD_SUITE, f"Suite 's' {sentence}.")


def test_only_names_a_bounded_number_of_things() -> None:
    with pytest.raises(BadInput, match="--only names 1001 things"):
        bounded(RefreshOrder(only=(StackItem("model", "one"),) * 1001))


def test_a_product_is_refused_without_being_made() -> None:
    suite = replace(SUITE, models=models(1000), workloads=workloads(200))
    began = time.process_time()
    with pytest.raises(BadInput) as caught:
        require_cells(suite, 1)
    assert caught.value.sentence == (
        "Suite 's' asks for 400000 cells (1000 models, 2 recipes, 200 workloads, 1 devices);"
        " a plan holds 10000."
    )
    assert time.process_time() - began < 0.1
    require_cells(replace(suite, workloads=workloads(5)), 1)
