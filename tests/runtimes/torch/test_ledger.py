"""The overflow ledger of exported programs (measurement.md D-5): what eager really multiplies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from bitgauge.agents.runtimes import torch as runtime
from bitgauge.agents.runtimes.base import SessionOptions
from bitgauge.agents.runtimes.torch import graph as graphs
from bitgauge.agents.runtimes.torch.interpreted import TorchGraph
from bitgauge.benchmarks.numerics.ledger import (
    COMPILE,
    FLOAT,
    WEIGHT_ONLY,
    Ledger,
    TensorRow,
)
from bitgauge.benchmarks.numerics.ledger_builder import LedgerBuilder
from bitgauge.benchmarks.numerics.shown import Uninstrumentable

from . import programs
from .conftest import Programs


def opened(path: Path, folder: Path) -> TorchGraph:
    found = runtime.open_graph(path, SessionOptions(), folder)
    assert isinstance(found, TorchGraph)
    return found


def ledger(
    path: Path, feeds: dict[str, Any], folder: Path, reference: Path | None = None
) -> Ledger:
    graph = opened(path, folder)
    shown = graph.look(feeds)
    against = graph.reference(reference) if reference is not None else None
    builder = LedgerBuilder(shown.facts, 1)
    batch = len(next(iter(feeds.values())))
    wanted = against.observe(feeds) if against is not None else None
    builder.add(shown.observe(feeds), batch, batch, wanted)
    return builder.ledger(shown.exposure)


def tensors(found: Ledger) -> dict[str, TensorRow]:
    return {row.name: row for row in found.tensors}


def made(function: Any, folder: Path, example: Any) -> Path:
    exported = programs.export(programs.Function(function), example, free=False)
    return programs.saved(exported, folder / "made.pt2")


@pytest.fixture
def images(digits: Any) -> dict[str, Any]:
    return {"pixels": digits[0][:8]}


def test_dynamic_int8_multiplies_integers_and_they_are_exact(
    program: Programs, images: dict[str, Any], tmp_path: Path
) -> None:
    found = ledger(program("mlp-dynamic"), images, tmp_path, program("mlp"))
    assert [row.kind for row in found.operators] == ["int_mm.u8s8.const"] * 3
    assert found.int_coverage == 1
    first, second, _ = found.operators
    assert (first.macs, first.depth, second.macs) == (64 * 512, 64, 512 * 512)
    assert second.elements == 8 * 512
    assert second.weight_bytes == 512 * 512
    assert (found.unchecked, sum(row.errors0 for row in found.operators)) == ({}, 0)
    rows = tensors(found)
    codes = rows["quantize_affine_1"]
    assert codes.dtype == "int8"
    assert codes.scale_low is not None
    assert codes.scale_high is not None
    assert 0 < codes.scale_low < codes.scale_high, "one for each row"
    assert codes.rail_rate is not None
    assert codes.rail_rate > 0
    assert codes.clip == 0, "the largest value of a row is rounded to its rail"
    assert codes.sqnr_db is not None
    assert 30 < codes.sqnr_db < 60
    assert rows["relu"].reference_sqnr_db is not None, "it has the float program's name"
    assert found.output_sqnr_db is not None
    assert 20 < found.output_sqnr_db < 60
    assert not {"_int_mm", "mul_3"} & set(rows), "sums without their scale say nothing"


def test_a_wrong_sum_is_found(program: Programs, images: dict[str, Any], tmp_path: Path) -> None:
    shown = opened(program("mlp-dynamic"), tmp_path).look(images)
    observed = shown.observe(images)
    observed["_int_mm_1"][3, 5] += 2
    builder = LedgerBuilder(shown.facts, 1)
    builder.add(observed, 8, 8)
    wrong = builder.ledger("all").operators[1]
    assert (wrong.errors1, wrong.worst_steps) == (1, 2)


def test_static_int8_multiplies_floats_eager_and_says_what_would_help(
    program: Programs, images: dict[str, Any], tmp_path: Path
) -> None:
    found = ledger(program("cnn-static"), images, tmp_path, program("cnn"))
    assert found.claims_integer
    assert found.int_coverage == 0
    assert [(row.compute, row.fix, row.op_type) for row in found.operators] == [
        (FLOAT, COMPILE, "conv2d")
    ] * 5
    second = found.operators[1]
    assert (second.activation_type, second.weight_type) == ("f32", "s8")
    assert second.macs == 64 * 64 * 32 * 9
    assert second.weight_bytes == 64 * 32 * 9
    rows = tensors(found)
    codes = rows["quantize_per_tensor_1"]
    assert (codes.dtype, codes.zero_point) == ("uint8", 0)
    assert codes.scale == pytest.approx(0.00804, abs=1e-4)
    assert codes.clip is not None
    assert codes.clip < 0.01
    assert rows["conv2d_1"].reference_sqnr_db is not None
    assert rows["conv2d_1"].reference_sqnr_db > 15


def test_stored_weights_are_told_from_quantized_products(
    program: Programs, images: dict[str, Any], tmp_path: Path
) -> None:
    found = ledger(program("mlp-weights"), images, tmp_path, program("mlp"))
    assert not found.claims_integer
    assert [(row.compute, row.weight_type) for row in found.operators] == [(WEIGHT_ONLY, "s8")] * 3
    assert [row.macs for row in found.operators] == [64 * 512, 512 * 512, 512 * 10]
    assert found.operators[1].weight_bytes == 512 * 512
    assert "mm_1" not in tensors(found)


def test_a_type_that_numpy_has_not_is_named(
    program: Programs, images: dict[str, Any], tmp_path: Path
) -> None:
    found = ledger(program("mlp-bf16"), images, tmp_path)
    second = found.operators[1]
    assert (second.activation_type, second.weight_type) == ("bf16", "bf16")
    assert (second.compute, second.weight_bytes) == (FLOAT, 2 * 512 * 512)
    assert tensors(found)["relu"].dtype == "bf16"


def test_all_products_of_a_transformer_are_counted(
    program: Programs, images: dict[str, Any], tmp_path: Path
) -> None:
    found = ledger(program("transformer"), images, tmp_path)
    kinds = [row.op_type for row in found.operators]
    assert {"linear", "matmul"} == set(kinds)
    scores = next(row for row in found.operators if row.op_type == "matmul")
    assert (scores.macs, scores.constant_weight) == (4 * 8 * 8 * 24, False)


def test_what_is_no_number_is_found_where_it_is_made(tmp_path: Path) -> None:
    path = made(lambda x: torch.nan_to_num(torch.log(x - 1)) + 1, tmp_path, torch.ones(2, 4))
    found = ledger(path, {"x": np.array([[0, 1, 2, 3]] * 2, np.float32)}, tmp_path)
    row = tensors(found)["log"]
    assert (row.nan, row.inf, row.elements) == (2, 2, 8)
    assert all(not one.nan for one in found.tensors if one.name != "log")


def test_what_is_changed_in_place_is_seen_as_it_was(tmp_path: Path) -> None:
    def function(x: Any) -> Any:
        first = x * 2
        return first.add_(1) * 3

    shown = opened(made(function, tmp_path, torch.ones(2, 4)), tmp_path).look(
        {"x": np.ones((2, 4), np.float32)}
    )
    seen = shown.observe({"x": np.ones((2, 4), np.float32)})
    assert [float(seen[name][0, 0]) for name in ("mul", "add_", "output")] == [2, 3, 9]


def test_rails_are_those_of_the_program_and_not_of_the_type(tmp_path: Path) -> None:
    """Seven bits of eight: with the type's own rails nothing would be clipped."""
    from torch.ao.quantization.fx import _decomposed  # noqa: F401

    ops = torch.ops.quantized_decomposed

    def function(x: Any) -> Any:
        codes = ops.quantize_per_tensor(x, 0.01, 0, 0, 127, torch.uint8)
        return ops.dequantize_per_tensor(codes, 0.01, 0, 0, 127, torch.uint8) + 1

    values = np.array([[0.5, 1.27, 2.0, 3.0]] * 2, np.float32)
    found = ledger(made(function, tmp_path, torch.ones(2, 4)), {"x": values}, tmp_path)
    row = tensors(found)["quantize_per_tensor"]
    assert (row.clip_hi, row.clip_lo) == (0.5, 0)
    assert row.rail_rate == 0.75
    assert row.range_util == pytest.approx((127 - 50) / 127)


