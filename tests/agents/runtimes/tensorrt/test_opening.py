"""From a file to a session: what is built once and kept, what is built again, what is refused.

The library and the card are constructed; a build answers with bytes that the constructed library
takes or not, and is counted.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
from bitgauge.agents.runtimes import ort
from bitgauge.agents.runtimes._tensorrt import building, opening
from bitgauge.agents.runtimes._tensorrt.building import BuildWants, Engine
from bitgauge.agents.runtimes._tensorrt.engines import KeptEngine, key_of, packed
from bitgauge.agents.runtimes._tensorrt.flavours import EngineLibrary
from bitgauge.agents.runtimes._tensorrt.opening import opened
from bitgauge.agents.runtimes.base import SessionOptions
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code
from bitgauge.benchmarks.vocabulary.values.devices import StackItem
from bitgauge.benchmarks.zoo import calibration_path

from .card import Card, fake_library

DEVICE = (StackItem("driver", "580.65"), StackItem("gpu.model", "a card"))
X = np.ones((2, 4), np.float32)


@dataclass
class Builds:
    """What builds give, in turn; the last one for ever."""

    engines: list[bytes]
    asked: list[BuildWants] = field(default_factory=list)

    def __call__(self, library: EngineLibrary, path: Path, wanted: BuildWants) -> Engine:
        self.asked.append(wanted)
        wanted.tells(0.5)
        engine = self.engines.pop(0) if len(self.engines) > 1 else self.engines[0]
        return Engine(engine, b"timings", 2.0, {})


@pytest.fixture(scope="module")
def card(tmp_path_factory: pytest.TempPathFactory) -> Card:
    return Card(tmp_path_factory.mktemp("card"))


@pytest.fixture
def artifact(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, card: Card) -> Path:
    monkeypatch.setattr(opening, "CudaStream", card.stream)
    path = tmp_path / "model.onnx"
    path.write_bytes(b"a model that no other runtime reads")
    return path


def building_gives(monkeypatch: pytest.MonkeyPatch, *engines: bytes) -> Builds:
    builds = Builds(list(engines))
    monkeypatch.setattr(building, "built", builds)
    return builds


def options(folder: Path, **more: object) -> SessionOptions:
    made = SessionOptions(batch=4, device=DEVICE, build_into=folder / "built")
    return replace(made, **more)  # type: ignore[arg-type]


def test_the_first_launch_builds_and_the_next_one_does_not(
    artifact: Path, tmp_path: Path, card: Card, monkeypatch: pytest.MonkeyPatch
) -> None:
    builds = building_gives(monkeypatch, b"an engine")
    shares: list[float] = []
    first = opened(fake_library(card), artifact, options(tmp_path, building=shares.append))
    assert shares == [0.5, 0.5], "two builds, and both tell how far they are"
    assert len(builds.asked) == 2
    told = first.options_set()
    assert (told["engine built"], told["build batch"]) == ("now", "4")
    assert told["two builds"] == "two builds gave the same bytes"
    assert np.array_equal(first.run({"x": X})[0], 2 * X)
    kept = tmp_path / "kept"
    (tmp_path / "built").rename(kept)
    again = opened(fake_library(card), artifact, options(tmp_path, built_before=kept))
    assert len(builds.asked) == 2
    assert again.options_set() == told | {"engine built": "before"}
    assert not (tmp_path / "built").exists(), "the agent keeps what it has"


@pytest.mark.parametrize(
    "other",
    [
        {"batch": 8},
        {"device": (StackItem("driver", "581.00"), DEVICE[1])},
        {"device": (DEVICE[0], StackItem("gpu.model", "another card"))},
    ],
)
def test_for_another_launch_it_is_built_again(
    *,
    artifact: Path,
    tmp_path: Path,
    card: Card,
    monkeypatch: pytest.MonkeyPatch,
    other: dict[str, object],
) -> None:
    builds = building_gives(monkeypatch, b"an engine")
    opened(fake_library(card), artifact, options(tmp_path))
    kept = tmp_path / "kept"
    (tmp_path / "built").rename(kept)
    made = opened(fake_library(card), artifact, options(tmp_path, built_before=kept, **other))
    assert len(builds.asked) == 4
    assert made.options_set()["engine built"] == "now"


def test_what_the_library_does_not_take_any_more_is_built_again(
    artifact: Path, tmp_path: Path, card: Card, monkeypatch: pytest.MonkeyPatch
) -> None:
    building_gives(monkeypatch, b"an engine")
    opened(fake_library(card), artifact, options(tmp_path))
    key = key_of(artifact, "TensorRT 11.4.0", DEVICE, BuildWants(4).options())
    kept = tmp_path / "kept"
    kept.write_bytes(packed(KeptEngine(key.digest, b"broken", b"")))
    builds = building_gives(monkeypatch, b"an engine")
    given = options(tmp_path, built_before=kept, build_into=None)
    made = opened(fake_library(card), artifact, given)
    assert len(builds.asked) == 2
    assert made.options_set()["engine built"] == "now"
    building_gives(monkeypatch, b"broken")
    with pytest.raises(BitgaugeError, match="of another card"):
        opened(fake_library(card), artifact, given)


def test_two_builds_that_differ_are_told(
    artifact: Path, tmp_path: Path, card: Card, monkeypatch: pytest.MonkeyPatch
) -> None:
    building_gives(monkeypatch, b"an engine", b"another engine")
    told = opened(fake_library(card), artifact, options(tmp_path)).options_set()
    assert told["two builds"] == (
        "engine builds differ: 0 of 4 layers in other kernels, the same answers, 0.0 % apart in"
        " time"
    )


def test_an_engine_that_answers_with_nan_is_not_measured_and_not_kept(
    artifact: Path, tmp_path: Path, card: Card, monkeypatch: pytest.MonkeyPatch
) -> None:
    building_gives(monkeypatch, b"an engine")
    monkeypatch.setattr(opening, "canary", lambda _: {"x": X * np.float32(np.nan)})
    with pytest.raises(BitgaugeError, match="NaN or infinity in 'y'") as caught:
        opened(fake_library(card), artifact, options(tmp_path))
    assert caught.value.code is Code.RUN_FAILED
    assert not (tmp_path / "built").exists()


def test_a_reference_that_answers_otherwise_stops_it(
    artifact: Path, tmp_path: Path, card: Card, monkeypatch: pytest.MonkeyPatch
) -> None:
    building_gives(monkeypatch, b"an engine")
    monkeypatch.setattr(opening, "_reference", lambda _path, feeds: {"y": feeds["x"]})
    with pytest.raises(BitgaugeError, match="is off by 100% in 'y'"):
        opened(fake_library(card), artifact, options(tmp_path))


def test_the_reference_is_the_same_file_on_the_processor(
    tmp_path: Path,
) -> None:
    """The canary's inputs are what a session says that it takes, and always the same."""
    path = calibration_path().parent / "digits-mlp.onnx"
    feeds = opening.canary(ort.load(path, SessionOptions()))
    assert feeds["pixels"].shape == (1, 1, 8, 8)
    found = opening._reference(path, feeds)
    assert found["logits"].shape == (1, 10)
    assert np.isfinite(found["logits"]).all()
    again = opening._reference(path, opening.canary(ort.load(path, SessionOptions())))
    assert np.array_equal(found["logits"], again["logits"])
    (tmp_path / "junk.onnx").write_bytes(b"no model")
    assert opening._reference(tmp_path / "junk.onnx", feeds) == {}


def test_one_for_debugging_is_never_kept(
    artifact: Path, tmp_path: Path, card: Card, monkeypatch: pytest.MonkeyPatch
) -> None:
    builds = building_gives(monkeypatch, b"an engine")
    opened(fake_library(card), artifact, options(tmp_path), debug=True)
    (wanted,) = builds.asked
    assert wanted.debug
    assert not (tmp_path / "built").exists()


@pytest.mark.parametrize("name", ["cuda_graph", "precision"])
def test_an_option_that_it_has_not_is_refused_by_name(
    artifact: Path, tmp_path: Path, card: Card, name: str
) -> None:
    given = options(tmp_path, further=(StackItem(name, "fp16"),))
    with pytest.raises(BitgaugeError, match=f"no option {name}=fp16; it has cuda_graph=on"):
        opened(fake_library(card), artifact, given)
