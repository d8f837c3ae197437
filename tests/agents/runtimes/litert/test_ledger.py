"""The ledger of tflite files (measurement.md D-4), on this machine's kernels of every kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bitgauge.agents.runtimes import litert
from bitgauge.agents.runtimes.base import SessionOptions
from bitgauge.agents.runtimes.litert.watched import Watched
from bitgauge.benchmarks.numerics.ledger import (
    ELEMENTWISE,
    FLOAT,
    INTEGER,
    OPAQUE,
    WEIGHT_ONLY,
    Ledger,
)
from bitgauge.benchmarks.numerics.ledger_builder import LedgerBuilder
from bitgauge.benchmarks.numerics.shown import Uninstrumentable
from bitgauge.benchmarks.quality.sets import read_evaluation_set
from bitgauge.benchmarks.vocabulary.kernel_modes import EXACT, INEXACT, kernel_mode
from bitgauge.benchmarks.vocabulary.session_options import modes_under
from bitgauge.benchmarks.vocabulary.values.devices import StackItem

pytest.importorskip("ai_edge_litert", reason="NOT RUN: pip install 'bitgauge[litert]'")

from ai_edge_litert import schema_py_generated as schema

from tests.labs.graphs import lite
from tests.labs.graphs.lite import Lite, Operator, Tensor
from tests.labs.graphs.lite_products import Product, model, on_codes, products

Arrays = dict[str, np.ndarray]
BUILT = Path(__file__).parents[3] / "coordinator/builders/litert/built"
"""What LiteRT's quantizer made."""
KERNELS = ("xnnpack", "builtin", "reference")


def watched(folder: Path, made: Lite, feeds: Arrays, kernels: str = "xnnpack") -> Watched:
    path = folder / "model.tflite"
    path.write_bytes(made.encoded())
    chosen = () if kernels == "xnnpack" else (StackItem("kernels", kernels),)
    return litert.open_graph(path, SessionOptions(further=chosen), folder).look(feeds)


def ledger(shown: Watched, feeds: Arrays, **spoilt: np.ndarray) -> Ledger:
    builder = LedgerBuilder(shown.facts, 1)
    builder.add({**shown.observe(feeds), **spoilt}, 1, 1)
    return builder.ledger(shown.exposure)


@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize("one", products(), ids=lambda one: one.name)
def test_every_product_is_computed_again(tmp_path: Path, one: Product, kernels: str) -> None:
    """To one output step, whichever kernels it took; one that is wrong by more is seen."""
    made, feeds = model(one)
    shown = watched(tmp_path, made, feeds, kernels)
    (row,) = ledger(shown, feeds).operators
    second = "dynamic" if one.kind == "BATCH_MATMUL" else "const"
    assert (row.compute, row.why, row.kind) == (INTEGER, "", f"{one.kind}.{one.types}.{second}")
    assert row.elements == np.prod(one.y)
    assert (row.errors1, row.worst_steps <= 1) == (0, True)
    assert row.placed in (("xnnpack", "builtin") if kernels == "xnnpack" else (kernels,))
    depth = {"FULLY_CONNECTED": 70, "BATCH_MATMUL": 24, "CONV_2D": 54}.get(one.kind, 9)
    assert row.macs == np.prod(one.y) * depth
    y = shown.observe(feeds)["y"]
    wrong = y.copy()
    wrong.flat[3] = y.flat[3] + (40 if y.dtype.kind == "i" and y.flat[3] < 60 else -40)
    (spoilt,) = ledger(shown, feeds, y=wrong).operators
    assert spoilt.errors1 == 1
    assert ledger(shown, feeds).int_coverage == 1


