"""Cells: whatever order rows come in, pooled honestly, workloads apart, real devices only."""

import random
from dataclasses import replace

import pytest
from bitgauge.benchmarks.table.cells import cell_of, cells, drill, key_of
from bitgauge.benchmarks.table.gate import default_gate
from bitgauge.benchmarks.table.priors import priors, with_priors
from bitgauge.benchmarks.table.staleness import marked
from bitgauge.benchmarks.vocabulary.enums import (
    CellState,
    FailureGroup,
    FormatFamily,
    HardwareClass,
    ModelClass,
    Profile,
    Realness,
)
from bitgauge.benchmarks.vocabulary.errors import BadInput
from bitgauge.benchmarks.vocabulary.values.jobs import Workload
from bitgauge.benchmarks.vocabulary.values.rows import StackChange, TableRow
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue
from hypothesis import given
from hypothesis import strategies as st

from tests.labs import values


def metrics(ratio: float, delta: float, verdict: str) -> tuple[MetricValue, ...]:
    return (
        MetricValue("latency_ratio", ratio, ratio * 0.99, ratio * 1.01, verdict="FASTER"),
        MetricValue("accuracy_delta_pp", delta, delta - 0.5, delta + 0.5, verdict=verdict),
        MetricValue("size_ratio", 0.25),
        MetricValue("nonfinite_count", 0.0),
    )


ROW = values.row(
    model_name="m",
    device_id="d",
    device_name="d",
    profile=Profile.STANDARD,
    metrics=metrics(0.5, 0.0, "PASS"),
    run_id="r",
    measured_unix_ns=1,
    fingerprint="f",
)

rows = st.builds(
    lambda recipe, batch, device, name, realness, ratio, verdict, place: replace(
        ROW,
        recipe=recipe,
        family=FormatFamily(recipe.partition("-")[0]),
        workload=Workload(batch=batch),
        device_id=device,
        device_name=device,
        model_name=name,
        realness=realness,
        metrics=metrics(ratio, -ratio, verdict),
        run_id=f"run {place}",
        measured_unix_ns=place,
    ),
    st.sampled_from(("fp32", "int8-dynamic", "int8-static-s8s8-pc", "int4-wo-b32")),
    st.sampled_from((1, 64)),
    st.sampled_from(("a", "b", "c")),
    st.sampled_from(("m", "n", "o")),
    st.sampled_from(Realness),
    st.floats(0.2, 2.0),
    st.sampled_from(("PASS", "FAIL", "UNDECIDED")),
    st.integers(0, 10_000),
)
many_rows = st.lists(rows, max_size=40, unique_by=lambda row: row.run_id)


@given(many_rows, st.randoms(use_true_random=False))
def test_the_same_rows_in_any_order_give_the_same_cells(
    found: list[TableRow], order: random.Random
) -> None:
    shuffled = list(found)
    order.shuffle(shuffled)
    assert cells(shuffled) == cells(found)


@given(many_rows)
def test_emulated_and_simulated_rows_change_no_cell(found: list[TableRow]) -> None:
    real = [row for row in found if row.realness.keeps_time]
    assert cells(found) == cells(real)
    assert {run for cell in cells(found) for part in cell.recipes for run in part.run_ids} <= {
        row.run_id for row in real
    }


@given(many_rows)
def test_workloads_never_mix(found: list[TableRow]) -> None:
    whole = {cell.key: cell for cell in cells(found)}
    for batch in (1, 64):
        alone = cells(row for row in found if row.workload.batch == batch)
        assert alone == tuple(cell for key, cell in whole.items() if key.workload.batch == batch)  # type: ignore[union-attr]


@given(many_rows)
def test_every_run_that_counts_is_listed_and_figures_stay_between_the_units(
    found: list[TableRow],
) -> None:
    for cell in cells(found):
        assert cell.best is not None
        for part in cell.recipes:
            ratio = part.metric("latency_ratio")
            if ratio.value is None:
                continue
            own = [
                row.metric("latency_ratio").value or 0.0
                for row in found
                if row.run_id in part.run_ids
            ]
            if cell.key.family is not FormatFamily.FP32:
                assert min(own) * (1 - 1e-9) <= ratio.value <= max(own) * (1 + 1e-9)
                assert ratio.worst == max(own)
            assert ratio.low is not None
            assert ratio.high is not None
            assert ratio.low <= ratio.value <= ratio.high


