"""A `genai_config.json` is a plain decoder for the CPU; whatever would load more is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bitgauge.benchmarks.common.folders.genai import config_of
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code

Held = dict[str, Any]


def plain() -> Held:
    """As the library's own builder writes it for a LLaMA."""
    decoder = {
        "session_options": {"log_id": "onnxruntime-genai", "provider_options": []},
        "filename": "model.onnx",
        "head_size": 64,
        "inputs": {"input_ids": "input_ids", "past_key_names": "past_key_values.%d.key"},
        "outputs": {"logits": "logits"},
        "num_hidden_layers": 4,
    }
    model = {"type": "llama", "vocab_size": 260, "context_length": 512, "bos_token_id": 1}
    return {"model": {**model, "eos_token_id": [2, 3], "decoder": decoder}, "search": {"top_k": 50}}


def written(folder: Path, held: Any) -> Path:
    path = folder / "genai_config.json"
    path.write_text(json.dumps(held))
    return path


def test_a_plain_one_is_taken(tmp_path: Path) -> None:
    found = config_of(written(tmp_path, plain()), "It")
    assert (found.architecture, found.model) == ("llama", "model.onnx")
    assert (found.context_tokens, found.vocabulary, found.bos) == (512, 260, 1)
    held = plain()
    held["model"]["bos_token_id"] = None
    assert config_of(written(tmp_path, held), "It").bos is None


def model(**changed: Any) -> Callable[[Held], None]:
    return lambda held: held["model"].update(changed)


def decoder(**changed: Any) -> Callable[[Held], None]:
    return lambda held: held["model"]["decoder"].update(changed)


def session(**changed: Any) -> Callable[[Held], None]:
    return lambda held: held["model"]["decoder"]["session_options"].update(changed)


EVIL = {"QNN": {"backend_path": "/tmp/evil.so"}}


@pytest.mark.parametrize(
    ("change", "code", "why"),
    [
        (session(custom_ops_library="/tmp/evil.so"), Code.REFUSED_FORMAT, "custom_ops_library"),
        (session(provider_options=[EVIL]), Code.REFUSED_FORMAT, "provider of its own"),
        (session(provider_options="cuda"), Code.REFUSED_FORMAT, "provider of its own"),
        (session(enable_profiling="/tmp/x"), Code.REFUSED_FORMAT, "enable_profiling"),
        (
            session(**{"session.model_external_initializers_file_folder_path": "/etc"}),
            *(Code.REFUSED_FORMAT, "session.model_external"),
        ),
        (decoder(session_options=[1]), Code.BAD_MODEL, "no object"),
        (decoder(filename="../model.onnx"), Code.EXTERNAL_DATA, "leaves the folder"),
        (decoder(filename="/etc/passwd"), Code.EXTERNAL_DATA, "absolute"),
        (decoder(filename=""), Code.BAD_MODEL, "names no ONNX file"),
        (decoder(filename=["a"]), Code.BAD_MODEL, "none of a plain one"),
        (decoder(pipeline=[{"x": {"filename": "y"}}]), Code.BAD_MODEL, "none of a plain one"),
        (decoder(inputs={"input_ids": 3}), Code.BAD_MODEL, "no text"),
        (model(vision={"filename": "v.onnx"}), Code.BAD_MODEL, "more than a decoder: vision"),
        (model(vocab_size=0), Code.BAD_MODEL, "vocab_size"),
        (model(vocab_size=1 << 60), Code.BAD_MODEL, "vocab_size"),
        (model(context_length=1.5), Code.BAD_MODEL, "context_length"),
        (model(bos_token_id=260), Code.BAD_MODEL, "which is none"),
        (model(type=None), Code.BAD_MODEL, "which type"),
        (lambda held: held["model"].pop("decoder"), Code.BAD_MODEL, "no object 'decoder'"),
        (lambda held: held.pop("model"), Code.BAD_MODEL, "no object 'model'"),
    ],
)
def test_what_would_load_more_is_refused(
    change: Callable[[Held], Any], code: Code, why: str, tmp_path: Path
) -> None:
    held = plain()
    change(held)
    with pytest.raises(BadInput, match=why) as caught:
        config_of(written(tmp_path, held), "It")
    assert caught.value.code is code
    assert "\n" not in caught.value.sentence
