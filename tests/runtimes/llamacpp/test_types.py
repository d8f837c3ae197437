"""The table of how tensors are stored, against the `gguf` package of llama.cpp's authors."""

from __future__ import annotations

import gguf
from bitgauge.benchmarks.common.gguf.types import TYPES

# Of activations, and never stored.
ACTIVATIONS = {"Q8_1", "Q8_K"}


def test_blocks_and_sizes_are_llama_cpps() -> None:
    known = {kind.value: (kind.name, size) for kind, size in gguf.GGML_QUANT_SIZES.items()}
    for number, ours in TYPES.items():
        name, size = known[number]
        assert (ours.name, ours.block, ours.size) == (name.lower(), *size)


def test_only_types_that_came_later_are_missing() -> None:
    missing = {kind for kind in gguf.GGML_QUANT_SIZES if kind.value not in TYPES}
    later = {kind.name for kind in missing if kind.value > max(TYPES)}
    assert {kind.name for kind in missing} - later == ACTIVATIONS