def test_the_best_recipe_passes_for_most_models_then_is_fastest() -> None:
    def of(recipe: str, model: str, ratio: float, verdict: str) -> TableRow:
        return replace(
            ROW,
            recipe=recipe,
            model_name=model,
            metrics=metrics(ratio, 0.0, verdict),
            run_id=f"{recipe} {model}",
        )

    found = [
        of("int8-dynamic", "m", 0.9, "PASS"),
        of("int8-dynamic", "n", 0.9, "PASS"),
        of("int8-static-s8s8-pc", "m", 0.3, "PASS"),
        of("int8-static-s8s8-pc", "n", 0.3, "FAIL"),
        of("int8-static-u8s8-pc-rr", "m", 0.5, "PASS"),
        of("int8-static-u8s8-pc-rr", "n", 0.5, "PASS"),
    ]
    (cell,) = cells(found)
    assert cell.recipe == "int8-static-u8s8-pc-rr"
    assert cell.best is not None
    assert cell.best.pass_rate.passed == cell.best.pass_rate.judged == 2
    # Never an average over recipes.
    assert cell.best.metric("latency_ratio").value == pytest.approx(0.5)


def test_a_recipe_must_pass_wherever_a_model_was_measured() -> None:
    bad = replace(ROW, device_id="e", metrics=metrics(0.5, -5.0, "FAIL"), run_id="s")
    (cell,) = cells([ROW, bad])
    assert cell.best is not None
    assert (cell.best.pass_rate.passed, cell.best.pass_rate.judged) == (0, 1)


def test_one_stale_figure_makes_its_cell_stale_and_is_named() -> None:
    change = StackChange("runtime.onnxruntime", "1.30.0", "1.31.0")
    (cell,) = cells([ROW, marked(replace(ROW, model_name="n", run_id="s"), (change,))])
    assert cell.state is CellState.STALE
    assert cell.best is not None
    assert cell.best.changes == (change,)
    assert cell.best.run_ids == ("r", "s")


def test_a_metric_that_a_unit_lacks_is_null_for_all() -> None:
    lacking = replace(
        ROW,
        model_name="n",
        run_id="s",
        metrics=(MetricValue("latency_ratio", reason="no_steady_state"), *ROW.metrics[1:]),
    )
    (cell,) = cells([ROW, lacking])
    assert cell.best is not None
    ratio = cell.best.metric("latency_ratio")
    assert (ratio.value, ratio.reason, ratio.units) == (None, "no_steady_state", 2)


def test_a_drill_down_keeps_every_row_once() -> None:
    other = replace(ROW, device_id="e", device_name="e", kernel_mode="sat16", run_id="s")
    parts = drill([ROW, other], ("device", "kernel_mode"))
    assert [part.names for part in parts] == [
        ("device=d", "kernel_mode=not probed"),
        ("device=e", "kernel_mode=sat16"),
    ]
    assert [part.run_ids for part in parts] == [("r",), ("s",)]
    with pytest.raises(BadInput, match="cannot be drilled down by 'colour'; there are model"):
        drill([ROW], ("colour",))


def test_the_gate() -> None:
    assert default_gate(ROW) == "passed"
    for flag in ("saturating", "wrong_kernel"):
        assert default_gate(replace(ROW, flags=(flag,))) == "failed"
    assert default_gate(replace(ROW, flags=("suspect",))) == "manual_review"
    assert default_gate(replace(ROW, metrics=metrics(0.5, 0, "UNDECIDED"))) == "manual_review"
    assert default_gate(replace(ROW, state=CellState.UNSUPPORTED)) == "failed"
    crashed = replace(ROW, state=CellState.FAILED, failure_group=FailureGroup.ARTIFACT)
    assert default_gate(crashed) == "failed"
    lost = replace(crashed, failure_group=FailureGroup.HARNESS)
    assert default_gate(lost) == "manual_review"


# -- priors -------------------------------------------------------------------------------
def test_the_starting_table_ships_as_priors_with_their_source() -> None:
    known = {
        (cell.key.model_class.value, cell.key.hardware_class.value, cell.key.family.value): cell
        for cell in priors()
    }
    assert len(known) == 5
    cell = known["transformer", "edge_arm", "int4"]
    assert cell.state is CellState.PRIOR
    assert cell.source
    assert cell.best is not None
    assert cell.best.metric("accuracy_delta_pp").value == -1.2
    assert cell.best.metric("size_ratio").value == 1 / 8
    assert cell.best.metric("latency_ratio").value == 1 / 4
    assert cell.best.run_ids == ()


@given(many_rows)
def test_the_first_measurement_replaces_a_prior(found: list[TableRow]) -> None:
    whole = with_priors(cells(found), priors())
    about = [(cell.key.model_class, cell.key.hardware_class, cell.key.family) for cell in whole]
    for cell in whole:
        if cell.source is None:
            assert cell.state is not CellState.PRIOR
        else:
            key = (cell.key.model_class, cell.key.hardware_class, cell.key.family)
            assert about.count(key) == 1 or not any(
                one.state.has_numbers
                for one in whole
                if (one.key.model_class, one.key.hardware_class, one.key.family) == key
            )
    int8_measured = any(
        row.family is FormatFamily.INT8 and row.realness.keeps_time for row in found
    )
    cnn = (ModelClass.CNN, HardwareClass.CPU_ONLY, FormatFamily.INT8)
    shown = [
        cell
        for cell in whole
        if cell.source and (cell.key.model_class, cell.key.hardware_class, cell.key.family) == cnn
    ]
    assert bool(shown) is not int8_measured


