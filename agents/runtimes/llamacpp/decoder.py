"""One GGUF file as a decoder."""

from __future__ import annotations

import ctypes
import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from bitgauge.benchmarks.common.gguf.decoder import DecoderHeader, decoder_of
from bitgauge.benchmarks.common.gguf.header import GgufHeader, read_header
from bitgauge.benchmarks.common.said import said
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code, Refused

from .._tokens import check_tokens, nothing_fed
from ..base import MOST_CONTEXT, SessionOptions
from . import declarations as api
from .library import LOG, loaded_library, system_info
from .options import Picked, picked_of

if TYPE_CHECKING:
    from ..base import Floats, Ints

_UNKNOWN_ARCHITECTURE = re.compile(r"unknown model architecture: '([^']*)'")
_NO_MEMORY = re.compile(r"failed to allocate|unable to allocate|bad_alloc|out of memory", re.I)
MOST_LAYERS = 512
"""Layers of a model; llama.cpp counts no further (`LLAMA_MAX_LAYERS`)."""

_NO_ROOM, _ABORTED = 1, 2  # what llama_decode answers beside 0


def open_decoder(path: Path, options: SessionOptions) -> LlamaDecoder:
    """A decoder on the file at `path`; its header is read by us before the library sees it.

    Raises:
        BadInput: `bad_model`, the header is broken or the library refuses the file.
        Refused: `unsupported_artifact`, the library has no such architecture.
        MemoryError: there is not enough of it.
    """
    whole = read_header(path, "The artifact")
    header = decoder_of(whole)
    _require_bearable(whole, header.architecture)
    picked = picked_of(options)
    loaded = loaded_library()
    params = loaded.llama_model_default_params()
    params.n_gpu_layers = 0
    params.load_mode = api.LOAD_MMAP if picked.mmap else api.LOAD_INTO_MEMORY
    params.use_extra_bufts = picked.repack
    LOG.clear()
    model = loaded.llama_model_load_from_file(str(path).encode(), params)
    if not model:
        raise _refused()
    decoder = LlamaDecoder(model, header, options, picked)
    known = loaded.llama_vocab_n_tokens(loaded.llama_model_get_vocab(model))
    if known != header.vocabulary:
        decoder.close()
        raise BadInput(
            Code.BAD_MODEL,
            f"The artifact lists {header.vocabulary} tokens, and llama.cpp finds {known}.",
        )
    return decoder


def _require_bearable(whole: GgufHeader, architecture: str) -> None:
    """Refuses what llama.cpp does not refuse but ends the process for."""
    layers = whole.metadata.whole(f"{architecture}.block_count") or 0
    there = {one.name.split(".")[1] for one in whole.tensors if one.name.startswith("blk.")}
    if not 0 < layers <= min(MOST_LAYERS, max(1, len(there))):
        raise BadInput(
            Code.BAD_MODEL,
            f"The artifact claims {layers} layers and holds {len(there)}; llama.cpp takes 1 to"
            f" {MOST_LAYERS}.",
        )
    for name in ("layer_norm_epsilon", "layer_norm_rms_epsilon"):
        value = whole.metadata.values.get(f"{architecture}.attention.{name}", 0.0)
        if not isinstance(value, float) or value < 0:
            raise BadInput(Code.BAD_MODEL, f"The artifact's {name} is {value}, and less than 0.")


def _refused() -> Exception:
    """Why no model was made, from what the library said."""
    errors = list(LOG.errors())
    text = " ".join(errors)
    if match := _UNKNOWN_ARCHITECTURE.search(text):
        return Refused(
            Code.UNSUPPORTED_ARTIFACT,
            f"Architecture {match[1]!r}, which the artifact names, is none of llama.cpp's.",
        )
    if _NO_MEMORY.search(text):
        return MemoryError("llama.cpp could not allocate what the model needs")
    return BadInput(
        Code.BAD_MODEL, f"The artifact cannot be loaded by llama.cpp: {_cause(errors)}."
    )


def _cause(errors: list[str]) -> str:
    """The first thing that went wrong, without the names of functions before it."""
    if not errors:
        return "it does not say why"
    text = re.sub(r"^(\w+: )?(error loading model: )?", "", errors[0])
    return said(ValueError(text)).rstrip(".")


