"""PyTorch as a runtime: what goes in, what comes out, and what it says of what it cannot do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from bitgauge.agents.runtimes import torch as runtime
from bitgauge.agents.runtimes.base import RuntimeMissing, SessionOptions
from bitgauge.agents.runtimes.torch.session import TorchSession
from bitgauge.benchmarks import zoo
from bitgauge.benchmarks.quality.sets import InputSpec
from bitgauge.benchmarks.vocabulary.errors import BitgaugeError, Code

from . import programs
from .conftest import Programs


def session(path: Path, threads: int = 1) -> TorchSession:
    return runtime.load(path, SessionOptions(threads=threads))


def made(folder: Path, function: Any, *, free: bool = False, rows: int = 2) -> TorchSession:
    exported = programs.export(programs.Function(function), torch.ones(rows, 4), free=free)
    return session(programs.saved(exported, folder / "made.pt2"))


@pytest.mark.parametrize("name", ["mlp", "cnn", "transformer"])
def test_the_same_weights_answer_as_onnx_does(program: Programs, digits: Any, name: str) -> None:
    import onnxruntime

    images, _ = digits
    found = session(program(name)).run({"pixels": images[:16]})[0]
    path = next(one.path for one in zoo.models() if one.name == f"digits-{name}")
    there = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    np.testing.assert_allclose(found, there.run(None, {"pixels": images[:16]})[0], atol=1e-4)


@pytest.mark.parametrize("name", ["mlp-dynamic", "mlp-weights", "cnn-static", "mlp-bf16"])
def test_every_kind_of_program_answers_as_the_library_does(
    program: Programs, digits: Any, name: str
) -> None:
    images, labels = digits
    path = program(name)
    ours = session(path)
    assert ours.output_names == ("logits",)
    assert ours.input_specs[0].dtype == "float32"
    found = np.concatenate([ours.run({"pixels": images[at : at + 8]})[0] for at in range(0, 64, 8)])
    with torch.no_grad():
        given = torch.from_numpy(images[:8].copy())
        theirs = torch.export.load(str(path)).module()(
            given.bfloat16() if name == "mlp-bf16" else given
        )["logits"]
    assert np.array_equal(found[:8], theirs.float().numpy())
    assert np.mean(found.argmax(axis=1) == labels[:64]) > 0.9
    ours.bind({"pixels": images[:8]})()


def test_a_type_that_numpy_has_not_is_converted_and_said(program: Programs) -> None:
    told = session(program("mlp-bf16")).options_set()
    assert told["converted inside the clock"] == "pixels bfloat16"


def test_what_it_was_made_with_is_told(program: Programs) -> None:
    told = session(program("mlp"), threads=2).options_set()
    assert told["execution"] == "eager"
    assert told["threads"] == "2"
    assert torch.get_num_threads() == 2
    assert told["quantized engine"] == torch.backends.quantized.engine
    assert {"mkldnn", "cpu capability", "float32 matmul precision", "interop threads"} <= set(told)
    session(program("mlp"))


def test_a_free_batch_takes_what_it_was_exported_for(program: Programs) -> None:
    ours = session(program("mlp"))
    assert ours.input_specs == (InputSpec("pixels", "float32", (None, 1, 8, 8)),)
    assert ours.run({"pixels": np.ones((3, 1, 8, 8), np.float32)})[0].shape == (3, 10)
    for shape in ((0, 1, 8, 8), (1025, 1, 8, 8), (3, 64), (3, 1, 8, 9)):
        with pytest.raises(BitgaugeError, match=r"takes \(1 to 1024, 1, 8, 8\)") as caught:
            ours.run({"pixels": np.ones(shape, np.float32)})
        assert caught.value.code is Code.RUN_FAILED


def test_a_fixed_batch_is_held(program: Programs) -> None:
    ours = session(program("cnn-static"))
    with pytest.raises(BitgaugeError, match=r"shape \(1, 1, 8, 8\).*takes \(8, 1, 8, 8\)"):
        ours.bind({"pixels": np.ones((1, 1, 8, 8), np.float32)})
    with pytest.raises(BitgaugeError, match="is float64, and the program takes float32"):
        ours.bind({"pixels": np.ones((8, 1, 8, 8))})


def test_what_is_no_number_stays_none(tmp_path: Path) -> None:
    odd = np.array([[np.nan, np.inf, -np.inf, 1.0]] * 2, np.float32)
    assert np.array_equal(
        made(tmp_path, lambda x: x * 2).run({"x": odd})[0], odd * 2, equal_nan=True
    )


def test_outputs_have_the_names_of_their_places(tmp_path: Path) -> None:
    both = made(tmp_path, lambda x: {"b": x * 2, "a": (x + 1, [x - 1])})
    assert both.output_names == ("b", "a.0", "a.1.0")
    first, second, third = both.run({"x": np.ones((2, 4), np.float32)})
    assert (first[0, 0], second[0, 0], third[0, 0]) == (2, 2, 0)
    assert made(tmp_path, lambda x: x).output_names == ("output",)
    assert made(tmp_path, lambda x: (x, x * 2)).output_names == ("output_0", "output_1")


class Named(torch.nn.Module):
    def forward(self, scale: Any, *, pair: dict[str, Any]) -> Any:
        return scale * pair["left"] - pair["right"]


def test_nested_inputs_are_given_by_name(tmp_path: Path) -> None:
    one, left, right = (torch.ones(2, 4) for _ in range(3))  # one tensor twice is one input
    exported = torch.export.export(Named(), (one,), {"pair": {"left": left, "right": right}})
    ours = session(programs.saved(exported, tmp_path / "named.pt2"))
    names = [one.name for one in ours.input_specs]
    assert names == ["scale", "pair_left", "pair_right"]
    feeds = {
        name: np.full((2, 4), at, np.float32) for name, at in zip(names, (2, 3, 5), strict=True)
    }
    assert np.array_equal(ours.run(feeds)[0], np.ones((2, 4)))


class Counting(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("seen", torch.zeros(4))

    def forward(self, x: Any) -> Any:
        self.seen.add_(1)
        return x + self.seen


def test_a_program_that_remembers_says_so(tmp_path: Path) -> None:
    exported = programs.export(Counting(), torch.ones(2, 4), free=False)
    ours = session(programs.saved(exported, tmp_path / "counting.pt2"))
    assert ours.options_set()["deterministic"].startswith("no: a call changes")


def test_an_agent_without_it_says_what_gives_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "_DISTRIBUTIONS", ("no-such-torch",))
    with pytest.raises(RuntimeMissing, match="PyTorch is not installed"):
        runtime.probe()
    assert runtime.HINT == "pip install 'bitgauge[torch]'"


def test_all_that_a_program_needs_is_imported_before_it_is_loaded(program: Programs) -> None:
    """Else the peak of memory would be that of imports."""
    code = (
        "import sys, pathlib; from bitgauge.agents.runtimes import torch as runtime;"
        "from bitgauge.agents.runtimes.base import SessionOptions; runtime.prepare();"
        "before = set(sys.modules); runtime.load(pathlib.Path(sys.argv[1]), SessionOptions());"
        "print(len([one for one in set(sys.modules) - before if one.startswith('torch')]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, program("mlp")], capture_output=True, text=True, check=True
    )
    assert int(done.stdout.split()[-1]) <= 5