def test_the_key_of_a_row_holds_its_workload() -> None:
    assert key_of(ROW).workload == Workload()


def defined(row: TableRow, definition: int) -> TableRow:
    return replace(row, metrics=tuple(replace(one, definition=definition) for one in row.metrics))


def test_two_definitions_of_a_metric_are_never_pooled() -> None:
    here, there = ROW, replace(ROW, device_id="e", device_name="e", run_id="s")
    (cell,) = cells([here, defined(there, 2)])
    assert cell.best is not None
    for key in ("latency_ratio", "accuracy_delta_pp", "size_ratio"):
        pooled = cell.best.metric(key)
        assert (pooled.value, pooled.reason, pooled.units) == (None, "older_definition", 2)
        assert pooled.definition == 2
    # What the gate said of the older number is not counted with what it says of the newer.
    assert (cell.best.pass_rate.passed, cell.best.pass_rate.undecided) == (0, 1)
    (alone, other) = drill([here, defined(there, 2)], ["device"])
    assert alone.metric("latency_ratio").value is None
    assert other.metric("latency_ratio").value == pytest.approx(0.5)


@pytest.mark.parametrize("definition", [1, 2])
def test_what_follows_one_definition_is_pooled_and_says_which(definition: int) -> None:
    rows = [ROW, replace(ROW, device_id="e", device_name="e", run_id="s")]
    (cell,) = cells([defined(one, definition) for one in rows])
    assert cell.best is not None
    pooled = cell.best.metric("latency_ratio")
    assert pooled.value == pytest.approx(0.5)
    assert (pooled.units, pooled.definition) == (2, definition)


def test_a_suspect_job_pools_nothing_that_rests_on_the_devices_pace() -> None:
    both = (*ROW.metrics, MetricValue("energy_ratio", 0.5, 0.4, 0.6))
    sound = replace(ROW, metrics=both)
    other = replace(sound, device_id="e", device_name="e", run_id="s", flags=("suspect",))
    (cell,) = cells([sound, other])
    assert cell.best is not None
    for key in ("latency_ratio", "energy_ratio"):
        pooled = cell.best.metric(key)
        assert (pooled.value, pooled.reason, pooled.units) == (None, "suspect", 2)
    assert cell.best.metric("accuracy_delta_pp").value == pytest.approx(0.0)
    assert cell.best.metric("size_ratio").value == pytest.approx(0.25)
    (alone, spoiled) = drill([sound, other], ["device"])
    assert alone.metric("energy_ratio").value == pytest.approx(0.5)
    assert spoiled.metric("energy_ratio").value is None


def test_recipes_of_a_cell_are_not_compared_over_definitions() -> None:
    fast = replace(ROW, recipe="int8-static-u8u8-pc", metrics=metrics(0.1, 0.0, "PASS"), run_id="s")
    for definition, best in ((1, "int8-static-u8u8-pc"), (2, "int8-dynamic")):
        (cell,) = cells([fast, defined(ROW, definition)])
        assert cell.recipe == best


def test_a_model_that_could_not_be_judged_leaves_the_accuracy_of_the_others() -> None:
    """It still counts for everything else, and a figure that only some units have stays null."""

    def of(model: str, device: str, accuracy: float | None) -> TableRow:
        delta = MetricValue("accuracy_delta_pp", accuracy, reason=None if accuracy else "no_labels")
        ratio = MetricValue("latency_ratio", 0.5, 0.4, 0.6)
        return values.row(model_name=model, device_id=device, metrics=(delta, ratio))

    judged, not_judged = of("a", "1", -0.2), of("b", "1", None)
    part = cell_of(key_of(judged), [judged, not_judged]).recipes[0]
    accuracy = part.metric("accuracy_delta_pp")
    assert (accuracy.value, accuracy.units, accuracy.without) == (-0.2, 1, ("b",))
    assert (part.metric("latency_ratio").units, part.metric("latency_ratio").without) == (2, ())
    half = cell_of(key_of(judged), [judged, of("a", "2", None)]).recipes[0]
    assert half.metric("accuracy_delta_pp").reason == "no_labels"
    none = cell_of(key_of(judged), [not_judged]).recipes[0].metric("accuracy_delta_pp")
    assert (none.reason, none.without) == ("no_labels", ())
