"""Weights as a Hugging Face folder that transformers opens with no network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from .as_gguf import Weights
from .size import Size
from .text import BOS, EOS, PAD, TOKENS, UNKNOWN

SPECIAL = {"unk_token": UNKNOWN, "bos_token": BOS, "eos_token": EOS, "pad_token": PAD}


def write(weights: Weights, size: Size, folder: Path) -> None:
    """Write `config.json`, `model.safetensors` and a byte tokenizer into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    held = {name: np.ascontiguousarray(value, np.float32) for name, value in weights.items()}
    save_file(held, folder / "model.safetensors", metadata={"format": "pt"})
    texts = {
        "config.json": _config(size),
        "generation_config.json": {
            "bos_token_id": BOS,
            "eos_token_id": EOS,
            "pad_token_id": PAD,
            "do_sample": False,
        },
        "tokenizer.json": _tokenizer(),
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": size.context,
            "clean_up_tokenization_spaces": False,
            **{word: TOKENS[token] for word, token in SPECIAL.items()},
        },
        "special_tokens_map.json": {word: TOKENS[token] for word, token in SPECIAL.items()},
    }
    for name, content in texts.items():
        (folder / name).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _config(size: Size) -> dict[str, Any]:
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "attention_bias": False,
        "attention_dropout": 0.0,
        "bos_token_id": BOS,
        "eos_token_id": EOS,
        "pad_token_id": PAD,
        "head_dim": size.head_width,
        "hidden_act": "silu",
        "hidden_size": size.width,
        "initializer_range": 0.02,
        "intermediate_size": size.feed_forward,
        "max_position_embeddings": size.context,
        "mlp_bias": False,
        "num_attention_heads": size.heads,
        "num_hidden_layers": size.layers,
        "num_key_value_heads": size.key_value_heads,
        "rms_norm_eps": size.norm_epsilon,
        "rope_scaling": None,
        "rope_theta": size.rope_base,
        "tie_word_embeddings": False,
        "torch_dtype": "float32",
        "use_cache": True,
        "vocab_size": size.vocabulary,
    }


def _tokenizer() -> dict[str, Any]:
    """Byte pairs with no pair: every byte falls back to its own token."""
    begin = {"SpecialToken": {"id": TOKENS[BOS], "type_id": 0}}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {
                "id": token,
                "content": TOKENS[token],
                "single_word": False,
                "lstrip": False,
                "rstrip": False,
                "normalized": False,
                "special": True,
            }
            for token in sorted(SPECIAL.values())
        ],
        "normalizer": None,
        "pre_tokenizer": None,
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [begin, {"Sequence": {"id": "A", "type_id": 0}}],
            "pair": [
                begin,
                {"Sequence": {"id": "A", "type_id": 0}},
                {"Sequence": {"id": "B", "type_id": 1}},
            ],
            "special_tokens": {
                TOKENS[BOS]: {"id": TOKENS[BOS], "ids": [BOS], "tokens": [TOKENS[BOS]]}
            },
        },
        "decoder": {
            "type": "Sequence",
            "decoders": [{"type": "ByteFallback"}, {"type": "Fuse"}],
        },
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": TOKENS[UNKNOWN],
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": True,
            "ignore_merges": False,
            "vocab": {text: token for token, text in enumerate(TOKENS)},
            "merges": [],
        },
    }
