"""What of llama.cpp may be chosen, and what it is without a choice."""

from __future__ import annotations

from dataclasses import dataclass

from bitgauge.benchmarks.vocabulary.values.devices import RuntimeOption

from ..base import SessionOptions
from . import declarations as api

_FLASH = {"auto": api.FLASH_AUTO, "off": api.FLASH_OFF, "on": api.FLASH_ON}
_MICRO_BATCH = 512
_CACHE = "f16"

OPTIONS = (
    RuntimeOption("flash_attention", ("off", "on"), "attention without its matrix of scores"),
    RuntimeOption(
        "cache_type",
        tuple(one for one in api.TYPES_OF_CACHE if one != _CACHE),
        "how keys and values of the context are kept; f16 without it",
    ),
    RuntimeOption(
        "micro_batch",
        ("64", "128", "256", "1024", "2048"),
        f"most tokens that are computed at once; {_MICRO_BATCH} without it",
    ),
    RuntimeOption("mmap", ("on",), "weights stay in the file's pages, and are read when needed"),
    RuntimeOption("repack", ("off",), "weights are used as the file has them"),
)


@dataclass(frozen=True, slots=True)
class Picked:
    """The options of one decoder, by the words of `OPTIONS`."""

    words: dict[str, str]

    @property
    def flash(self) -> int:
        """A `llama_flash_attn_type`."""
        return _FLASH[self.words["flash_attention"]]

    @property
    def cache_type(self) -> int:
        """A `ggml_type`."""
        return api.TYPES_OF_CACHE[self.words["cache_type"]]

    @property
    def micro_batch(self) -> int:
        """Tokens."""
        return int(self.words["micro_batch"])

    @property
    def mmap(self) -> bool:
        """Whether weights stay in the file's pages; else they are read into memory at once."""
        return self.words["mmap"] == "on"

    @property
    def repack(self) -> bool:
        """Whether weights may be laid out anew for the processor."""
        return self.words["repack"] == "on"

    def told(self) -> dict[str, str]:
        """Name and value of each."""
        return dict(self.words)


def picked_of(options: SessionOptions) -> Picked:
    """What was asked for, and the defaults beside it."""
    words = {
        "flash_attention": "auto",
        "cache_type": _CACHE,
        "micro_batch": str(_MICRO_BATCH),
        "mmap": "off",
        "repack": "on",
    }
    given = {one.name: one.value for one in options.further}
    return Picked({name: given.get(name, value) for name, value in words.items()})