class LlamaDecoder:
    """One loaded file; see `base.Decoder`. Its context is made when it is first needed."""

    def __init__(
        self, model: int, header: DecoderHeader, options: SessionOptions, picked: Picked
    ) -> None:
        self._api = loaded_library()
        self._model: int | None = model
        self._header = header
        self._threads = options.threads
        self._picked = picked
        self._size = min(options.context or MOST_CONTEXT, header.context_tokens)
        self._context: int | None = None
        self._fed = 0
        self._single = _Tokens(1)
        self._last_at, self._last = 0, np.empty(0, np.float32)
        self._many: _Tokens | None = None

    @property
    def context_tokens(self) -> int:
        """What was asked for, as far as the model was made for it."""
        return self._size

    @property
    def vocabulary(self) -> int:
        """As the file lists them."""
        return self._header.vocabulary

    @property
    def bos(self) -> int | None:
        """As the file says."""
        return self._header.bos

    @property
    def tokenizer_sha256(self) -> str:
        """Of the tokens that the file lists."""
        return self._header.tokenizer_sha256

    def options_set(self) -> dict[str, str]:
        """What it was made with."""
        return {
            "threads": str(self._threads),
            "context": str(self._size),
            "compiled for": system_info(),
            **self._picked.told(),
        }

    def reset(self) -> None:
        """Forgets what was fed; the cells of the context stay as they are, and empty."""
        self._fed = 0
        if self._context is not None:
            self._api.llama_memory_clear(self._api.llama_get_memory(self._context), False)

    def feed(self, tokens: Ints) -> None:
        """As many tokens at once as fit into a batch; logits of the last one alone."""
        self._check(tokens)
        context = self._made()
        if len(tokens) == 1:
            self._decode(context, self._single, tokens, every=False)
        else:
            room = self._room()
            for start in range(0, len(tokens), room.size):
                self._decode(context, room, tokens[start : start + room.size], every=False)
        self._api.llama_synchronize(context)

    def greedy(self) -> int:
        """The highest of the last position's logits."""
        if not self._fed or self._context is None:
            raise nothing_fed()
        at = self._api.llama_get_logits_ith(self._context, -1)
        if at != self._last_at:  # mostly it is where it was: seeing it anew takes 15 us
            row = (ctypes.c_float * self.vocabulary).from_address(at)
            self._last_at, self._last = at, np.ctypeslib.as_array(row)
        return int(self._last.argmax())

    def scores(self, tokens: Ints) -> Floats:
        """Logits of every position."""
        self.reset()
        self._check(tokens)
        context, room = self._made(), self._room()
        made = np.empty((len(tokens), self.vocabulary), np.float32)
        for start in range(0, len(tokens), room.size):
            part = tokens[start : start + room.size]
            self._decode(context, room, part, every=True)
            size = len(part) * self.vocabulary
            rows = (ctypes.c_float * size).from_address(self._api.llama_get_logits(context))
            made[start : start + len(part)] = np.ctypeslib.as_array(rows).reshape(len(part), -1)
        return made

    def close(self) -> None:
        """Frees context and model."""
        if self._context is not None:
            self._api.llama_free(self._context)
        if self._model is not None:
            self._api.llama_model_free(self._model)
        self._context = self._model = None

    def __del__(self) -> None:
        self.close()

    def _check(self, tokens: Ints) -> None:
        check_tokens(tokens, fed=self._fed, vocabulary=self.vocabulary, context=self._size)

    def _made(self) -> int:
        """The context.

        Raises:
            MemoryError: there is no room for it.
            Refused: `run_failed`, the library makes none.
        """
        if self._context is None:
            params = self._api.llama_context_default_params()
            params.n_ctx = self._size
            params.n_batch = params.n_ubatch = self._picked.micro_batch
            params.n_threads = params.n_threads_batch = self._threads
            params.flash_attn_type = self._picked.flash
            params.type_k = params.type_v = self._picked.cache_type
            LOG.clear()
            made = self._api.llama_init_from_model(self._model, params)
            if not made:
                errors = list(LOG.errors())
                if _NO_MEMORY.search(" ".join(errors)):
                    raise MemoryError("llama.cpp could not allocate what the context needs")
                raise Refused(
                    Code.RUN_FAILED, f"No context is made of it by llama.cpp: {_cause(errors)}."
                )
            self._context = int(made)
        return self._context

    def _room(self) -> _Tokens:
        if self._many is None:
            assert self._context is not None
            self._many = _Tokens(min(self._api.llama_n_batch(self._context), self._size))
        return self._many

    def _decode(self, context: int, room: _Tokens, tokens: Ints, *, every: bool) -> None:
        status = self._api.llama_decode(context, room.filled(tokens, self._fed, every=every))
        if status:
            words = {_NO_ROOM: "its context is full", _ABORTED: "it was stopped"}
            why = words.get(status) or _cause(list(LOG.errors()))
            raise Refused(Code.RUN_FAILED, f"A token could not be decoded by llama.cpp: {why}.")
        self._fed += len(tokens)


class _Tokens:
    """Room for a batch of one sequence, filled again for every call."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._token = np.zeros(size, np.int32)
        self._pos = np.zeros(size, np.int32)
        self._logits = np.zeros(size, np.int8)
        self._sequence = (ctypes.c_int32 * 1)(0)
        pointer = ctypes.POINTER(ctypes.c_int32)
        self._ids = (pointer * size)(*[ctypes.cast(self._sequence, pointer)] * size)
        self._counts = (ctypes.c_int32 * size)(*[1] * size)
        self._batch = api.Batch(
            n_tokens=0,
            token=self._token.ctypes.data_as(pointer),
            embd=None,
            pos=self._pos.ctypes.data_as(pointer),
            n_seq_id=ctypes.cast(self._counts, pointer),
            seq_id=self._ids,
            logits=self._logits.ctypes.data_as(ctypes.POINTER(ctypes.c_int8)),
        )

    def filled(self, tokens: Ints, start: int, *, every: bool) -> api.Batch:
        """The batch of these tokens, the first of which is at position `start`."""
        count = len(tokens)
        if count == 1:  # of every token that is generated
            self._token[0], self._pos[0] = tokens[0], start
        else:
            self._token[:count] = tokens
            self._pos[:count] = np.arange(start, start + count)
            self._logits[:count] = every
        self._logits[count - 1] = 1
        self._batch.n_tokens = count
        return self._batch
