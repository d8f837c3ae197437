"""What products do with large sums: found on this processor, and told apart on made-up kernels."""

from __future__ import annotations

import pytest
import torch
from bitgauge.agents.runtimes.torch import accumulators, anchors
from bitgauge.agents.runtimes.torch.accumulators import SUMS, mode_of
from bitgauge.benchmarks.vocabulary.kernel_modes import MEANING


def test_each_type_is_asked_and_answers_in_known_modes() -> None:
    found = accumulators.modes("cpu")
    assert set(found.values()) <= set(MEANING)
    types = {name.split(".")[1] for name in found}
    assert types == {"f32", "f16", "bf16", "f8e4m3f8e4m3", "s8s8"}
    assert found["mm.f32.dynamic"] == "fp32acc"
    assert found["int_mm.s8s8.dynamic"] == "exact"
    assert found["mm_out.f16.dynamic"] == "fp16_inf"


def narrow(bits: int) -> accumulators.Product:
    """Sums 32 products at a time exactly, as a tensor core does, into so many bits of fraction."""

    def rounded(value: torch.Tensor) -> torch.Tensor:
        mantissa, exponent = torch.frexp(value.double())
        return torch.ldexp(torch.trunc(mantissa * 2**bits) / 2**bits, exponent)

    def product(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        total = torch.zeros(a.shape[0], b.shape[1], dtype=torch.float64)
        for at in range(0, a.shape[1], 32):
            part = a[:, at : at + 32].double() @ b[at : at + 32].double()
            total = rounded(total + part)
        return total

    return product


@pytest.mark.parametrize(
    ("dtype", "bits", "mode"),
    [
        (torch.float16, 24, "fp32acc"),
        (torch.float16, 11, "narrow_acc"),
        (torch.bfloat16, 24, "fp32acc"),
        (torch.bfloat16, 8, "narrow_acc"),
        (torch.float8_e4m3fn, 24, "fp32acc"),
        (torch.float8_e4m3fn, 14, "narrow_acc"),  # as a tensor core of Hopper sums FP8
    ],
)
def test_narrow_sums_are_told_from_wide_ones_though_parts_of_them_are_exact(
    dtype: torch.dtype, bits: int, mode: str
) -> None:
    assert accumulators._of_sum(dtype, "narrow_acc", narrow(bits), "cpu") == mode


def test_sums_that_overflow_on_their_way_are_narrow() -> None:
    """Split sums whose parts are kept in half precision: small products stay, large ones do not."""

    def split(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        half = a.shape[1] // 2
        parts = [
            (a[:, at : at + half].float() @ b[at : at + half].float()).half() for at in (0, half)
        ]
        return parts[0] + parts[1]

    assert accumulators._of_sum(torch.float16, "fp16acc", split, "cpu") == "fp16acc"


def test_what_is_neither_is_called_so() -> None:
    of = SUMS[torch.float16]
    assert mode_of(of.exact, of, "fp16acc") == "fp32acc"
    assert mode_of(of.lost, of, "fp16acc") == "fp16acc"
    for wrong in (0.0, of.exact * 2, float("nan"), float("inf")):
        assert mode_of(wrong, of, "fp16acc") == "inexact"


def test_factors_that_are_rounded_to_tf32_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def rounded(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        if torch.backends.cuda.matmul.allow_tf32:
            a, b = ((one.view(torch.int32) & ~0x1FFF).view(torch.float32) for one in (a, b.clone()))
        return a @ b

    monkeypatch.setattr(torch, "mm", rounded)
    found = accumulators.modes("cpu")
    assert (found["mm.f32.dynamic"], found["mm_tf32.f32.dynamic"]) == ("fp32acc", "tf32")


def test_a_card_has_anchors_of_its_own() -> None:
    found = anchors.of_card("cpu", side=64, size=1 << 16)
    assert {"fp32_flops_per_s.1", "memory_bytes_per_s.1"} <= set(found)
    assert all(value > 0 for value in found.values())
