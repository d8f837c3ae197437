"""A decoder of LLaMA architecture in plain torch, its weights named as Hugging Face names them.

H. Touvron and others, "LLaMA: Open and Efficient Foundation Language Models", 2023
(arXiv:2302.13971), with grouped queries (J. Ainslie and others, 2023, arXiv:2305.13245).
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from .size import Size


class Attention(nn.Module):
    def __init__(self, size: Size) -> None:
        super().__init__()
        self.size = size
        narrow = size.key_value_heads * size.head_width
        self.q_proj = nn.Linear(size.width, size.width, bias=False)
        self.k_proj = nn.Linear(size.width, narrow, bias=False)
        self.v_proj = nn.Linear(size.width, narrow, bias=False)
        self.o_proj = nn.Linear(size.width, size.width, bias=False)

    def forward(self, x: torch.Tensor, turns: torch.Tensor) -> torch.Tensor:
        batch, length, width = x.shape
        shape = (batch, length, -1, self.size.head_width)
        query = turned(self.q_proj(x).view(shape).transpose(1, 2), turns)
        key = turned(self.k_proj(x).view(shape).transpose(1, 2), turns)
        value = self.v_proj(x).view(shape).transpose(1, 2)
        share = self.size.heads // self.size.key_value_heads
        mixed = functional.scaled_dot_product_attention(
            query,
            key.repeat_interleave(share, 1),
            value.repeat_interleave(share, 1),
            is_causal=True,
        )
        return self.o_proj(mixed.transpose(1, 2).reshape(batch, length, width))


class FeedForward(nn.Module):
    def __init__(self, size: Size) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(size.width, size.feed_forward, bias=False)
        self.up_proj = nn.Linear(size.width, size.feed_forward, bias=False)
        self.down_proj = nn.Linear(size.feed_forward, size.width, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.down_proj(functional.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    def __init__(self, size: Size) -> None:
        super().__init__()
        self.input_layernorm = nn.RMSNorm(size.width, eps=size.norm_epsilon)
        self.self_attn = Attention(size)
        self.post_attention_layernorm = nn.RMSNorm(size.width, eps=size.norm_epsilon)
        self.mlp = FeedForward(size)

    def forward(self, x: torch.Tensor, turns: torch.Tensor) -> torch.Tensor:
        x = x + self.self_attn(self.input_layernorm(x), turns)
        return x + self.mlp(self.post_attention_layernorm(x))


class Body(nn.Module):
    def __init__(self, size: Size) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(size.vocabulary, size.width)
        self.layers = nn.ModuleList(Layer(size) for _ in range(size.layers))
        self.norm = nn.RMSNorm(size.width, eps=size.norm_epsilon)


class Decoder(nn.Module):
    """Tokens, int64 [batch, length], to logits, float32 [batch, length, vocabulary]."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.size = size
        self.model = Body(size)
        self.lm_head = nn.Linear(size.width, size.vocabulary, bias=False)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        turns = angles(self.size, tokens.shape[1])
        x = self.model.embed_tokens(tokens)
        for layer in self.model.layers:
            x = layer(x, turns)
        return self.lm_head(self.model.norm(x))


def angles(size: Size, length: int) -> torch.Tensor:
    """Angle of each pair of numbers at each position: float32 [length, head_width / 2]."""
    halves = torch.arange(0, size.head_width, 2, dtype=torch.float32) / size.head_width
    return torch.outer(torch.arange(length, dtype=torch.float32), size.rope_base**-halves)


def turned(x: torch.Tensor, turns: torch.Tensor) -> torch.Tensor:
    """Rotary positions (J. Su and others, arXiv:2104.09864), number i paired with i + half."""
    cosine, sine = turns.cos(), turns.sin()
    first, second = x.chunk(2, dim=-1)
    return torch.cat((first * cosine - second * sine, second * cosine + first * sine), dim=-1)


def fresh(size: Size, seed: int) -> Decoder:
    """A network of random weights; what ends a residual branch begins smaller, as in GPT-2."""
    torch.manual_seed(seed)
    network = Decoder(size)
    for name, weight in network.named_parameters():
        if weight.dim() > 1:
            ends_branch = name.endswith(("o_proj.weight", "down_proj.weight"))
            nn.init.normal_(weight, std=0.02 / (2 * size.layers) ** 0.5 if ends_branch else 0.02)
    return network