@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize(
    ("kind", "options", "inputs"),
    [
        ("ADD", schema.AddOptionsT, 2),
        ("SUB", schema.SubOptionsT, 2),
        ("MUL", schema.MulOptionsT, 2),
        ("CONCATENATION", schema.ConcatenationOptionsT, 2),
        ("LOGISTIC", None, 1),
        ("SOFTMAX", schema.SoftmaxOptionsT, 1),
        ("MEAN", schema.ReducerOptionsT, 1),
        ("QUANTIZE", schema.QuantizeOptionsT, 1),
    ],
)
def test_what_works_on_codes_is_computed_again(
    tmp_path: Path, kind: str, options: type | None, inputs: int, kernels: str
) -> None:
    given: Any = None if options is None else options()
    if kind == "SOFTMAX":
        given.beta = 1.0
    if kind == "CONCATENATION":
        given.axis = 2
    if kind == "MEAN":
        given.keepDims = True
    axes = Tensor("axes", (1,), "int32", np.array([1], np.int32)) if kind == "MEAN" else None
    made = on_codes(kind, given, inputs, axes)
    rng = np.random.default_rng(1)
    feeds = {name: rng.normal(0, 1, (2, 3, 8)).astype(np.float32) for name in made.inputs}
    found = ledger(watched(tmp_path, made, feeds, kernels), feeds)
    (row,) = found.operators
    assert (row.op_type, row.compute, row.why) == (kind, ELEMENTWISE, "")
    assert row.elements >= 16
    assert row.errors1 == 0


def test_a_border_of_codes_is_clipped_where_the_harness_quantizes_it(tmp_path: Path) -> None:
    made = lite.doubled(2, scale=0.5)
    feeds = {"x": np.array([[0, 1, 2, 1000], [0.5, -1, -2000, 3]], np.float32)}
    rows = {row.name: row for row in ledger(watched(tmp_path, made, feeds), feeds).tensors}
    assert (rows["x"].clip_hi, rows["x"].clip_lo) == (1 / 8, 1 / 8)
    assert rows["x"].clip_mass is not None
    assert rows["x"].clip_mass > 0.9
    assert rows["y"].rail_rate == 2 / 8


def test_numbers_that_are_none_are_counted(tmp_path: Path) -> None:
    feeds = {"x": np.array([[np.nan, np.inf, -np.inf, 1.0]], np.float32)}
    (row,) = ledger(watched(tmp_path, lite.doubled(1), feeds), feeds).tensors
    assert (row.nan, row.inf, row.elements) == (1, 2, 4)
    assert row.headroom_log2 == pytest.approx(np.log2(65504 / 2))


def half_in_integers(weights: str = "int4") -> Lite:
    """A product by narrow weights, then one of two activations that stays in floats."""
    options = schema.FullyConnectedOptionsT()
    matmul = schema.BatchMatMulOptionsT()
    matmul.adjX, matmul.adjY, matmul.asymmetricQuantizeInputs = False, True, False
    held = np.random.default_rng(0).integers(-7, 8, (8, 8)).astype(np.int8)
    return Lite(
        (
            Tensor("x", (8, 8)),
            Tensor("w", (8, 8), weights, held, 0.1, axis=0),
            Tensor("bias", (8,), "float32", np.zeros(8, np.float32)),
            Tensor("h", (8, 8)),
            Tensor("y", (8, 8)),
        ),
        (
            Operator("FULLY_CONNECTED", ("x", "w", "bias"), ("h",), options),
            Operator("BATCH_MATMUL", ("h", "x"), ("y",), matmul),
        ),
        ("x",),
        ("y",),
    )


@pytest.mark.parametrize("weights", ["int4", "int8"])
def test_a_product_that_stayed_in_floats_is_named(tmp_path: Path, weights: str) -> None:
    """What a quantizer leaves out without a word: half of the multiplications."""
    feeds = {"x": np.random.default_rng(2).normal(size=(8, 8)).astype(np.float32)}
    found = ledger(watched(tmp_path, half_in_integers(weights), feeds), feeds)
    assert found.int_coverage == 0.5
    assert [(row.op_type, row.fix) for row in found.operators if row.compute == FLOAT] == [
        ("BATCH_MATMUL", "quantize_inputs")
    ]


