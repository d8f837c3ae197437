"""The probe of the dot products: exact here, and a kernel that saturates would be seen."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest
from bitgauge.agents.runtimes.llamacpp import kernels, probe_kernels
from bitgauge.agents.runtimes.llamacpp.library import loaded_library
from bitgauge.benchmarks.numerics.kernel_cases import pair16
from bitgauge.benchmarks.vocabulary.kernel_modes import EXACT, INEXACT, SAT16


def test_the_dot_products_are_exact_here() -> None:
    """On every processor that was tried; another answer is a finding and no defect of the test."""
    assert probe_kernels() == {"MUL_MAT.q8_0q8_0.const": EXACT, "MUL_MAT.q8_0q4_0.const": EXACT}


def test_codes_are_packed_as_ggml_reads_them() -> None:
    """A wrong order of codes would not show in rows of one value."""
    probe_kernels()
    rng = np.random.default_rng(5)
    a = rng.integers(-127, 128, (3, 64))
    a[:, ::32] = 127
    for number, pack, low, high in kernels._TYPES.values():
        weights = rng.integers(low, high + 1, (16, 64))
        got = kernels.product(loaded_library(), number, pack(weights), a)
        assert np.array_equal(got, a @ weights.T)


@pytest.mark.parametrize(("wrong", "mode"), [("saturates", SAT16), ("rounds", INEXACT)])
def test_another_arithmetic_is_seen(wrong: str, mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def product(_: ctypes.CDLL, number: int, packed: bytes, a: np.ndarray) -> np.ndarray:
        codes = np.frombuffer(packed, np.int8).reshape(16, -1, 34)[:, :, 2:].reshape(16, -1)
        weights = codes.astype(np.int64).T
        if wrong == "saturates":
            found = pair16(a + 128, weights) - 128 * weights.sum(axis=0)
        else:
            found = np.round((a @ weights) / 1000.0) * 1000
        return np.asarray(found, np.float64)

    monkeypatch.setattr(kernels, "product", product)
    assert kernels._mode(loaded_library(), "q8_0") == mode
