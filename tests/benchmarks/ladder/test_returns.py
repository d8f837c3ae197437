"""Which layer returns to float first: that which adds most noise for the time that it saves."""

from __future__ import annotations

from bitgauge.benchmarks.ladder.returns import node_of, returns
from bitgauge.benchmarks.numerics.ledger import FLOAT, INTEGER, Ledger, OperatorRow, TensorRow
from bitgauge.benchmarks.raw.operators import OperatorProfile, OperatorTime

NODES = ("/a", "/b", "/c", "/c_2")


def ledger(*noise: tuple[str, str, float]) -> Ledger:
    """One with a product for each of (executed name, compute, dB against the baseline)."""
    return Ledger(
        samples=1,
        tensors=tuple(
            TensorRow(f"{name}:0", "uint8", name, 1, reference_sqnr_db=db) for name, _, db in noise
        ),
        operators=tuple(
            OperatorRow(name, "QLinearConv", compute, "u8", "s8", True, 1, 1, f"{name}:0")
            for name, compute, _ in noise
        ),
    )


def profile(**times_us: float) -> OperatorProfile:
    rows = tuple(
        OperatorTime(f"/{name}", "Conv", "cpu", 1, 1000 * time, 1000 * time)
        for name, time in times_us.items()
    )
    return OperatorProfile(rows, calls=1, call_ns=1.0, resolution_ns=1)


def test_noise_that_was_there_before_is_not_blamed_on_what_follows() -> None:
    found = returns(
        ledger(("/a_quant", INTEGER, 40.0), ("/b_quant", INTEGER, 20.0), ("/c", INTEGER, 20.0)),
        NODES,
    )
    assert [one.node for one in found] == ["/b", "/a"]


def test_of_equal_noise_the_one_that_costs_less_returns_first() -> None:
    told = ledger(("/a", INTEGER, 30.0), ("/b", INTEGER, 26.9897))
    cheap_second = returns(told, NODES, profile(a=10, b=10), profile(a=60, b=11))
    assert [one.node for one in cheap_second] == ["/b", "/a"]
    cheap_first = returns(told, NODES, profile(a=10, b=10), profile(a=11, b=60))
    assert [one.node for one in cheap_first] == ["/a", "/b"]
    assert cheap_first[1].cost_us == 50.0


def test_what_is_in_float_already_or_no_node_of_the_baseline_does_not_return() -> None:
    told = ledger(("/a", FLOAT, 10.0), ("/elsewhere", INTEGER, 5.0))
    assert returns(told, NODES) == ()


def test_executed_names_end_in_what_the_runtime_appends() -> None:
    assert node_of("/c_2_quant", NODES) == "/c_2"
    assert node_of("/c_quant", NODES) == "/c"
    assert node_of("/cc", NODES) == ""