def test_weights_that_are_widened_first_save_no_multiplication(tmp_path: Path) -> None:
    held = np.ones((4, 4), np.int8)
    made = Lite(
        (
            Tensor("x", (1, 4)),
            Tensor("w", (4, 4), "int8", held, 0.1, axis=0),
            Tensor("wide", (4, 4)),
            Tensor("bias", (4,), "float32", np.zeros(4, np.float32)),
            Tensor("y", (1, 4)),
        ),
        (
            Operator("DEQUANTIZE", ("w",), ("wide",)),
            Operator(
                "FULLY_CONNECTED", ("x", "wide", "bias"), ("y",), schema.FullyConnectedOptionsT()
            ),
        ),
        ("x",),
        ("y",),
    )
    feeds = {"x": np.ones((1, 4), np.float32)}
    found = ledger(watched(tmp_path, made, feeds), feeds)
    (row,) = found.operators
    assert (row.compute, row.weight_type, row.fix) == (WEIGHT_ONLY, "s8", "")
    assert (found.claims_integer, found.int_coverage) == (False, 0)


def test_the_tensors_are_production_s_or_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Were an output to change by a bit with all tensors kept, nothing would be told."""
    made, feeds = model(products()[0])
    shown = watched(tmp_path, made, feeds)
    held = shown._session.held
    monkeypatch.setattr(shown._session, "held", lambda one: [out + 1 for out in held(one)])
    with pytest.raises(Uninstrumentable, match="differs from production's"):
        shown.observe(feeds)


def test_the_float_twin_is_compared_by_the_names_of_tensors(tmp_path: Path) -> None:
    path = tmp_path / "twin.tflite"
    path.write_bytes(lite.mlp().encoded())
    opened = litert.open_graph(path, SessionOptions(), tmp_path)
    feeds = {"pixels": np.random.default_rng(0).random((1, 1, 8, 8)).astype(np.float32)}
    shown = opened.look(feeds)
    twin = opened.reference(path)
    builder = LedgerBuilder(shown.facts, 1)
    off = {name: one + np.float32(0.01) for name, one in shown.observe(feeds).items()}
    builder.add(off, 1, 1, twin.observe(feeds))
    found = builder.ledger(shown.exposure)
    assert len(found.tensors) == 3
    assert all(row.reference_sqnr_db is not None for row in found.tensors)
    assert found.output_sqnr_db is not None


def test_every_kind_of_product_is_in_the_probe_map() -> None:
    """So that a run's kernel mode is told, whatever it executes."""
    modes = litert.probe_kernels()
    kinds = {f"{one.kind}.{one.types}" for one in products()}
    assert {name.rpartition(".")[0] for name in modes if "+" not in name} >= kinds
    assert len({name.partition("+")[2] for name in modes}) == len(KERNELS)


@pytest.mark.parametrize("kernels", KERNELS)
def test_what_the_quantizer_makes_runs_in_kernels_of_a_known_mode(
    tmp_path: Path, kernels: str
) -> None:
    """A stored factor with a scale for each column is answered with zeros: probe and ledger agree.

    Whatever this machine does to the others, all that a file executes was probed.
    """
    chosen = () if kernels == "xnnpack" else (StackItem("kernels", kernels),)
    options = SessionOptions(further=chosen)
    probed = modes_under(litert.probe_kernels(), chosen)
    feeds = {"x": read_evaluation_set((BUILT / "calibration.npz").read_bytes()).inputs["x"][:1]}
    found = {}
    for path in sorted(BUILT.glob("*-*.tflite")):
        held = ledger(litert.open_graph(path, options, tmp_path).look(feeds), feeds)
        assert set(held.executed) <= set(probed)
        found[path.stem] = kernel_mode(held.executed, probed)
        wrong = any(row.errors1 for row in held.operators)
        assert wrong is (found[path.stem] == INEXACT), path.stem
    assert {name: mode for name, mode in found.items() if mode == INEXACT} == {
        "products-int8-static-s8s8-pc": INEXACT
    }
    assert len(found) == 12
    assert len([name for name, mode in found.items() if mode is None]) == 4, "in floats"
    if probed["FULLY_CONNECTED.s8s8.const"] == EXACT:
        assert found["dense-int8-static-s8s8-pc"] == found["dense-int8-dynamic-s8s8-pc"] == EXACT


