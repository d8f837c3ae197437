import random
from dataclasses import replace

import msgspec
from bitgauge.benchmarks.table.file import digest_of_run, lean
from bitgauge.benchmarks.table.rows import SettledRow, newest_rows, row_key
from bitgauge.benchmarks.table.units import comparable
from bitgauge.benchmarks.vocabulary.enums import FormatFamily, ModelClass, Realness
from bitgauge.benchmarks.vocabulary.values.cells import Pooled
from bitgauge.benchmarks.vocabulary.values.devices import StackItem
from bitgauge.benchmarks.vocabulary.values.jobs import Workload
from bitgauge.benchmarks.vocabulary.values.rows import TableRow
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue
from hypothesis import given
from hypothesis import strategies as st

from tests.labs import values

ROW = values.row("fp32", model_name="m", device_id="d", device_name="d")
RECIPES = ("fp32", "fp16", "int8-dynamic", "int8-static-s8s8-pc", "int4-wo-b32")

rows = st.builds(
    lambda recipe, batch, device, name, realness: replace(
        ROW,
        recipe=recipe,
        family=FormatFamily(recipe.partition("-")[0]),
        workload=Workload(batch=batch),
        device_id=device,
        device_name=device,
        model_name=name,
        realness=realness,
    ),
    st.sampled_from(RECIPES),
    st.sampled_from((1, 64)),
    st.sampled_from(("a", "b")),
    st.sampled_from(("m", "n")),
    st.sampled_from(Realness),
)
candidates = st.lists(st.tuples(rows, st.integers(0, 3), st.booleans()), max_size=30).map(
    lambda found: [
        SettledRow(replace(row, run_id=str(place)), time, conclusive, f"{place:03d}")
        for place, (row, time, conclusive) in enumerate(found)
    ]
)


@given(candidates, st.randoms(use_true_random=False))
def test_the_same_runs_in_any_order_give_the_same_table(
    found: list[SettledRow], order: random.Random
) -> None:
    shuffled = list(found)
    order.shuffle(shuffled)
    assert newest_rows(shuffled) == newest_rows(found)


@given(candidates)
def test_one_row_per_key_the_newest_and_only_real_ones(found: list[SettledRow]) -> None:
    table = newest_rows(found)
    real = [candidate for candidate in found if candidate.row.realness.keeps_time]
    assert len({row_key(row) for row in table}) == len(table)
    assert {row_key(row) for row in table} == {row_key(candidate.row) for candidate in real}
    for row in table:
        rivals = [candidate for candidate in real if row_key(candidate.row) == row_key(row)]
        (winner,) = (candidate for candidate in rivals if candidate.row is row)
        for rival in rivals:
            assert winner.conclusive or not rival.conclusive
            if rival.conclusive == winner.conclusive:
                assert rival.settled_unix_ns <= winner.settled_unix_ns


def test_rows_stand_in_the_order_people_read() -> None:
    found = [
        SettledRow(
            replace(
                ROW,
                recipe=recipe,
                family=FormatFamily(recipe.partition("-")[0]),
                workload=Workload(batch=batch),
                model_class=model_class,
                model_name=model_class.value,
            ),
            0,
            True,
            f"{recipe}{batch}",
        )
        for model_class in (ModelClass.MLP, ModelClass.CNN)
        for batch in (64, 1)
        for recipe in reversed(RECIPES)
    ]
    shown = [(row.model_class, row.workload.batch, row.recipe) for row in newest_rows(found)]
    assert shown == [
        (model_class, batch, recipe)
        for model_class in (ModelClass.CNN, ModelClass.MLP)
        for batch in (1, 64)
        for recipe in RECIPES
    ]


def test_the_first_definition_is_left_out_of_files_and_a_later_one_is_said() -> None:
    assert lean(MetricValue("latency_ratio", 0.5)) == {"key": "latency_ratio", "value": 0.5}
    assert lean(MetricValue("latency_ratio", 0.5, definition=2))["definition"] == 2
    assert lean(Pooled("latency_ratio", 0.5, units=1)) == {
        "key": "latency_ratio",
        "value": 0.5,
        "units": 1,
    }
    first, second = (MetricValue("latency_ratio", 0.5, definition=one) for one in (1, 2))
    assert digest_of_run((), [first]) != digest_of_run((), [second])
    for one in (first, second):
        assert msgspec.convert(lean(one), MetricValue) == one


def judged(recipe: str, output: str, time: int, **changes: object) -> TableRow:
    told = (StackItem("output", output),) if output else ()
    found = (
        MetricValue("accuracy_delta_pp", -1.0, detail=told),
        MetricValue("accuracy_pct", 90.0),
        MetricValue("latency_ratio", 0.5),
    )
    return values.row(recipe, metrics=found, measured_unix_ns=time, **changes)


def test_accuracies_of_two_outputs_of_a_model_are_never_held_together() -> None:
    older, newer = judged("fp16", "hidden", 1), judged("int8-dynamic", "logits", 2)
    plain = judged("int4-wo-b32", "", 3)
    elsewhere = judged("fp16", "hidden", 0, model_name="another model")
    found = comparable([older, newer, plain, elsewhere])
    assert found[1:] == (newer, plain, elsewhere)
    assert [(one.key, one.value, one.reason) for one in found[0].metrics] == [
        ("accuracy_delta_pp", None, "other_output"),
        ("accuracy_pct", None, "other_output"),
        ("latency_ratio", 0.5, None),
    ]


def test_a_row_whose_output_somebody_chose_is_another_row() -> None:
    chosen = replace(ROW, output="aux")
    assert row_key(chosen) != row_key(ROW)
    assert len(row_key(ROW)) == 8, "what nobody chose keeps the keys that are stored"
    assert "output" not in lean(ROW)
    assert lean(chosen)["output"] == "aux"
