"""What an exported program is, read without the library; any bytes are facts or a sentence."""

from __future__ import annotations

import contextlib
import json
import random
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bitgauge.benchmarks import zoo
from bitgauge.benchmarks.quality.sets import InputSpec
from bitgauge.benchmarks.vocabulary.enums import FormatFamily, ModelClass
from bitgauge.benchmarks.vocabulary.errors import BadInput, BitgaugeError, Code
from bitgauge.coordinator.models.base import OutputSpec
from bitgauge.coordinator.models.recognise import inspect_model, kind_of

FOLDER = zoo.evaluation_path().parent
MLP = FOLDER / "digits-mlp.pt2"
GRAPH = "models/model.json"


def edited(folder: Path, change: Callable[[Any], None]) -> Path:
    """The MLP with another graph."""
    target = folder / "edited.pt2"
    with zipfile.ZipFile(MLP) as archive, zipfile.ZipFile(target, "w") as made:
        for name in archive.namelist():
            data = archive.read(name)
            if name.endswith(GRAPH):
                told = json.loads(data)
                change(told)
                data = json.dumps(told).encode()
            made.writestr(name, data)
    return target


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("digits-mlp", ModelClass.MLP),
        ("digits-cnn", ModelClass.CNN),
        ("digits-transformer", ModelClass.TRANSFORMER),
    ],
)
def test_the_zoo_is_recognised(name: str, kind: ModelClass) -> None:
    path = FOLDER / f"{name}.pt2"
    assert kind_of(path) == "pt2"
    found = inspect_model(path)
    assert found.inputs == (InputSpec("pixels", "float32", (None, 1, 8, 8)),)
    assert found.outputs == (OutputSpec("logits", "float32", (None, 10)),)
    assert (found.model_class, str(found.recipe)) == (kind, "fp32")
    assert found.family is FormatFamily.FP32
    there = inspect_model(FOLDER / f"{name}.onnx")
    assert found.parameter_count == pytest.approx(there.parameter_count, rel=0.01)
    assert found.size_bytes == path.stat().st_size


def test_looking_imports_no_library_and_unpickles_nothing() -> None:
    program = (
        "import sys; from pathlib import Path;"
        "from bitgauge.coordinator.models.recognise import inspect_model;"
        f"inspect_model(Path({str(MLP)!r}));"
        "print([m for m in ('torch', 'torchao') if m in sys.modules])"
    )
    out = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert out.stdout.strip() == "[]"


def test_weights_of_8_bits_make_a_program_of_int8(tmp_path: Path) -> None:
    """Also where they are widened before they are multiplied."""

    def quantized(told: Any) -> None:
        graph = told["graph_module"]["graph"]
        for node in [one for one in graph["nodes"] if "linear" in one["target"]]:
            weight = node["inputs"][1]["arg"]["as_tensor"]["name"]
            graph["tensor_values"][weight]["dtype"] = 2
            wide = f"{weight}_wide"
            graph["tensor_values"][wide] = dict(graph["tensor_values"][weight], dtype=7)
            node["inputs"][1]["arg"] = {"as_tensor": {"name": wide}}
            graph["nodes"].insert(
                0,
                {
                    "target": "torch.ops.quantized_decomposed.dequantize_per_channel.default",
                    "inputs": [{"name": "input", "arg": {"as_tensor": {"name": weight}}}],
                    "outputs": [{"as_tensor": {"name": wide}}],
                    "metadata": {},
                },
            )

    found = inspect_model(edited(tmp_path, quantized))
    assert (found.recipe, found.family) == (None, FormatFamily.INT8)
    assert found.model_class is ModelClass.MLP


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("torch.os.system", "operator 'torch.os.system'"),
        ("torch.ops.aten.abs.__class__", "operator"),
        ("_operator.attrgetter", "operator"),
    ],
)
def test_an_operator_that_is_none_is_refused(tmp_path: Path, target: str, words: str) -> None:
    def change(told: Any) -> None:
        told["graph_module"]["graph"]["nodes"][0]["target"] = target

    with pytest.raises(BadInput, match=words) as caught:
        inspect_model(edited(tmp_path, change), "Artifact m.pt2")
    assert caught.value.code is Code.REFUSED_FORMAT
    assert caught.value.sentence.startswith("Artifact m.pt2 holds ")


def test_flipped_bytes_are_facts_or_a_sentence(tmp_path: Path) -> None:
    seen = random.Random(20261130)
    whole = MLP.read_bytes()
    start = whole.index(b'{"graph_module"')
    path = tmp_path / "flipped.pt2"
    for _ in range(60):
        data = bytearray(whole)
        for _ in range(seen.randint(1, 6)):
            tail = seen.random() < 0.5
            at = seen.randrange(len(data) - 2000, len(data)) if tail else start
            data[at if tail else start + seen.randrange(10_000)] = seen.randrange(256)
        path.write_bytes(data)
        with contextlib.suppress(BitgaugeError):  # anything else fails the test
            inspect_model(path)