@pytest.mark.parametrize(
    ("name", "worst"), [("dense-int8-static-s8s8-pc", 1.0), ("dense-int8-static-s8s8-pc-io", 1.0)]
)
def test_reference_kernels_answer_beside_production_s(
    tmp_path: Path, name: str, worst: float
) -> None:
    """Within a step; an output that is four off is seen as that, in codes and in numbers alike."""
    path = BUILT / f"{name}.tflite"
    rows = read_evaluation_set((BUILT / "calibration.npz").read_bytes()).inputs["x"]
    opened = litert.open_graph(path, SessionOptions(), tmp_path)
    feeds = {"x": rows[:1]}
    shown, twin = opened.look(feeds), opened.in_reference_kernels()
    assert twin is not None
    assert set(shown.facts.steps) == {"y"}
    step = shown.facts.steps["y"]
    assert (step == 1.0) is name.endswith("-io")
    builder = LedgerBuilder(shown.facts, len(rows))
    for row in rows:
        one = {"x": row[None]}
        builder.add_twin(shown.observe(one), twin.observe(one))
    found = builder.ledger(shown.exposure)
    assert found.twin_elements == 4 * len(rows)
    assert found.twin_steps is not None
    assert found.twin_steps <= worst
    seen = shown.observe(feeds)
    off = seen["y"].astype(np.float32) + np.float32(4 * step)
    builder.add_twin({**seen, "y": off}, twin.observe(feeds))
    spoilt = builder.ledger(shown.exposure)
    assert spoilt.twin_steps == pytest.approx(4, abs=worst)
    assert spoilt.twin_differing - found.twin_differing >= 3
    assert builder.macs == 0, "no call was added"


def test_what_runs_in_reference_kernels_has_no_twin(tmp_path: Path) -> None:
    path = BUILT / "dense-int8-static-s8s8-pc.tflite"
    chosen = SessionOptions(further=(StackItem("kernels", "reference"),))
    assert litert.open_graph(path, chosen, tmp_path).in_reference_kernels() is None


def test_blocks_with_scales_of_their_own_are_told_with_whose_kernels_multiply_them(
    tmp_path: Path,
) -> None:
    """LiteRT's own kernels forget a Relu, its reference kernels answer zeros; none says so."""
    rectified = schema.FullyConnectedOptionsT()
    rectified.fusedActivationFunction = schema.ActivationFunctionType.RELU
    held = np.random.default_rng(5).integers(-7, 8, (8, 64)).astype(np.int8)
    made = Lite(
        (
            Tensor("x", (1, 64)),
            Tensor("w", (8, 64), "int4", held, (0.02, 0.06), block=32),
            Tensor("y", (1, 8)),
        ),
        (Operator("FULLY_CONNECTED", ("x", "w"), ("y",), rectified),),
        ("x",),
        ("y",),
    )
    feeds = {"x": np.random.default_rng(6).normal(size=(1, 64)).astype(np.float32)}
    exact = np.maximum(feeds["x"] @ (held * np.repeat(np.array([0.02, 0.06], np.float32), 32)).T, 0)
    for kernels, is_right in (("xnnpack", True), ("builtin", False), ("reference", False)):
        shown = watched(tmp_path, made, feeds, kernels)
        (row,) = ledger(shown, feeds).operators
        assert (row.kind, row.compute) == ("FULLY_CONNECTED.f32s4b.const", OPAQUE)
        chosen = () if kernels == "xnnpack" else (StackItem("kernels", kernels),)
        mode = modes_under(litert.probe_kernels(), chosen)[row.kind]
        off = float(np.abs(shown.observe(feeds)["y"] - exact).max())
        assert (mode == EXACT) == (off < 0.05) == is_right, kernels
    path = tmp_path / "model.tflite"
    assert litert.open_graph(path, SessionOptions(), tmp_path).in_reference_kernels() is None
