"""A folder of onnxruntime-genai of a Hugging Face one: ``from_safetensors.py SPEC.json ANSWER.json``.

The spec says `source` and `output` (folders, the second one empty), `precision` and `block` (0:
none) as the library's own builder spells them, and `windows` (lists of tokens). The answer says how
far what was made is from its source on these: `off` (largest difference of a logit), `scale`
(largest logit), `same` (share of positions with the same best token), `nats` (perplexity's logarithm
of both, source first) and `infinite` (whether a logit is none).
"""

from __future__ import annotations

import json
import os
import runpy
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

os.environ |= {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "TOKENIZERS_PARALLELISM": "0"}

import numpy as np
import torch

BUILDER = "onnxruntime_genai.models.builder"


def main(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Do what `spec` says; the answer."""
    torch.set_num_threads(1)
    try:
        _build(spec)
    except NotImplementedError as error:
        return {"unsupported": f"The builder does not take the model: {_said(error)}."}
    source, made = _Source(spec["source"]), _Made(spec["output"])
    return _compared(source, made, spec["windows"])


def _build(spec: Mapping[str, Any]) -> None:
    """Have the library's builder do its work as its command does."""
    further = ["hf_token=false"]
    if spec["block"]:
        further.append(f"block_size={spec['block']}")
    with tempfile.TemporaryDirectory() as cache:
        sys.argv = [BUILDER, "-i", spec["source"], "-o", spec["output"], "-c", cache]
        sys.argv += ["-p", spec["precision"], "-e", "cpu", "--extra_options", *further]
        runpy.run_module(BUILDER, run_name="__main__")


class _Source:
    """The model that was given, in floats of 32 bits.

    Args:
        folder: of it.
    """

    def __init__(self, folder: str) -> None:
        from transformers import AutoModelForCausalLM

        self._model = AutoModelForCausalLM.from_pretrained(
            folder, dtype=torch.float32, trust_remote_code=False, use_safetensors=True
        ).eval()

    def scores(self, tokens: list[int]) -> Any:
        """Logits (n, vocabulary)."""
        with torch.no_grad():
            return self._model(input_ids=torch.tensor([tokens])).logits[0].numpy()


class _Made:
    """What was built, in the library that runs it.

    Args:
        folder: of it.
    """

    def __init__(self, folder: str) -> None:
        import onnxruntime_genai as library

        library.disable_telemetry_events()
        self._library = library
        self._model = library.Model(folder)

    def scores(self, tokens: list[int]) -> Any:
        """Logits (n, vocabulary)."""
        params = self._library.GeneratorParams(self._model)
        params.set_search_options(max_length=len(tokens) + 1, do_sample=False)
        generator = self._library.Generator(self._model, params)
        generator.append_tokens(np.array(tokens, np.int32))
        return generator.get_output("logits")[0]


def _compared(source: _Source, made: _Made, windows: list[list[int]]) -> dict[str, Any]:
    off = scale = same = positions = 0.0
    nats = np.zeros(2)
    predicted = 0
    for tokens in windows:
        one, other = source.scores(tokens), made.scores(tokens)
        if not np.isfinite(other).all():
            return {"infinite": True}
        off = max(off, float(np.abs(one - other).max()))
        scale = max(scale, float(np.abs(one).max()))
        same += int((one.argmax(-1) == other.argmax(-1)).sum())
        positions += len(tokens)
        predicted += len(tokens) - 1
        nats += [_nats(one, tokens), _nats(other, tokens)]
    mean = nats / max(predicted, 1)
    return {
        "off": off,
        "scale": scale,
        "same": same / max(positions, 1),
        "nats": mean.tolist(),
        "infinite": False,
    }


def _nats(scores: Any, tokens: list[int]) -> float:
    """What the tokens after the first one cost, summed; in double precision."""
    logits = scores[:-1].astype(np.float64)
    shifted = logits - logits.max(-1, keepdims=True)
    of_all = np.log(np.exp(shifted).sum(-1))
    chosen = shifted[np.arange(len(tokens) - 1), tokens[1:]]
    return float((of_all - chosen).sum())


def _said(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:300].rstrip(".")


if __name__ == "__main__":
    asked, said = map(Path, sys.argv[1:])
    arguments = json.loads(asked.read_text())
    said.write_text(json.dumps(main(arguments)))
