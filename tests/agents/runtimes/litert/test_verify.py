"""What is not loaded: hostile files, inputs that do not fit, options and delegates of no list."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from bitgauge.agents.runtimes import litert
from bitgauge.agents.runtimes.base import SessionOptions
from bitgauge.agents.runtimes.litert import delegates
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code
from bitgauge.benchmarks.vocabulary.session_options import option_problem
from bitgauge.benchmarks.vocabulary.values.devices import StackItem

pytest.importorskip("ai_edge_litert", reason="NOT RUN: pip install 'bitgauge[litert]'")

from tests.bad_days.hostile.corpus import Hostile
from tests.bad_days.hostile.lite_corpus import lite_models
from tests.labs.graphs import lite

X = np.ones((1, 1, 8, 8), np.float32)


@pytest.mark.parametrize("one", lite_models(), ids=lambda one: one.name)
def test_a_hostile_file_is_refused_before_it_is_loaded(tmp_path: Path, one: Hostile) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(one.data)
    with pytest.raises(BitgaugeError) as caught:
        litert.load(path, SessionOptions())
    assert caught.value.code.value == one.code
    assert caught.value.sentence.count(".") >= 1
    assert "LiteRT says" not in caught.value.sentence
    assert str(tmp_path) not in caught.value.sentence


@pytest.mark.parametrize(
    "given",
    [X.astype(np.int32), X.astype(np.float64), X[0], X.transpose(0, 2, 1, 3), X[:, :, :4]],
    ids=["int32", "float64", "rank", "transposed", "short"],
)
def test_inputs_that_do_not_fit_are_refused(tmp_path: Path, given: np.ndarray) -> None:
    """Another interface of the library takes them without a word and computes something."""
    path = tmp_path / "model.tflite"
    path.write_bytes(lite.mlp().encoded())
    session = litert.load(path, SessionOptions())
    with pytest.raises(BitgaugeError, match="LiteRT says") as caught:
        session.run({"pixels": given})
    assert caught.value.code in (Code.RUN_FAILED, Code.UNSUPPORTED_ARTIFACT)
    assert session.run({"pixels": X})[0].shape == (1, 10)


def test_the_kernels_asked_for_are_those_that_run(tmp_path: Path) -> None:
    """Each kind gives bits of its own: a name that is not what runs would give another's."""
    path = tmp_path / "model.tflite"
    path.write_bytes(lite.mlp().encoded())
    feeds = {"pixels": np.random.default_rng(4).random((1, 1, 8, 8)).astype(np.float32)}
    found, told = {}, {}
    for kernels in (None, "builtin", "reference"):
        further = () if kernels is None else (StackItem("kernels", kernels),)
        session = litert.load(path, SessionOptions(further=further))
        found[kernels] = session.run(feeds)[0].tobytes()
        told[kernels] = session.options_set()
    assert found[None] != found["reference"]
    assert found["builtin"] != found["reference"]
    assert told[None]["delegated"] == told[None]["operators"] == "4"
    assert {told[name]["delegated"] for name in ("builtin", "reference")} == {"0"}


def test_unknown_kernels_and_delegates_are_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(lite.mlp().encoded())
    for name, value, words in (
        ("kernels", "fast", "no kernels 'fast'"),
        ("delegate", "/tmp/mine.so", "none that this agent loads: armnn, edgetpu"),
    ):
        with pytest.raises(BitgaugeError, match=words):
            litert.load(path, SessionOptions(further=(StackItem(name, value),)))
    monkeypatch.setattr(delegates, "_FOLDERS", ())
    monkeypatch.setattr("ctypes.util.find_library", lambda name: None)
    with pytest.raises(BitgaugeError, match=r"libedgetpu\.so\.1, which is not installed") as caught:
        litert.load(path, SessionOptions(further=(StackItem("delegate", "edgetpu"),)))
    assert caught.value.code is Code.RUNTIME_MISSING
    assert delegates.installed() == ()


def test_a_delegate_is_offered_where_its_library_lies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What lies there is loaded; what is no delegate is one sentence."""
    monkeypatch.setattr(delegates, "_FOLDERS", (str(tmp_path),))
    (tmp_path / delegates.LIBRARIES["edgetpu"]).write_bytes(b"no library")
    assert "edgetpu" in delegates.installed()
    path = tmp_path / "model.tflite"
    path.write_bytes(lite.mlp().encoded())
    with pytest.raises(BitgaugeError, match="Delegate edgetpu cannot be used here") as caught:
        litert.load(path, SessionOptions(further=(StackItem("delegate", "edgetpu"),)))
    assert caught.value.code is Code.UNSUPPORTED_ARTIFACT


def test_the_delegate_of_qualcomm_takes_all_or_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Never run: by a delegate that takes nothing, and none of XNNPACK's to pass for it."""
    asked = SessionOptions(further=(StackItem("delegate", "qnn"),))
    told: list[object] = []
    binding = SimpleNamespace(load_delegate=lambda *given: told.append(given))
    monkeypatch.setattr(delegates, "_FOLDERS", (str(tmp_path),))
    monkeypatch.setattr("ctypes.CDLL", lambda _: None)
    library = tmp_path / delegates.LIBRARIES["qnn"]
    library.touch()
    delegates.load(binding, asked)
    assert told == [(str(library), {"backend_type": "htp"})]
    monkeypatch.setattr(delegates, "load", lambda *_: [])
    path = tmp_path / "model.tflite"
    path.write_bytes(lite.mlp().encoded())
    with pytest.raises(BitgaugeError, match=r"4 of 4 operators \(FULLY_CONNECTED, RESH") as caught:
        litert.load(path, asked)
    assert caught.value.code is Code.FELL_BACK


def test_an_option_that_is_none_of_its_own_is_refused_before_a_lease() -> None:
    offered = replace(litert.probe(), options=litert.TRAITS.options)
    problem = option_problem((StackItem("kernels", "fast"),), offered)
    assert problem is not None
    assert "builtin or reference" in problem


def test_operators_are_listed_with_whose_kernels_execute_each(tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(lite.mlp().encoded())
    assert litert.TRAITS.lists is not None
    found = litert.TRAITS.lists(path, SessionOptions())
    assert [one.op_type for one in found.listed] == ["RESHAPE", *["FULLY_CONNECTED"] * 3]
    assert {one.placed for one in found.listed} == {"xnnpack"}
    assert found.pieces == 1
    assert found.operators == ()
    assert "no time of an operator" in found.why_not
    assert found.listed[1].inputs.startswith("f32[1,64] f32[512,64]")
    slow = SessionOptions(further=(StackItem("kernels", "reference"),))
    assert {one.placed for one in litert.TRAITS.lists(path, slow).listed} == {"reference"}
