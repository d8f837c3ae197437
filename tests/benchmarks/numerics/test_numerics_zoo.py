"""The overflow ledger of trained models, on a host whose kernels saturate and on this one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from bitgauge.agents.runtimes import fake, ort
from bitgauge.agents.runtimes.base import SessionOptions
from bitgauge.agents.runtimes.ort import EXACT_MODE
from bitgauge.benchmarks import zoo
from bitgauge.benchmarks.analysis.analyse import analyse
from bitgauge.benchmarks.numerics.ledger import WEIGHT_ONLY, Ledger
from bitgauge.benchmarks.quality.sets import EvaluationSet, read_evaluation_set
from bitgauge.benchmarks.raw.container import read_raw, write_raw
from bitgauge.benchmarks.vocabulary.recipes import parse
from bitgauge.benchmarks.vocabulary.values.devices import StackItem
from bitgauge.benchmarks.vocabulary.values.jobs import NO_OVERRIDES, Overrides
from bitgauge.benchmarks.vocabulary.values.runs import MetricValue
from bitgauge.coordinator.builders import registry
from bitgauge.coordinator.builders.base import BuildRequest
from bitgauge.coordinator.tasks.predict_saturation import predict

from tests.labs.sat16 import measured, saturating_host
from tests.labs.values import facts

RECIPES = ("int8-static-u8s8-pc", "int8-static-u8s8-pc-rr", "int8-static-u8u8-pt", "int8-dynamic")


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The smallest model of the zoo in each recipe."""
    (small,) = (one for one in zoo.models() if one.name == "digits-mlp")
    folder = tmp_path_factory.mktemp("zoo")
    made = {"fp32": small.path}
    for name in (*RECIPES, "fp16", "int4-wo-b32"):
        made[name] = folder / f"{name}.onnx"
        request = BuildRequest(parse(name), small.path, made[name], zoo.calibration_path())
        registry.build(request)
    return made


@pytest.fixture(scope="module")
def evaluation() -> EvaluationSet:
    return read_evaluation_set(zoo.evaluation_path())


def metrics(
    runtime: object,
    modes: dict[str, str],
    artifacts: dict[str, Path],
    recipe: str,
    evaluation: EvaluationSet,
    folder: Path,
    overrides: Overrides = NO_OVERRIDES,
) -> tuple[dict[str, MetricValue], Ledger]:
    """Published numbers of pass `numerics`, through the raw file."""
    paths = [artifacts["fp32"], artifacts[recipe]]
    raw, ledger = measured(runtime, paths, evaluation, folder, overrides=overrides)
    write_raw(folder / "raw.npz", raw)
    about = facts(
        kernel_modes=tuple(StackItem(name, mode) for name, mode in modes.items()),
        overrides=overrides,
    )
    found = analyse([read_raw(folder / "raw.npz")], about)
    return {metric.key: metric for metric in found}, ledger


def detail(metric: MetricValue, name: str) -> str:
    return next(item.value for item in metric.detail if item.name == name)


def test_u8s8_is_reported_saturating_with_rates_per_tensor(
    artifacts: dict[str, Path], evaluation: EvaluationSet, tmp_path: Path
) -> None:
    runtime, modes = saturating_host()
    found, ledger = metrics(runtime, modes, artifacts, RECIPES[0], evaluation, tmp_path)
    saturated = found["saturated_pct"]
    assert saturated.value is not None
    assert saturated.value > 0.01
    assert saturated.flags == ("saturating",)
    assert detail(saturated, "kernel_mode") == "sat16"
    assert float(detail(saturated, "saturated_pct_if_sat16")) == saturated.value
    assert (found["kernel_error_pct"].value or 0) > 1
    assert float(detail(found["kernel_error_pct"], "explained_pct")) >= 99.9
    assert sum(row.errors1 for row in ledger.operators) > 1000
    assert all(row.rate16 > 0 for row in ledger.operators[:2])
    assert all(row.unsafe_pair_share for row in ledger.operators)
    assert {row.fix for row in ledger.operators if row.errors1} == {"seven_bit_weights"}


