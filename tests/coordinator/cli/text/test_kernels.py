from __future__ import annotations

from dataclasses import replace

import pytest
from bitgauge.agents.runtimes import ort
from bitgauge.benchmarks.vocabulary.kernel_modes import MEANING
from bitgauge.benchmarks.vocabulary.values.devices import DeviceView, RuntimeDescription, StackItem
from bitgauge.coordinator.cli.text import devices
from bitgauge.coordinator.cli.text.kernels import kernel_line, kernels_text
from bitgauge.coordinator.cli.text.layout import WIDTH

from .test_text import DEVICE

AVX2 = {
    "MatMulInteger.u8s8.const": "sat16",
    "MatMulInteger.u8s8.dynamic": "sat16",
    "MatMulInteger.u8u8.const": "exact",
    "MatMulInteger.u8u8.dynamic": "exact",
    "QLinearMatMul.u8s8.const": "sat16",
    "QLinearMatMul.u8s8.dynamic": "exact",
    "QLinearMatMul.u8u8.const": "exact",
    "ConvInteger.u8u8.const": "exact",
    "ConvInteger.u8s8.const": "unsupported",
    "MatMul.fp16.sum": "fp32acc",
}


def runtime(modes: dict[str, str]) -> RuntimeDescription:
    items = tuple(StackItem(name, mode) for name, mode in modes.items())
    return RuntimeDescription(
        "onnxruntime",
        "1.31.1",
        kernel_modes=items,
        options=ort.TRAITS.options,
        exact_options=ort.TRAITS.exact_options,
    )


def view(*runtimes: RuntimeDescription) -> DeviceView:
    return replace(DEVICE, description=replace(DEVICE.description, runtimes=runtimes))


def test_the_list_says_in_a_line_what_is_not_exact() -> None:
    printed = devices.devices_text([view(runtime(AVX2))])
    joined = " ".join(printed.split())
    assert (
        "kernels of onnxruntime: 3 of 9 saturate (sat16: u8s8 MatMulInteger, QLinearMatMul);"
        " 1 unsupported, 5 exact" in joined
    )
    assert max(map(len, printed.splitlines())) <= WIDTH


def test_what_was_not_probed_is_never_called_exact() -> None:
    unknown = replace(runtime({}), options=())  # an option may promise it; nothing was seen
    for printed in (kernel_line(unknown), kernels_text(view(unknown))):
        assert "not probed" in printed
        assert "exact" not in printed


def test_all_exact_is_short() -> None:
    clean = dict.fromkeys(AVX2, "exact")
    line = "kernels of onnxruntime: none of 9 was seen to saturate; 9 exact"
    assert kernel_line(runtime(clean)) == line
    assert "What keeps" not in kernels_text(view(runtime(clean)))


def test_kernels_that_wrap_around_are_told_apart_and_what_helps() -> None:
    found = {**dict.fromkeys(AVX2, "exact"), "MatMulInteger.u8s8.const": "wrap16"}
    assert "none of 9 was seen to saturate; 1 wrap16, 8 exact" in kernel_line(runtime(found))
    printed = " ".join(kernels_text(view(runtime(found))).split())
    assert "wrap16: two products are added in 16 bits and wrap around" in printed
    assert "exact here: weights from -127 to 127, without -128" in printed


def test_one_device_shows_every_operator_and_type() -> None:
    lines = devices.devices_text([view(runtime(AVX2))], whole=True).splitlines()
    cells = [line.split() for line in lines]
    assert ["operator", "u8s8", "u8u8"] in cells
    assert ["MatMulInteger", "sat16", "exact"] in cells  # both options are alike
    assert ["QLinearMatMul", "const", "sat16", "exact"] in cells
    assert ["QLinearMatMul", "dynamic", "exact", "-"] in cells
    assert ["ConvInteger", "unsupported", "exact"] in cells
    assert ["operator", "fp16"] in cells
    assert ["MatMul", "fp32acc"] in cells
    assert max(map(len, lines)) <= WIDTH


def test_one_device_shows_what_its_fingerprints_are_made_of() -> None:
    stack = (StackItem("driver", "amdgpu 6.8"), StackItem("cores", "4-7 Cortex-A76"))
    own = replace(runtime(AVX2), fingerprint="f" * 64, versions=(StackItem("numpy", "2.4"),))
    shown = view(own)
    described = replace(shown.description, stack=stack)
    text = " ".join(
        devices.devices_text([replace(shown, description=described)], whole=True).split()
    )
    assert "driver: amdgpu 6.8 cores: 4-7 Cortex-A76 and ffffffffffff of" in text
    assert "runtime.numpy 2.4" in text
    assert f"{len(AVX2)} modes of its kernels, as below" in text


