"""The probe of ONNX Runtime's kernels against what else speaks of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from bitgauge.agents.runtimes import ort
from bitgauge.benchmarks.vocabulary.kernel_modes import INEXACT, UNKNOWN, UNSUPPORTED

from tests.labs.integer import cases


@pytest.fixture(scope="module")
def probed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("probe"))
        return ort.probe_kernels()


def test_every_operator_that_the_ledger_recomputes_is_in_the_map(probed: dict[str, str]) -> None:
    """By the same name; a run would else have the kernel mode `unknown`."""
    options = {True: "const", False: "dynamic"}
    named = {
        f"{case.op_type}.{case.activation}{case.weight}.{options[case.constant]}"
        for case in cases()
    }
    assert len(named) > 20
    assert named <= probed.keys()
    assert not {UNSUPPORTED, UNKNOWN, INEXACT} & {probed[name] for name in named}


def test_nothing_is_left_behind_and_nothing_is_unknown(
    probed: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert ort.probe_kernels() == probed
    assert list(tmp_path.iterdir()) == []
    assert not {UNKNOWN, INEXACT} & set(probed.values())


def test_fp8_and_half_precision_say_what_they_do_with_too_large_numbers(
    probed: dict[str, str],
) -> None:
    assert probed["Cast.f32f16.plain"] in ("fp16_inf", "fp16_sat")
    for name in ("f8e4m3", "f8e5m2"):
        assert probed[f"Cast.f32{name}.saturate"] == "fp8_sat"
    # The type has no infinity, so that a plain cast can only make NaN.
    assert probed["Cast.f32f8e4m3.plain"] == "fp8_nan"
