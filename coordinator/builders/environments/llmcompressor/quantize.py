"""A quantized Hugging Face folder of one of floats: ``quantize.py SPEC.json ANSWER.json``.

The spec says `source` and `output` (folders, the second one empty), `algorithm` (`gptq`, `awq` or
`rtn`) and `scheme` (as llm-compressor spells it), `calibration` (lists of tokens; empty for `rtn`)
and `windows` (more of them). What was made is loaded again as whoever uses it would. The answer
says what the `source` and what was `made` predict on the windows, and how the latter computes
(`compute`), see `answers`; and what it was made with (`maker`).
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

os.environ |= {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
os.environ |= {"TOKENIZERS_PARALLELISM": "0"}
sys.path.insert(0, str(Path(__file__).parent))  # python -I leaves it out

import answers
import torch

SEED = 20_240_229


def main(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Do what `spec` says; the answer."""
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    source = answers.loaded(spec["source"])
    wanted = answers.judged(source, spec["windows"])
    try:
        _quantize(source, spec)
    except (ValueError, NotImplementedError, RuntimeError) as error:
        return {"unsupported": f"llm-compressor does not take the model: {answers.said(error)}."}
    made = answers.loaded(spec["output"])
    found = answers.judged(made, spec["windows"])
    maker = f"llm-compressor {version('llmcompressor')}"
    compute = answers.compute_of(made)
    return {"source": wanted, "made": found, "compute": compute, "maker": maker}


def _quantize(model: Any, spec: Mapping[str, Any]) -> None:
    """Quantize the layers between embedding and head, and write the folder."""
    from datasets import Dataset
    from llmcompressor import oneshot
    from transformers import AutoTokenizer

    further: dict[str, Any] = {}
    if spec["calibration"]:
        rows = [{"input_ids": ids, "attention_mask": [1] * len(ids)} for ids in spec["calibration"]]
        further = {
            "dataset": Dataset.from_list(rows),
            "max_seq_length": max(map(len, spec["calibration"])),
            "num_calibration_samples": len(rows),
        }
    oneshot(
        model=model,
        processor=AutoTokenizer.from_pretrained(spec["source"], trust_remote_code=False),
        recipe=_modifiers(spec["algorithm"], spec["scheme"]),
        output_dir=spec["output"],
        save_compressed=True,
        **further,
    )


def _modifiers(algorithm: str, scheme: str) -> list[Any]:
    """What llm-compressor calls an algorithm: of AWQ the scales, and then the rounding."""
    from llmcompressor.modifiers.quantization import GPTQModifier, QuantizationModifier

    terms = {"targets": "Linear", "scheme": scheme, "ignore": ["lm_head"]}
    if algorithm == "gptq":
        return [GPTQModifier(**terms)]
    if algorithm == "awq":
        from llmcompressor.modifiers.transform.awq import AWQModifier

        _need_no_accelerator()
        return [AWQModifier(), QuantizationModifier(**terms)]
    return [QuantizationModifier(**terms)]


def _need_no_accelerator() -> None:
    """Let AWQ work on a processor alone.

    It pins what it keeps between its layers, so that copies to an accelerator are quicker, and asks
    for that also where there is none: the only thing of it that needs one.
    """
    from llmcompressor.pipelines.cache import IntermediatesCache

    if not torch.accelerator.is_available():
        IntermediatesCache.pin_memory = lambda self, batch_index: None


if __name__ == "__main__":
    asked, said = map(Path, sys.argv[1:])
    arguments = json.loads(asked.read_text())
    said.write_text(json.dumps(main(arguments)))
