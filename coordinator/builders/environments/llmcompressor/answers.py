"""A folder loaded by transformers: what it answers, and whether it computes in floats."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

DEQUANTIZED, AS_STORED = "dequantized", "as stored"
_FLOATS = (torch.float32, torch.float16, torch.bfloat16)


def loaded(folder: str) -> Any:
    """The model of a folder, in floats of 32 bits where it is in floats."""
    from transformers import AutoModelForCausalLM

    found = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, trust_remote_code=False, use_safetensors=True
    )
    return found.eval()


def judged(model: Any, windows: list[list[int]]) -> dict[str, Any]:
    """The best token at each place, and what the token that follows costs there in nats.

    Of every window but its last place, one after the other; `infinite` where a logit is none.
    """
    best: list[int] = []
    nats: list[float] = []
    for tokens in windows:
        with torch.no_grad():
            found = model(input_ids=torch.tensor([tokens])).logits[0].double().numpy()
        logits = found[:-1]
        if not np.isfinite(logits).all():
            return {"infinite": True}
        shifted = logits - logits.max(-1, keepdims=True)
        chosen = shifted[np.arange(len(logits)), tokens[1:]]
        nats += (np.log(np.exp(shifted).sum(-1)) - chosen).tolist()
        best += logits.argmax(-1).tolist()
    return {"infinite": False, "best": best, "nats": nats}


def compute_of(model: Any) -> str:
    """Whether every layer holds floats once the model has answered, or what else it computes with.

    A layer may be unpacked at its first call alone.
    """
    linears = [one for one in model.modules() if isinstance(one, torch.nn.Linear)]
    kinds = {one.weight.dtype for one in linears if getattr(one, "weight", None) is not None}
    return DEQUANTIZED if kinds and all(kind in _FLOATS for kind in kinds) else AS_STORED


def said(error: Exception) -> str:
    """The first line of what a library says."""
    return (str(error).splitlines() or [type(error).__name__])[0][:300].rstrip(".")
