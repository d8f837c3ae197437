"""An engine that was kept is used for the very launch that it was built for, and for no other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from bitgauge.agents.runtimes._tensorrt.engines import (
    OF_CARD,
    EngineKey,
    KeptEngine,
    key_of,
    packed,
    unpacked,
)
from bitgauge.agents.runtimes._tensorrt.shapes import SizeRange, ranges
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code
from bitgauge.benchmarks.vocabulary.values.devices import StackItem
from hypothesis import given
from hypothesis import strategies as st

STACK = tuple(StackItem(name, f"{name} of this card") for name in OF_CARD)
KEY = EngineKey("a" * 64, "TensorRT 11.4", tuple((one.name, one.value) for one in STACK), ())


def test_whatever_decides_which_engine_is_built_is_in_its_key(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"a model")
    key = key_of(path, "TensorRT 11.4", STACK, {"batch": "4"})
    digests = {key.digest}
    for at, one in enumerate(STACK):
        other = (*STACK[:at], StackItem(one.name, "another"), *STACK[at + 1 :])
        digests.add(key_of(path, "TensorRT 11.4", other, {"batch": "4"}).digest)
    digests.add(key_of(path, "TensorRT 11.5", STACK, {"batch": "4"}).digest)
    digests.add(key_of(path, "TensorRT 11.4", STACK, {"batch": "8"}).digest)
    digests.add(replace(key, timings="b" * 64).digest)
    path.write_bytes(b"another model")
    digests.add(key_of(path, "TensorRT 11.4", STACK, {"batch": "4"}).digest)
    assert len(digests) == 1 + len(STACK) + 4


def test_what_changes_no_engine_is_not() -> None:
    """A host's kernel, a serial: an engine outlives them."""
    path = Path(__file__)
    more = (*STACK, StackItem("kernel_release", "6.8"), StackItem("host.governor", "powersave"))
    assert key_of(path, "T", STACK, {}).digest == key_of(path, "T", more, {}).digest


@given(st.binary(min_size=1, max_size=200), st.binary(max_size=50), st.text(max_size=20))
def test_it_comes_back_as_it_was(engine: bytes, timings: bytes, twin: str) -> None:
    made = KeptEngine(KEY.digest, engine, timings, 1.5, twin)
    assert unpacked(packed(made), KEY) == made


@given(st.data())
def test_one_of_another_key_or_cut_short_is_none(data: st.DataObject) -> None:
    whole = packed(KeptEngine(KEY.digest, b"an engine", b"times"))
    assert unpacked(whole, replace(KEY, library="TensorRT 11.5")) is None
    assert unpacked(whole[: data.draw(st.integers(0, len(whole) - 1))], KEY) is None
    assert unpacked(whole + b"more", KEY) is None


@given(st.binary(max_size=300))
def test_no_bytes_make_it_fail(junk: bytes) -> None:
    assert unpacked(junk, KEY) is None
    assert unpacked(b"bitgauge.engine/1\n" + junk, KEY) is None


def test_the_profile_is_of_the_workloads_batch() -> None:
    found = ranges({"pixels": (-1, 1, 8, 8), "fixed": (1, 3), "one": ()}, 16)
    assert found == {"pixels": SizeRange((1, 1, 8, 8), (16, 1, 8, 8), (16, 1, 8, 8))}


def test_a_size_that_no_workload_tells_is_refused_by_name() -> None:
    with pytest.raises(BitgaugeError, match="Axis 2 of input 'image' has no size") as caught:
        ranges({"image": (-1, 3, -1, 224)}, 4)
    assert caught.value.code is Code.UNSUPPORTED_ARTIFACT