def test_in_exact_mode_the_same_artifact_is_not(
    artifacts: dict[str, Path], evaluation: EvaluationSet, tmp_path: Path
) -> None:
    """The option reaches the session, which rewrites what it executes."""
    runtime, modes = saturating_host()
    exact = Overrides(session_options=(EXACT_MODE,))
    found, ledger = metrics(runtime, modes, artifacts, RECIPES[0], evaluation, tmp_path, exact)
    saturated = found["saturated_pct"]
    assert (saturated.value, saturated.flags) == (0, ())
    assert detail(saturated, "kernel_mode") == "exact"
    assert sum(row.errors1 for row in ledger.operators) == 0
    assert {row.weight_type for row in ledger.operators} == {"u8"}


@pytest.mark.parametrize("recipe", RECIPES[1:3])
def test_reduced_range_and_u8u8_are_not(
    recipe: str, artifacts: dict[str, Path], evaluation: EvaluationSet, tmp_path: Path
) -> None:
    runtime, modes = saturating_host()
    found, ledger = metrics(runtime, modes, artifacts, recipe, evaluation, tmp_path)
    assert found["saturated_pct"].value == 0
    assert found["saturated_pct"].flags == ()
    assert found["kernel_error_pct"].value == 0
    assert sum(row.elements for row in ledger.operators) > 100_000
    assert found["int_coverage"].value == 1


def test_where_kernels_are_exact_only_the_prediction_speaks(
    artifacts: dict[str, Path], evaluation: EvaluationSet, tmp_path: Path
) -> None:
    modes = ort.probe_kernels()
    if modes["QLinearMatMul.u8s8.const"] != "exact":
        pytest.skip("NOT RUN: missing hardware, the kernels of this machine saturate")
    found, ledger = metrics(ort, modes, artifacts, RECIPES[0], evaluation, tmp_path)
    saturated = found["saturated_pct"]
    assert (saturated.value, saturated.flags) == (0, ())
    assert detail(saturated, "kernel_mode") == "exact"
    assert float(detail(saturated, "saturated_pct_if_sat16")) > 0.01
    assert {row.observed_mode for row in ledger.operators if row.emulated_errors1} == {"exact"}
    assert ledger.exposure == "all"


def saturates_here() -> bool:
    """Whether this machine's own kernels saturate, so that nothing is lost elsewhere."""
    return ort.probe_kernels()["QLinearMatMul.u8s8.const"] == "sat16"


def test_the_loss_of_accuracy_is_predicted(artifacts: dict[str, Path]) -> None:
    data = zoo.evaluation_path()
    found = predict(artifacts[RECIPES[0]], data)
    assert found.samples == 256
    assert found.seven_bit_layers == tuple(one.name for one in found.layers)
    assert found.accuracy_here_pct is not None
    assert found.accuracy_there_pct is not None
    assert found.changed_predictions or saturates_here()
    assert found.accuracy_there_pct < found.accuracy_here_pct or saturates_here()
    for recipe in RECIPES[1:3]:
        other = predict(artifacts[recipe], data)
        assert other.seven_bit_layers == ()
        assert (other.changed_predictions, other.accuracy_here_pct) == (
            0,
            other.accuracy_there_pct,
        )


def test_clipping_and_range_are_in_the_ledger(
    artifacts: dict[str, Path], evaluation: EvaluationSet, tmp_path: Path
) -> None:
    found, ledger = metrics(ort, {}, artifacts, RECIPES[0], evaluation, tmp_path)
    assert 0 <= (found["clip_pct"].value or 0) < 1
    assert found["clip_pct"].flags == ()
    assert 20 < (found["sqnr_db"].value or 0) < 60
    assert (found["outlier_ratio"].value or 0) >= 1
    for row in ledger.tensors:
        assert row.before is not None
        assert row.after is not None
        assert sum(row.after.counts) == row.elements
        assert row.reference_sqnr_db is not None
    assert ledger.output_sqnr_db is not None
    assert ledger.output_sqnr_db > 20


