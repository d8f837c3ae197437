"""Which rows can be held together."""

from __future__ import annotations

from bitgauge.benchmarks.table.units import of_one_output
from bitgauge.benchmarks.vocabulary.values.devices import StackItem
from bitgauge.benchmarks.vocabulary.values.rows import TableRow
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue
from hypothesis import given
from hypothesis import strategies as st

from tests.labs import values


def row(model: str, output: str, measured_unix_ns: int) -> TableRow:
    """Judged on `output`; on none that is known where it is empty."""
    detail = (StackItem("output", output),) if output else ()
    accuracy = MetricValue("accuracy_delta_pp", -0.5, detail=detail)
    return values.row(model_name=model, metrics=(accuracy,), measured_unix_ns=measured_unix_ns)


@given(
    st.lists(
        st.builds(row, st.sampled_from("ab"), st.sampled_from(["", "x", "y"]), st.integers(0, 9)),
        max_size=6,
    )
)
def test_of_each_model_the_output_judged_last_counts(rows: list[TableRow]) -> None:
    found = of_one_output(rows)
    assert len(found) == len(rows)
    kept = {
        (one.model_name, item.value)
        for one in found
        for item in one.metric("accuracy_delta_pp").detail
    }
    assert len({model for model, _ in kept}) == len(kept)
    for before, after in zip(rows, found, strict=True):
        if not before.metric("accuracy_delta_pp").detail:
            assert after == before


def test_a_model_of_which_no_output_is_known_stands_beside_one_of_which_one_is() -> None:
    rows = (row("a", "", 1), row("b", "logits", 1))
    assert of_one_output(rows) == rows