def test_the_legend_explains_exactly_the_modes_that_are_there() -> None:
    printed = kernels_text(view(runtime(AVX2)))
    for mode, words in MEANING.items():
        assert (f"{mode}: {words}" in printed) == (mode in AVX2.values())


@pytest.mark.parametrize(("u8u8", "named"), [("exact", True), ("sat16", False)])
def test_u8u8_is_advised_only_where_it_was_found_exact(u8u8: str, named: bool) -> None:
    modes = {"QLinearMatMul.u8s8.const": "sat16", "QLinearMatMul.u8u8.const": u8u8}
    advice = [line for line in kernels_text(view(runtime(modes))).splitlines() if "7 bits" in line]
    assert len(advice) == 1
    assert ("or u8u8" in advice[0]) is named


def test_half_precision_sums_are_told_in_the_list() -> None:
    line = kernel_line(runtime({"MatMul.f16.sum": "fp16acc", "QGemm.u8s8.const": "exact"}))
    assert line.endswith("none of 1 was seen to saturate; 1 exact; fp16acc in f16 MatMul")


def test_many_operators_are_counted() -> None:
    modes = {f"Op{number}.u8s8.const": "sat16" for number in range(7)}
    assert kernel_line(runtime(modes)).endswith("(sat16: u8s8 Op0, Op1, Op2, Op3 and 3 more)")


def test_a_mode_of_a_newer_agent_and_a_short_name_are_shown_as_they_are() -> None:
    printed = kernels_text(view(runtime({"Strange": "sat12", "Odd.u8s8": "exact"})))
    assert "sat12: a mode that this version does not know" in printed
    assert ["Strange", "sat12"] in [line.split() for line in printed.splitlines()]
    assert ["Odd", "exact"] in [line.split() for line in printed.splitlines()]


def test_every_runtime_of_a_device_has_its_own_map() -> None:
    other = replace(runtime({"FullyConnected.s8s8.const": "exact"}), name="litert")
    printed = kernels_text(view(runtime(AVX2), other))
    assert "kernels of onnxruntime 1.31.1" in printed
    assert "kernels of litert 1.31.1" in printed


def test_exact_mode_is_advised_where_it_was_probed() -> None:
    """What was asked twice is one kernel, not two."""
    again = {"QLinearMatMul.u8s8.const+x64quantprecision": "exact"}
    printed = kernels_text(view(runtime(AVX2 | again)))
    assert "or exact mode (session.x64quantprecision=1)." in printed
    assert ["QLinearMatMul", "dynamic,", "const+x64quantprecision", "exact", "-"] in [
        line.split() for line in printed.splitlines()
    ]
    assert kernel_line(runtime(AVX2 | again)) == kernel_line(runtime(AVX2))
    assert "or exact mode" not in kernels_text(view(runtime(AVX2)))
    without = replace(runtime(AVX2 | again), exact_options=())
    assert "or exact mode" not in kernels_text(view(without)), "that runtime has none"


def test_options_are_listed_with_their_words() -> None:
    lines = kernels_text(view(runtime(AVX2))).splitlines()
    at = lines.index("options of onnxruntime that may be measured (--session-option):")
    assert lines[at + 1] == "  session.x64quantprecision=1: exact, about 1.2 times slower"
    assert "--session-option" not in kernels_text(view(replace(runtime(AVX2), options=())))


def test_one_device_shows_the_most_that_was_observed() -> None:
    seen = {
        "fp32_flops_per_s.1": "2.5e+11",
        "fp32_flops_per_s.2": "4.6e+11",
        "int8_flops_per_s.1": "9e+11",
        "memory_bytes_per_s.1": "4.4e+10",
        "cache_bytes": "3.56516e+07",
    }
    anchors = tuple(StackItem(name, text) for name, text in seen.items())
    lines = kernels_text(view(replace(runtime(AVX2), anchors=anchors))).splitlines()
    at = next(at for at, line in enumerate(lines) if "most that was observed" in line)
    assert [line.split() for line in lines[at + 1 :]] == [
        ["fp32", "250", "GFLOP/s", "1", "thread"],
        ["fp32", "460", "GFLOP/s", "2", "threads"],
        ["int8", "900", "GOP/s", "1", "thread"],
        ["memory", "44.0", "GB/s", "1", "thread"],
        ["caches", "34.0", "MiB", "beyond", "the", "first", "level"],
    ]
    assert max(map(len, lines)) <= WIDTH
    assert "most" not in kernels_text(view(runtime(AVX2)))
