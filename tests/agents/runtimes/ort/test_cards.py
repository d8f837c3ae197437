"""Providers for cards of NVIDIA without the package that brings them: what is asked of it, by name.

What the package itself does is in `tests/further/cuda`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import onnx
import pytest
from bitgauge.agents import registry
from bitgauge.agents.runtimes import ort
from bitgauge.agents.runtimes.base import SessionOptions
from bitgauge.agents.runtimes.ort import providers
from bitgauge.agents.runtimes.ort.providers import cards, cuda, tensorrt
from bitgauge.agents.runtimes.ort.providers.work import PlacedWork, work_of
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code
from bitgauge.benchmarks.vocabulary.session_options import of_reference
from bitgauge.benchmarks.vocabulary.values.devices import StackItem
from bitgauge.benchmarks.zoo import models
from onnx import TensorProto, helper

NAMES = json.loads((Path(__file__).parent / "constructed/provider_options.json").read_text())
STACK = {"gpu.compute_capability": "9.0"}
CARD = {"CUDA_VISIBLE_DEVICES": "GPU-1"}


def items(given: dict[str, str]) -> tuple[StackItem, ...]:
    return tuple(StackItem(*one) for one in sorted(given.items()))


def asked(stack: bool = True, **further: str) -> SessionOptions:
    named = {name.replace("__", "."): value for name, value in further.items()}
    return SessionOptions(further=items(named), device=items(STACK) if stack else ())


def named(options: SessionOptions, environment: dict[str, str]) -> str | None:
    found = providers.chosen(options, environment)
    return None if found is None else found.NAME


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(providers, "_version", lambda _: "1.31.1")
    monkeypatch.setattr(tensorrt, "find_spec", lambda _: object())


@pytest.mark.usefixtures("installed")
def test_a_card_has_cuda_unless_tensorrt_is_asked_for() -> None:
    offered = providers.offer(STACK)
    assert offered.providers == ("cuda", "tensorrt")
    assert {one.name: one.values for one in offered.options}["provider"] == ("tensorrt",)
    assert len(offered.options) == len({one.name for one in offered.options})
    assert offered.versions == (StackItem("onnxruntime-gpu", "1.31.1"),)
    assert named(asked(), {}) == "cuda"
    assert named(asked(provider="tensorrt"), {}) == "tensorrt"
    assert registry.described(ort, items(STACK)).providers[1:] == ("cuda", "tensorrt")


@pytest.mark.usefixtures("installed")
def test_the_reference_of_a_card_is_on_it_and_that_of_a_processor_is_not() -> None:
    """It is loaded without a stack and without what places the candidate."""
    reference = SessionOptions(further=of_reference(asked(provider="tensorrt").further))
    assert named(reference, CARD) == "cuda"
    assert providers.chosen(reference, {"CUDA_VISIBLE_DEVICES": ""}) is None
    assert providers.chosen(reference, {}) is None


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("further", "words"),
    [
        ({"provider": "cuda"}, "no option provider=cuda on this device; it has provider=tensorrt"),
        ({"provider.fallback": "1"}, "no option provider.fallback=1"),
        ({"provider.use_tf32": "1"}, "no option provider.use_tf32=1"),
    ],
)
def test_an_unknown_option_is_refused_by_name(further: dict[str, str], words: str) -> None:
    with pytest.raises(BitgaugeError) as caught:
        providers.chosen(SessionOptions(further=items(further), device=items(STACK)), {})
    assert caught.value.code is Code.UNSUPPORTED_ARTIFACT
    assert words in caught.value.sentence


def test_what_is_not_there_says_what_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(providers, "_version", lambda _: None)
    offered = providers.offer(STACK)
    assert offered.providers == ()
    assert "for the processor alone" in offered.missing[0]
    assert "bitgauge[onnxruntime-gpu]" in offered.missing[0]
    assert providers.chosen(asked(), CARD) is None
    monkeypatch.setattr(providers, "_version", lambda _: "1.31.1")
    monkeypatch.setattr(tensorrt, "find_spec", lambda _: None)
    monkeypatch.setattr("ctypes.util.find_library", lambda _: None)
    (missing,) = providers.offer(STACK).missing
    assert missing.startswith("TensorRT is not there")
    assert "libnvinfer.so.10" in missing


@pytest.mark.parametrize("further", [{}, {"tf32": "1"}, {"execution": "cudagraph"}])
def test_every_option_that_is_set_is_one_of_the_published_package(
    further: dict[str, str], tmp_path: Path
) -> None:
    told = cuda.settings_of(further)
    assert {*told, "user_compute_stream", "has_user_compute_stream"} <= {*NAMES["cuda"]}
    assert told["use_tf32"] == further.get("tf32", "0")
    assert told["enable_cuda_graph"] == str(int("execution" in further))
    for codes, halves in ((True, False), (False, True)):
        set_ = tensorrt.settings_of(further, codes=codes, halves=halves)
        assert {*set_, *tensorrt.kept(tmp_path), "user_compute_stream"} <= {*NAMES["tensorrt"]}
        assert (set_["trt_int8_enable"], set_["trt_fp16_enable"]) == (str(codes), str(halves))
        assert set_["trt_bf16_enable"] == set_["trt_int8_use_native_calibration_table"] == "False"
        assert set_["trt_engine_cache_enable"] == set_["trt_timing_cache_enable"] == "False"


def model(kinds: dict[str, int], operator: str = "MatMul") -> Any:
    stored = [helper.make_tensor(name, kind, [2, 2], [0] * 4) for name, kind in kinds.items()]
    nodes = [helper.make_node(operator, ["x", name], [f"y{name}"], name=name) for name in kinds]
    given = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 2])]
    made = [helper.make_tensor_value_info(f"y{one}", TensorProto.FLOAT, None) for one in kinds]
    return helper.make_model(helper.make_graph(nodes, "g", given, made, stored))


@pytest.mark.parametrize(
    ("kinds", "words"),
    [
        ({"a": TensorProto.FLOAT16, "b": TensorProto.FLOAT}, "float32 (as 'b')"),
        ({"a": TensorProto.BFLOAT16}, "bfloat16 only where"),
        ({"a": TensorProto.FLOAT16}, ""),
        ({"a": TensorProto.INT8, "b": TensorProto.FLOAT}, ""),
    ],
)
def test_tensorrt_is_given_no_choice_of_types(kinds: dict[str, int], words: str) -> None:
    if not words:
        tensorrt.require_fitting(model(kinds), {}, STACK)
        return
    with pytest.raises(BitgaugeError) as caught:
        tensorrt.require_fitting(model(kinds), {}, STACK)
    assert words in caught.value.sentence


def test_work_that_went_elsewhere_is_told_by_multiplications() -> None:
    both = model({"a": TensorProto.FLOAT, "b": TensorProto.FLOAT})
    assert work_of(both, 3, ()) == PlacedWork(total=24, elsewhere=0, unknown=0)
    assert work_of(both, 3, {"b"}).words("cuda") == "50 % of 24 multiplications on cuda"
    free = helper.make_graph(both.graph.node, "g", both.graph.input, [], both.graph.initializer)
    del free.input[0].type.tensor_type.shape.dim[:]
    assert work_of(helper.make_model(free), 1, ()).words("cuda").startswith("multiplications not")
    (cnn,) = (one for one in models() if one.name == "digits-cnn")
    whole = work_of(onnx.load(str(cnn.path)), 1, ())
    assert whole.total > 1_000_000
    assert whole.unknown == 0


def test_libraries_are_told_by_the_files_that_are_loaded(tmp_path: Path) -> None:
    maps = tmp_path / "maps"
    maps.write_text(
        "7f-80 r-xp 0 fe:00 1   /usr/lib/libcublas.so.13.1.0.3\n"
        "80-81 r-xp 0 fe:00 1   /usr/lib/libcublas.so.13.1.0.3\n"
        "81-82 r-xp 0 fe:00 2   /usr/lib/libc.so.6\n"
        "82-83 r-xp 0 00:00 0   [stack]\n"
    )
    assert cards.libraries(maps) == ("libcublas.so.13.1.0.3",)
    assert cards.libraries(tmp_path / "none") == ()


@pytest.mark.parametrize(
    ("raised", "code"),
    [
        ("bfc_arena.cc:360 void* BFCArena::AllocateRawInternal() Failed to allocate memory for"
         " requested buffer of size 9", Code.OUT_OF_DEVICE_MEMORY),
        ("CUDA failure 35: CUDA driver version is insufficient", Code.DRIVER_TOO_OLD),
        ("CUDNN failure: cannot open shared object", None),
    ],
)  # fmt: skip
def test_what_cuda_says_has_its_code(raised: str, code: Code | None) -> None:
    found = cards.error_of(RuntimeError(raised))
    assert (found.code if found else None) is code


def test_only_entries_of_a_session_are_given_to_the_library() -> None:
    entries = ort.session_options(asked(tf32="1", inputs="resident"))
    for name in ("tf32", "inputs"):
        with pytest.raises(RuntimeError):
            entries.get_session_config_entry(name)
