"""On inputs that were made from a signature nothing is judged that rests on data."""

from __future__ import annotations

from bitgauge.benchmarks.analysis.analyse import analyse
from bitgauge.benchmarks.numerics.ledger import Ledger, OperatorRow
from bitgauge.benchmarks.raw.given import given_meta
from bitgauge.benchmarks.raw.numerics import numerics_raw
from bitgauge.benchmarks.vocabulary.enums import PassName, RawRole, Scenario
from bitgauge.benchmarks.vocabulary.metrics import METRICS, published
from bitgauge.benchmarks.vocabulary.reasons import MADE_INPUTS

from tests.labs.values import facts, origin

LAYER = OperatorRow("mm", "MatMulInteger", "integer", "u8", "s8", True, 100, 8, "y", pairs=50)


def reasons(*, made: bool) -> dict[str, str | None]:
    ledger = Ledger(samples=8, claims_integer=True, exposure="all", operators=(LAYER,))
    raw = numerics_raw(origin(PassName.NUMERICS, RawRole.BOTH), ledger)
    raw.meta.update(given_meta(1, "", (), (), made=made))
    return {one.key: one.reason for one in analyse([raw], facts())}


def test_what_rests_on_data_is_null_and_says_why() -> None:
    on_data = {key for key in published(Scenario.SINGLE_STREAM) if METRICS[key].on_data}
    found = reasons(made=True)
    assert {key for key, reason in found.items() if reason == MADE_INPUTS} == on_data
    assert found["int_coverage"] is None, "the share of integer kernels needs no real data"
    assert MADE_INPUTS not in reasons(made=False).values()
