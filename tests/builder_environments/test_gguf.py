"""Formats of llama.cpp built by its own quantizer, and its converter on a Hugging Face folder."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from bitgauge.benchmarks.common.gguf.header import GgufTensor, read_header
from bitgauge.benchmarks.quality.texts import TextSet, tokenizer_sha256, write_text_set
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code
from bitgauge.benchmarks.vocabulary.recipes import parse
from bitgauge.benchmarks.zoo import decoder as zoo_decoder
from bitgauge.coordinator.builders import registry
from bitgauge.coordinator.builders.base import BuildLog, BuildRequest, Unsupported
from bitgauge.coordinator.builders.gguf import RECIPES
from bitgauge.coordinator.environments.definition import definition
from bitgauge.coordinator.environments.shelf import Ready, python_of
from bitgauge.coordinator.models.formats.gguf.order import put_in_order
from bitgauge.coordinator.models.recognise import inspect_model

from tests.labs.decoders.gguf import TOKENS, Gguf, Stored, tiny

Environment = Callable[[str], Ready]
TWICE = ("int8-q8_0", "int4-q4_k_m", "int4-q4_k_m-cal", "int4-iq4_nl-cal", "int2-q2_k", "bf16")
"""Built a second time: one of each way."""


def model(folder: Path, width: int = 256, kind: str = "f32") -> Path:
    """Weights of a normal distribution, as of a network before it learns."""
    drawn = np.random.default_rng(0)
    dtype = {"f32": "<f4", "f16": "<f2"}
    tensors = [
        replace(one, data=_drawn(one.shape, drawn).astype(dtype[one.type]).tobytes())
        for one in tiny(kind, width=width).tensors
    ]
    return replace(tiny(kind, width=width), tensors=tensors).write(folder / f"{kind}.gguf")


def _drawn(shape: tuple[int, ...], drawn: np.random.Generator) -> npt.NDArray[np.float64]:
    return drawn.standard_normal(shape[::-1]) / np.sqrt(shape[0]) if shape[1:] else np.ones(shape)


def texts(folder: Path, first: int = 3) -> Path:
    path = folder / "texts.npz"
    drawn = np.random.default_rng(1)
    documents = {f"d{at}": drawn.integers(first, len(TOKENS), 100) for at in range(4)}
    write_text_set(path, TextSet(documents, tokenizer_sha256(TOKENS)))
    return path


def asked(
    environment: Environment, source: Path, recipe: str, output: Path, calibration: Path | None
) -> BuildRequest:
    root = environment("llamacpp").path
    return BuildRequest(parse(recipe), source, output, calibration, 1, root, BuildLog())


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def values_of(path: Path, one: GgufTensor) -> bytes:
    with path.open("rb") as file:
        file.seek(one.offset)
        return file.read(one.size_bytes)


@pytest.mark.parametrize("recipe", [*RECIPES, "fp16", "bf16"])
def test_each_format_is_what_it_is_called_and_comes_out_the_same_again(
    recipe: str, environment: Environment, tmp_path: Path
) -> None:
    source, calibration = model(tmp_path), texts(tmp_path)
    digests = set()
    for name in ("made", "again") if recipe in TWICE else ("made",):
        request = asked(environment, source, recipe, tmp_path / name, calibration)
        words = registry.build(request, ("gguf",))
        digests.add(digest(request.output))
    assert len(digests) == 1
    found = inspect_model(request.output, "made")
    assert str(found.recipe) == recipe
    assert found.decoder == inspect_model(source, "source").decoder
    if "-" in recipe:
        assert words[0].startswith("8 of 8 products of matrices are quantized (100 %")
    if recipe.endswith("-cal"):
        (note,) = request.log.notes
        assert note == ("the importance of columns comes from 408 tokens of 4 texts, for 7 weights")


def test_importance_changes_what_is_built(environment: Environment, tmp_path: Path) -> None:
    source, calibration = model(tmp_path), texts(tmp_path)
    made = {}
    for recipe in ("int4-q4_k_m", "int4-q4_k_m-cal"):
        request = asked(environment, source, recipe, tmp_path / recipe, calibration)
        registry.build(request, ("gguf",))
        header = read_header(request.output, recipe)
        made[recipe] = {one.name: values_of(request.output, one) for one in header.tensors}
    plain, weighed = made.values()
    changed = {name for name in plain if plain[name] != weighed[name]}
    assert changed == {name for name in plain if name.startswith("blk.") and "norm" not in name}


def test_half_precision_gives_back_what_was_widened(
    environment: Environment, tmp_path: Path
) -> None:
    given, wide = model(tmp_path, kind="f16"), tmp_path / "wide"
    put_in_order(given, "given", wide)
    request = asked(environment, wide, "fp16", tmp_path / "made", None)
    registry.build(request, ("gguf",))
    before, after = read_header(given, "given"), read_header(request.output, "made")
    theirs = {one.name: (one.type.name, values_of(request.output, one)) for one in after.tensors}
    assert {one.name: (one.type.name, values_of(given, one)) for one in before.tensors} == theirs


def test_rows_that_k_quants_do_not_take_are_said(environment: Environment, tmp_path: Path) -> None:
    source = model(tmp_path, width=96)
    request = asked(environment, source, "int4-q4_k_m", tmp_path / "made", None)
    with pytest.raises(Unsupported, match="no multiple of 256, which int4-q4_k_m needs"):
        registry.build(request, ("gguf",))
    assert not request.output.exists()


def test_texts_of_another_tokenizer_are_refused(environment: Environment, tmp_path: Path) -> None:
    path = tmp_path / "others.npz"
    write_text_set(path, TextSet({"d": np.arange(3, 9)}, tokenizer_sha256(["other"])))
    request = asked(environment, model(tmp_path), "int4-q4_0-cal", tmp_path / "made", path)
    with pytest.raises(Unsupported, match="another tokenizer"):
        registry.build(request, ("gguf",))


def test_what_llama_cpp_does_not_take_is_one_sentence(
    environment: Environment, tmp_path: Path
) -> None:
    whole: Gguf = tiny(width=256).with_values(general__architecture="odd", odd__context_length=64)
    source = whole.write(tmp_path / "odd.gguf")
    request = asked(environment, source, "int8-q8_0", tmp_path / "made", None)
    with pytest.raises(BadInput, match="quantizer does not take the model") as refused:
        registry.build(request, ("gguf",))
    assert refused.value.code is Code.BUILD_FAILED


def test_a_folder_becomes_the_file_that_the_zoo_writes_of_its_weights(
    environment: Environment, tmp_path: Path
) -> None:
    """llama.cpp's converter turns rows of two matrices about, and so does the zoo's own writer."""
    for package in ("safetensors", "gguf"):
        pytest.importorskip(package, reason="NOT RUN: pip install 'bitgauge[runtimes]'")
    from tests.labs.zoo.decoder import as_folder, as_gguf

    weights, size = as_gguf.read(zoo_decoder().path)
    as_folder.write(weights, size, tmp_path / "folder")
    as_gguf.write(weights, size, tmp_path / "zoo.gguf", half=False)
    source, root = tmp_path / "folder/config.json", environment("hf_gguf").path
    digests = set()
    for name in ("made", "again"):
        output = tmp_path / name
        request = BuildRequest(parse("fp32"), source, output, None, 1, root, BuildLog())
        registry.build(request, ("gguf",), "safetensors")
        digests.add(digest(output))
    assert len(digests) == 1
    made, wanted = (read_header(tmp_path / name, name) for name in ("made", "zoo.gguf"))
    assert made.metadata.tokens == wanted.metadata.tokens
    theirs = {one.name: values_of(tmp_path / "zoo.gguf", one) for one in wanted.tensors}
    assert {one.name: values_of(tmp_path / "made", one) for one in made.tensors} == theirs


@pytest.mark.parametrize("recipe", ["int8-q8_0", "int4-q4_k_m", "int4-q4_k_m-cal", "int2-q2_k"])
def test_the_zoo_s_decoder_is_built_with_its_own_texts(
    recipe: str, environment: Environment, tmp_path: Path
) -> None:
    model, wide = zoo_decoder(), tmp_path / "wide"
    put_in_order(model.path, "the zoo's", wide)
    request = asked(environment, wide, recipe, tmp_path / "made", model.calibration_path)
    words = registry.build(request, ("gguf",))
    assert words[0] == "29 of 29 products of matrices are quantized (100 % of the multiplications)"
    assert str(inspect_model(request.output, "made").recipe) == recipe


def test_experts_that_no_text_reached_are_named(environment: Environment, tmp_path: Path) -> None:
    width, inner, experts = 256, 512, 4
    whole = tiny(width=width).with_values(llama__expert_count=experts, llama__expert_used_count=2)
    kept = [one for one in whole.tensors if not one.name.startswith(("blk.0.ffn_g", "blk.0.ffn_u"))]
    kept = [one for one in kept if "ffn_down" not in one.name]
    added = {
        "ffn_gate_inp": (width, experts),
        "ffn_gate_exps": (width, inner, experts),
        "ffn_up_exps": (width, inner, experts),
        "ffn_down_exps": (inner, width, experts),
    }
    drawn = np.random.default_rng(0)
    tensors = [*kept, *(Stored(f"blk.0.{name}.weight", shape) for name, shape in added.items())]
    filled = [
        replace(one, data=_drawn(one.shape, drawn).astype("<f4").tobytes()) for one in tensors
    ]
    source = replace(whole, tensors=filled).write(tmp_path / "experts.gguf")
    path = tmp_path / "few.npz"
    write_text_set(path, TextSet({"d": np.array([5, 5])}, tokenizer_sha256(TOKENS)))
    request = asked(environment, source, "int4-q4_k_m-cal", tmp_path / "made", path)
    registry.build(request, ("gguf",))
    reached, unreached = request.log.notes
    assert reached.startswith("the importance of columns comes from 3 tokens of 1 texts, for 8")
    assert unreached.startswith("no text reached blk.0.ffn_down_exps.weight[")


IMPORTANCE = """
import json, sys
sys.path.insert(0, sys.argv[1])
import importance, library
loaded = library.Library()
seen = importance.Observer(loaded)
assert loaded.run(sys.argv[2], json.loads(sys.argv[3]), 64, 1, seen.callback) and not seen.problem
print("ANSWER", json.dumps(seen.matrix()["blk.0.attn_q.weight"].tolist()))
"""


def test_importance_is_the_mean_square_of_what_is_multiplied(
    environment: Environment, tmp_path: Path
) -> None:
    """The first layer multiplies the normalized embeddings of the tokens themselves."""
    source, windows = model(tmp_path), [[1, *[3, 4, 5, 9] * 10], [1, 7, 7, 8]]
    python = python_of(environment("llamacpp").path)
    scripts = str(definition("llamacpp").folder)
    ended = subprocess.run(
        [str(python), "-I", "-c", IMPORTANCE, scripts, str(source), json.dumps(windows)],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    (line,) = (line for line in ended.stdout.splitlines() if line.startswith("ANSWER"))
    table = next(one for one in read_header(source, "m").tensors if one.name.startswith("token"))
    embedded = np.frombuffer(values_of(source, table), "<f4").reshape(len(TOKENS), -1)
    given = embedded.astype(np.float64)[[token for window in windows for token in window]]
    given /= np.sqrt(np.mean(given**2, axis=1, keepdims=True) + 1e-5)
    assert np.allclose(json.loads(line.removeprefix("ANSWER")), np.mean(given**2, axis=0), 1e-5)
