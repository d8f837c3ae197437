"""LiteRT as a runtime: what goes in, what comes out, and what it says of what it cannot do."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from bitgauge.agents.runtimes import litert
from bitgauge.agents.runtimes.base import RuntimeMissing, SessionOptions
from bitgauge.agents.runtimes.litert import opening, tiny
from bitgauge.agents.runtimes.litert.session import LiteRtSession
from bitgauge.benchmarks import zoo
from bitgauge.benchmarks.numerics.kernel_cases import pair16
from bitgauge.benchmarks.quality.sets import InputSpec, read_evaluation_set
from bitgauge.benchmarks.vocabulary.errors import BadInput, BitgaugeError, Code
from bitgauge.benchmarks.vocabulary.kernel_modes import EXACT, MEANING, SAT16
from bitgauge.benchmarks.vocabulary.values.devices import StackItem

pytest.importorskip("ai_edge_litert", reason="NOT RUN: pip install 'bitgauge[litert]'")

from bitgauge.agents.runtimes.litert import kernels

from tests.labs.graphs import lite

ROWS = np.array([[0.5, -1.0, 2.0, 0.0], [1.5, 3.0, -2.5, 0.25]], np.float32)


def session(folder: Path, model: lite.Lite | bytes, *further: StackItem) -> LiteRtSession:
    path = folder / "model.tflite"
    path.write_bytes(model if isinstance(model, bytes) else model.encoded())
    return litert.load(path, SessionOptions(further=further))


def test_the_tiny_files_are_what_the_schema_makes() -> None:
    assert lite.empty().encoded() == tiny.EMPTY
    assert lite.sentinel().encoded() == tiny.SENTINEL


def test_the_same_weights_answer_as_onnx_does(tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    pixels = read_evaluation_set(zoo.evaluation_path().read_bytes()).inputs["pixels"][:16]
    found = session(tmp_path, lite.mlp(16)).run({"pixels": pixels})[0]
    model = next(one for one in zoo.models() if one.name == "digits-mlp")
    there = onnxruntime.InferenceSession(model.path, providers=["CPUExecutionProvider"])
    np.testing.assert_allclose(found, there.run(None, {"pixels": pixels})[0], atol=1e-4)


def test_a_free_batch_takes_any_and_none(tmp_path: Path) -> None:
    made = session(tmp_path, lite.doubled())
    assert made.input_specs == (InputSpec("x", "float32", (None, 4)),)
    for rows in (ROWS, ROWS[:1], ROWS[:0], np.repeat(ROWS, 3, axis=0)):
        assert np.array_equal(made.run({"x": rows})[0], rows * 2)
        made.bind({"x": rows})()


def test_codes_are_numbers_outside_of_it(tmp_path: Path) -> None:
    """The row says so; what is beyond the codes stays at their ends, as LiteRT quantizes."""
    made = session(tmp_path, lite.doubled(2, scale=0.5))
    assert made.input_specs == (InputSpec("x", "float32", (2, 4)),)
    assert made.options_set()["converted outside the clock"] == "x int8, y int8"
    assert np.array_equal(made.run({"x": ROWS})[0], np.array([[1, -2, 4, 0], [3, 6, -5, 0]]))
    wide = made.run({"x": ROWS * 1000})[0]
    assert (wide.min(), wide.max()) == ((-128 - 3) * 0.5, (127 - 3) * 0.5)
    asked = made.bind({"x": ROWS})
    asked()


def test_what_is_no_number_stays_none(tmp_path: Path) -> None:
    odd = np.array([[np.nan, np.inf, -np.inf, 1.0]], np.float32)
    found = session(tmp_path, lite.doubled()).run({"x": odd})[0]
    assert np.array_equal(found, odd * 2, equal_nan=True)


def test_no_code_is_made_of_what_is_no_number(tmp_path: Path) -> None:
    """A cast would make some code of it; infinite values are clipped as any other."""
    made = session(tmp_path, lite.doubled(1, scale=0.5))
    for asked in (made.run, made.bind):
        with pytest.raises(BadInput, match="holds NaN, which no int8 code") as caught:
            asked({"x": np.array([[np.nan, 0, 0, 0]], np.float32)})
        assert caught.value.code is Code.BAD_EVALUATION_SET
    found = made.run({"x": np.array([[np.inf, -np.inf, 0, 0]], np.float32)})[0]
    assert found[0].tolist() == [(127 - 3) * 0.5, (-128 - 3) * 0.5, 0, 0]


def test_a_border_of_half_precision_is_taken_and_returned_as_it_is(tmp_path: Path) -> None:
    made = session(tmp_path, lite.halves(2))
    assert made.input_specs == (InputSpec("x", "float16", (2, 4)),)
    assert "converted outside the clock" not in made.options_set()
    (found,) = made.run({"x": ROWS.astype(np.float16)})
    assert found.dtype == np.float16
    assert np.array_equal(found, (ROWS * 2).astype(np.float16))
    with pytest.raises(BitgaugeError, match="LiteRT says") as caught:
        made.run({"x": ROWS})
    assert caught.value.code is Code.RUN_FAILED


@pytest.mark.parametrize("kernels", [None, "builtin", "reference"])
def test_each_kind_of_kernels_says_which_it_is(tmp_path: Path, kernels: str | None) -> None:
    made = session(tmp_path, lite.mlp(), *([StackItem("kernels", kernels)] if kernels else []))
    told = made.options_set()
    assert told["kernels"] == (kernels or "xnnpack")
    assert (told["delegated pieces"] == "0") is (kernels is not None)
    feeds = {"pixels": np.ones((1, 1, 8, 8), np.float32)}
    assert np.array_equal(made.run(feeds)[0], made.run(feeds)[0])


def test_a_file_without_signature_has_the_names_of_its_tensors(tmp_path: Path) -> None:
    made = session(tmp_path, lite.doubled(2, signatures=()))
    assert [one.name for one in made.input_specs] == ["x"]
    assert made.output_names == ("y",)


@pytest.mark.parametrize(
    ("model", "code", "words"),
    [
        (lite.doubled(2, signatures=("a", "b")), Code.UNSUPPORTED_ARTIFACT, "2 signatures, a, b"),
        (
            replace(lite.empty(), operators=(lite.Operator("Mine", ("x",), ("y",), custom=True),)),
            Code.UNSUPPORTED_ARTIFACT,
            "Mine",
        ),
        (b"", Code.BAD_MODEL, "is empty"),
        (b"\x1c\0\0\0TFL3" + bytes(64), Code.BAD_MODEL, "schema version 0"),
        (lite.mlp().encoded()[:4096], Code.BAD_MODEL, "damaged"),
    ],
    ids=["signatures", "custom", "empty", "zeros", "cut"],
)
def test_what_it_cannot_load_is_one_sentence(
    tmp_path: Path, model: lite.Lite | bytes, code: Code, words: str
) -> None:
    with pytest.raises(BitgaugeError, match=words) as caught:
        session(tmp_path, model)
    assert caught.value.code is code
    assert "\n" not in caught.value.sentence
    assert str(tmp_path) not in caught.value.sentence


def test_sizes_that_it_cannot_take_are_one_sentence(tmp_path: Path) -> None:
    made = session(tmp_path, lite.mlp())
    for shape in ((2, 1, 8, 8), (1, 64), (0, 1, 8, 8)):
        with pytest.raises(BitgaugeError, match="LiteRT says") as caught:
            made.run({"pixels": np.zeros(shape, np.float32)})
        assert caught.value.code in (Code.RUN_FAILED, Code.UNSUPPORTED_ARTIFACT)
    assert made.run({"pixels": np.zeros((1, 1, 8, 8), np.float32)})[0].shape == (1, 10)


def test_an_agent_without_it_says_what_gives_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "PACKAGES", {"ai-edge-litert": "nowhere_to_be_found"})
    with pytest.raises(RuntimeMissing, match="LiteRT is not installed"):
        litert.probe()
    assert litert.HINT == "pip install 'bitgauge[litert]'"


def test_a_broken_file_is_its_owners(tmp_path: Path) -> None:
    with pytest.raises(BadInput):
        session(tmp_path, b"\0" * 100)


class Saturating:
    """An interpreter whose dense kernel adds adjacent products in 16 bits, after adding 128."""

    def __init__(self, model: bytes) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self._real = Interpreter(model_content=model, num_threads=1)
        self._real.allocate_tensors()
        self.get_input_details = self._real.get_input_details
        self.get_output_details = self._real.get_output_details
        self.set_tensor = self._real.set_tensor
        self.invoke = self._real.invoke

    def get_tensor(self, index: int) -> np.ndarray:
        told = {one["name"]: one for one in self._real.get_tensor_details()}
        a, b = (self._real.get_tensor(told[name]["index"]).astype(np.int64) for name in "ab")
        sums = pair16(a + 128, b.T) - 128 * b.sum(axis=1)
        scale = told["y"]["quantization"][0]
        codes: np.ndarray = np.clip(np.rint(sums / scale), -128, 127).astype(np.int8)
        return codes


def test_the_probe_tells_a_kernel_that_saturates() -> None:
    assert kernels._probed(Saturating, kernels._dense, "s8s8") == SAT16
    found = litert.probe_kernels()
    assert found["FULLY_CONNECTED.s8s8.const"] in (EXACT, SAT16), "whatever this machine does"
    assert set(found.values()) <= set(MEANING)
