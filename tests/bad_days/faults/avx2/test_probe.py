"""The saturation probe of ONNX Runtime, asked on a processor whose kernels do saturate."""

from __future__ import annotations

import json

import pytest
from bitgauge.agents.runtimes import ort

from . import haswell

CODE = (
    "import json; from bitgauge.agents.runtimes import ort; print(json.dumps(ort.probe_kernels()))"
)
PAIRING = {
    *("MatMulInteger", "MatMulIntegerToFloat", "DynamicQuantizeMatMul", "QLinearMatMul"),
    *("QGemm", "QLinearConv"),
}


@pytest.fixture(scope="module")
def probed() -> dict[str, str]:
    found: dict[str, str] = json.loads(haswell.run(CODE))
    return found


def test_u8s8_saturates_in_every_kernel_that_adds_pairs(probed: dict[str, str]) -> None:
    names = {f"{name}.u8s8.{option}" for name in PAIRING for option in ("const", "dynamic")}
    assert {probed[name] for name in names} == {"sat16"}


def test_so_does_the_default_recipe_that_the_runtime_rewrites(probed: dict[str, str]) -> None:
    for operator in ("QDQMatMul", "QDQConv"):
        assert probed[f"{operator}.s8s8.const"] == "sat16"
        assert probed[f"{operator}.u8s8.const"] == "sat16"
        assert probed[f"{operator}.u8u8.const"] == "exact"


def test_what_is_exact_there_is_not_accused(probed: dict[str, str]) -> None:
    u8u8 = {mode for name, mode in probed.items() if ".u8u8." in name}
    assert u8u8 == {"exact"}
    for name in ("ConvInteger.u8s8", "DepthwiseConv.u8s8", "MatMulInteger.s8s8", "QGemm.s8s8"):
        assert probed[f"{name}.const"] == "exact", name


def test_nothing_is_unknown_and_nothing_is_missing(probed: dict[str, str]) -> None:
    assert not {"unknown", "inexact"} & set(probed.values())
    plain = {name for name in probed if "+" not in name}
    assert plain == {name for name in ort.probe_kernels() if "+" not in name}


def test_exact_mode_is_probed_where_weights_are_constant_and_saturate(
    probed: dict[str, str],
) -> None:
    mark = "+x64quantprecision"
    saturating = {
        name for name, mode in probed.items() if mode == "sat16" and name.endswith(".const")
    }
    precise = {name: mode for name, mode in probed.items() if name.endswith(mark)}
    assert {name.removesuffix(mark) for name in precise} == saturating
    # The option rewrites weights that are signed; here they are not, and the activations are.
    assert {name for name, mode in precise.items() if mode != "exact"} == {
        f"ConvInteger.s8u8.const{mark}"
    }


def test_an_older_processor_without_avx2_is_exact() -> None:
    """Neither has VNNI, so no flag that documents name tells the two apart; asking does."""
    found: dict[str, str] = json.loads(haswell.run(CODE, "SandyBridge"))
    products = {mode for name, mode in found.items() if ".u8s8." in name or ".s8s8." in name}
    assert products <= {"exact", "unsupported"}
    assert found["QLinearMatMul.u8s8.const"] == "exact"
