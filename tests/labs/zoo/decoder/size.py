"""How large a decoder is."""

from __future__ import annotations

from dataclasses import dataclass

from .text import TOKENS


@dataclass(frozen=True, slots=True)
class Size:
    """Sizes as a LLaMA names them; K-quants of llama.cpp need rows of a multiple of 256."""

    layers: int = 4
    width: int = 256
    heads: int = 4
    key_value_heads: int = 2
    feed_forward: int = 768
    vocabulary: int = len(TOKENS)
    context: int = 512
    rope_base: float = 10000.0
    norm_epsilon: float = 1e-5

    @property
    def head_width(self) -> int:
        return self.width // self.heads