@pytest.mark.parametrize("recipe", RECIPES[:3])
def test_the_layer_behind_the_input_is_no_divergence(
    recipe: str, artifacts: dict[str, Path], evaluation: EvaluationSet, tmp_path: Path
) -> None:
    """The input is flattened before it is quantized, and images quantize almost without noise."""
    _, ledger = metrics(ort, {}, artifacts, recipe, evaluation, tmp_path)
    first, second = ledger.tensors[:2]
    assert first.name.startswith("flat")
    assert first.reference_sqnr_db is not None
    assert second.reference_sqnr_db is not None
    assert first.reference_sqnr_db > second.reference_sqnr_db + 6
    assert [one for one in ledger.divergences if one.against == "baseline"] == []


def test_dynamic_scales_drift_from_call_to_call(
    artifacts: dict[str, Path], evaluation: EvaluationSet, tmp_path: Path
) -> None:
    runtime, modes = saturating_host()
    found, ledger = metrics(runtime, modes, artifacts, "int8-dynamic", evaluation, tmp_path)
    assert ledger.samples == 48
    assert found["int_coverage"].value == 1
    assert all(row.kind == "DynamicQuantizeMatMul.u8s8.const" for row in ledger.operators)
    assert (found["saturated_pct"].value or 0) > 0


@pytest.mark.parametrize("recipe", ["fp32", "fp16", "int4-wo-b32"])
def test_floating_point_artifacts_have_range_and_no_saturation(
    recipe: str, artifacts: dict[str, Path], evaluation: EvaluationSet, tmp_path: Path
) -> None:
    found, ledger = metrics(ort, {}, artifacts, recipe, evaluation, tmp_path)
    for key in ("saturated_pct", "kernel_error_pct", "clip_pct", "int_coverage", "sqnr_db"):
        assert (found[key].value, found[key].reason) == (None, "no_integer_operators")
    assert (found["fp16_headroom_log2"].value or 0) > 4
    assert (found["outlier_ratio"].value or 0) >= 1
    assert found["numerics_nonfinite_count"].value == 0
    if recipe.startswith("int4"):
        assert {row.compute for row in ledger.operators} == {WEIGHT_ONLY}


def test_a_runtime_that_shows_nothing_gives_a_reason(
    artifacts: dict[str, Path], evaluation: EvaluationSet, tmp_path: Path
) -> None:
    found, ledger = metrics(fake, {}, artifacts, "fp32", evaluation, tmp_path)
    assert found["saturated_pct"].reason == "uninstrumentable"
    assert "does not show" in detail(found["clip_pct"], "why")
    assert ledger.tensors == ()


def test_nothing_that_differs_from_production_is_looked_at(
    artifacts: dict[str, Path], evaluation: EvaluationSet, tmp_path: Path
) -> None:
    """A runtime whose exposed graphs compute something else is uninstrumentable."""

    def lie(path: Path, options: SessionOptions, folder: Path) -> ort.OrtGraph:
        opened = ort.open_saved(path, options, folder)

        def plain(model: bytes) -> Any:
            session = opened.plain(model)

            class Off:
                def run(self, feeds: dict[str, np.ndarray]) -> list[np.ndarray]:
                    return [one + 1 for one in session.run(feeds)]

            return Off()

        return replace(opened, plain=plain)

    liar = SimpleNamespace(TRAITS=replace(ort.TRAITS, graph=lie))
    found, _ = metrics(liar, {}, artifacts, RECIPES[0], evaluation, tmp_path)
    assert found["saturated_pct"].reason == "uninstrumentable"
    assert "no longer production's" in detail(found["saturated_pct"], "why")
