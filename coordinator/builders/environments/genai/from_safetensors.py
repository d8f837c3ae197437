"""A folder for onnxruntime-genai of a Hugging Face one: from_safetensors.py SPEC.json ANSWER.json.

The spec says `source` and `output` (folders, the second one empty), `precision` and `block` (0:
none) as the library's own builder spells them, and `windows` (lists of tokens). The answer says
what the `source` and what was `made` predict on these; see `judged`.
"""

from __future__ import annotations

import json
import os
import runpy
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

os.environ |= {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
os.environ |= {"TOKENIZERS_PARALLELISM": "0"}

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
    windows = spec["windows"]
    source = judged(_source(spec["source"]), windows)
    return {"source": source, "made": judged(_made(spec["output"]), windows)}


def _build(spec: Mapping[str, Any]) -> None:
    """Have the library's builder do its work as its command does."""
    further = ["hf_token=false"]
    if spec["block"]:
        further.append(f"block_size={spec['block']}")
    with tempfile.TemporaryDirectory() as cache:
        sys.argv = [BUILDER, "-i", spec["source"], "-o", spec["output"], "-c", cache]
        sys.argv += ["-p", spec["precision"], "-e", "cpu", "--extra_options", *further]
        runpy.run_module(BUILDER, run_name="__main__")


def _source(folder: str) -> Callable[[list[int]], Any]:
    """What answers logits (n, vocabulary) as the model that was given, in floats of 32 bits."""
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, trust_remote_code=False, use_safetensors=True
    ).eval()

    def scores(tokens: list[int]) -> Any:
        with torch.no_grad():
            return model(input_ids=torch.tensor([tokens])).logits[0].numpy()

    return scores


def _made(folder: str) -> Callable[[list[int]], Any]:
    """The same of what was built, in the library that runs it."""
    import onnxruntime_genai as library

    library.disable_telemetry_events()
    model = library.Model(folder)

    def scores(tokens: list[int]) -> Any:
        params = library.GeneratorParams(model)
        params.set_search_options(max_length=len(tokens), do_sample=False)
        generator = library.Generator(model, params)
        generator.append_tokens(np.array(tokens, np.int32))
        return generator.get_output("logits")[0]

    return scores


def judged(scores: Callable[[list[int]], Any], windows: list[list[int]]) -> dict[str, Any]:
    """The best token at each place, and what the token that follows costs there in nats.

    Of every window but its last place, one after the other; `infinite` where a logit is none.
    """
    best: list[int] = []
    nats: list[float] = []
    for tokens in windows:
        logits = np.asarray(scores(tokens), np.float64)[:-1]
        if not np.isfinite(logits).all():
            return {"infinite": True}
        shifted = logits - logits.max(-1, keepdims=True)
        chosen = shifted[np.arange(len(logits)), tokens[1:]]
        nats += (np.log(np.exp(shifted).sum(-1)) - chosen).tolist()
        best += logits.argmax(-1).tolist()
    return {"infinite": False, "best": best, "nats": nats}


def _said(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:300].rstrip(".")


if __name__ == "__main__":
    asked, said = map(Path, sys.argv[1:])
    said.write_text(json.dumps(main(json.loads(asked.read_text()))))