def test_attention_counts_scores_and_sums(tmp_path: Path) -> None:
    def function(x: Any) -> Any:
        return torch.nn.functional.scaled_dot_product_attention(x, x[:, :, :3], x[:, :, :3])

    found = ledger(
        made(function, tmp_path, torch.ones(2, 4, 5, 6)),
        {"x": np.ones((2, 4, 5, 6), np.float32)},
        tmp_path,
    )
    (row,) = found.operators
    assert row.macs == 2 * (4 * 5 * 3 * 6)


class Recurrent(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = torch.nn.LSTM(6, 5, num_layers=2, bidirectional=True, batch_first=True)

    def forward(self, x: Any) -> Any:
        return self.inner(x)[0]


def test_each_layer_and_direction_of_a_recurrent_layer_is_counted(tmp_path: Path) -> None:
    path = programs.saved(
        programs.export(Recurrent(), torch.ones(2, 7, 6), free=False), tmp_path / "made.pt2"
    )
    found = ledger(path, {"x": np.ones((2, 7, 6), np.float32)}, tmp_path)
    first, second = 7 * (20 * 6 + 20 * 5), 7 * (20 * 10 + 20 * 5)
    assert [row.macs for row in found.operators] == [first, first, second, second]


def test_what_cannot_be_counted_or_repeated_is_said(tmp_path: Path) -> None:
    path = made(lambda x: torch.einsum("ab,cb->ac", x, x), tmp_path, torch.ones(2, 4))
    with pytest.raises(Uninstrumentable, match="multiplies by einsum"):
        ledger(path, {"x": np.ones((2, 4), np.float32)}, tmp_path)
    path = made(lambda x: x + torch.rand(2, 4), tmp_path, torch.ones(2, 4))
    with pytest.raises(Uninstrumentable, match="an output differs from production's"):
        ledger(path, {"x": np.ones((2, 4), np.float32)}, tmp_path)


def test_names_pair_only_where_both_have_as_many_of_an_operator() -> None:
    def graph(function: Any) -> Any:
        return programs.export(programs.Function(function), torch.ones(2, 4), free=False).graph

    float_one = graph(lambda x: torch.tanh(torch.relu(x) + 1) + 2)
    ours = graph(lambda x: torch.tanh(torch.relu(x + 3) + 1) + 2)
    assert {node.name for node in graphs.pairs(ours, float_one)} == {"relu", "tanh"}
