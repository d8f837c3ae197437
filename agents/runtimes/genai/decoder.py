"""One folder of onnxruntime-genai as a decoder."""

from __future__ import annotations

import contextlib
import functools
import json
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from bitgauge.benchmarks.common.folders.genai import CONFIG, GenaiConfig, config_of
from bitgauge.benchmarks.common.folders.tokens import TOKENIZER, tokenizer_in
from bitgauge.benchmarks.common.said import said
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code, Refused

from .._tokens import check_tokens, nothing_fed
from ..base import MOST_CONTEXT, SessionOptions
from . import tiny
from .options import SHARED, chosen, overlay

if TYPE_CHECKING:
    from ..base import Floats, Ints

_WHAT = "The artifact"
_CPU = "CPU"
_UNKNOWN_TYPE = re.compile(r"unsupported model_?type|not a supported model type", re.I)
_NO_MEMORY = re.compile(r"failed to allocate memory|bad_?alloc|bad allocation", re.I)


@functools.cache
def library() -> Any:
    """The library, which tells its makers nothing from here on."""
    import onnxruntime_genai

    onnxruntime_genai.disable_telemetry_events()
    return onnxruntime_genai


def open_decoder(path: Path, options: SessionOptions) -> GenaiDecoder:
    """A decoder on the folder of the `genai_config.json` at `path`, which is read by us first.

    Raises:
        BadInput: `bad_model`, the folder is not whole, or the library refuses it; `external_data`
            and `refused_format`, its configuration leads out of it or has code loaded.
        Refused: `unsupported_artifact`, the library has no such architecture.
        MemoryError: there is not enough of it.
    """
    with path.open("rb") as file:
        own = tiny.made(file.read(tiny.LONGEST))
    if own is None:
        return _opened(path, options)
    with tempfile.TemporaryDirectory(prefix="genai-") as folder:
        for name, data in own.items():
            Path(folder, name).write_bytes(data)
        return _opened(Path(folder, CONFIG), options)


def _opened(path: Path, options: SessionOptions) -> GenaiDecoder:
    config = config_of(path, _WHAT)
    folder = path.parent
    if path.name != CONFIG:
        raise BadInput(
            Code.BAD_MODEL,
            f"The artifact is called {path.name[:80]!r}, not {CONFIG}: give a folder.",
        )
    if not (folder / config.model).is_file():
        raise BadInput(
            Code.EXTERNAL_DATA,
            f"The artifact needs {config.model[:80]!r}, which is not beside its {CONFIG}.",
        )
    tokenizer = folder / TOKENIZER
    digest = tokenizer_in(tokenizer, "The artifact's tokenizer") if tokenizer.is_file() else ""
    with _refusals():
        made = library().Config(str(folder))
        made.clear_providers()  # what is left is the CPU
        picked = chosen(options)
        made.overlay(json.dumps(overlay(options, picked)))
        model = library().Model(made)
    if (device := str(model.device_type)) != _CPU:
        raise Refused(
            Code.UNSUPPORTED_ARTIFACT,
            f"ONNX Runtime GenAI would run the artifact on {device[:40]}, and not on the CPU.",
        )
    return GenaiDecoder(model, config, digest, options, picked)


@contextlib.contextmanager
def _refusals(code: Code = Code.BAD_MODEL) -> Any:
    """What the library raises, as one sentence: it has no classes of its own."""
    try:
        yield
    except (RuntimeError, ValueError, TypeError) as error:
        text = str(error)
        if _NO_MEMORY.search(text):
            raise MemoryError(
                "onnxruntime-genai could not allocate what the model needs"
            ) from error
        if _UNKNOWN_TYPE.search(text):
            raise Refused(
                Code.UNSUPPORTED_ARTIFACT,
                f"ONNX Runtime GenAI has no architecture as the artifact's: {said(error)}.",
            ) from error
        raise BadInput(
            code, f"ONNX Runtime GenAI cannot run the artifact: {said(error)}."
        ) from error


class GenaiDecoder:
    """One loaded folder; see `base.Decoder`. Its context is made when it is first fed.

    Tokens are appended, never drawn by the library: its own step stops at a token that ends a
    text, and goes on with padding.
    """

    def __init__(
        self,
        model: Any,
        config: GenaiConfig,
        tokenizer_sha256: str,
        options: SessionOptions,
        picked: dict[str, str],
    ) -> None:
        self._model = model
        self._config = config
        self._tokenizer = tokenizer_sha256
        self._options = options
        self._picked = picked
        self._size = min(options.context or MOST_CONTEXT, config.context_tokens)
        self._generator: Any = None
        self._fed = 0

    @property
    def context_tokens(self) -> int:
        """What was asked for, as far as the model was made for it."""
        return self._size

    @property
    def vocabulary(self) -> int:
        """As the folder says."""
        return self._config.vocabulary

    @property
    def bos(self) -> int | None:
        """As the folder says."""
        return self._config.bos

    @property
    def tokenizer_sha256(self) -> str:
        """Of the tokens of its `tokenizer.json`."""
        return self._tokenizer

    def options_set(self) -> dict[str, str]:
        """What it was made with."""
        return {
            "threads": str(self._options.threads),
            "context": str(self._size),
            "arena": "on" if self._options.arena else "off",
            "provider": str(self._model.device_type).lower(),
            **self._picked,
        }

    def reset(self) -> None:
        """Forgets what was fed; the buffers of the context stay."""
        if self._fed:
            self._generator.rewind_to(0)
        self._fed = 0

    def feed(self, tokens: Ints) -> None:
        """All at once; logits of every position are computed, as the file has it."""
        self._append(tokens)

    def greedy(self) -> int:
        """The highest of the last position's logits."""
        if not self._fed:
            raise nothing_fed()
        return int(np.argmax(self._generator.get_logits()))

    def scores(self, tokens: Ints) -> Floats:
        """Logits of every position, as float32."""
        self.reset()
        self._append(tokens)
        with _refusals(Code.RUN_FAILED):
            found = np.asarray(self._generator.get_output("logits"), np.float32)
        return found.reshape(-1, self.vocabulary)[-len(tokens) :]

    def close(self) -> None:
        """Frees context and model."""
        self._generator = self._model = None

    def _append(self, tokens: Ints) -> None:
        check_tokens(tokens, fed=self._fed, vocabulary=self.vocabulary, context=self._size)
        with _refusals(Code.RUN_FAILED):
            if self._generator is None:
                self._generator = self._made()
            self._generator.append_tokens(np.ascontiguousarray(tokens, np.int32))
        if not self._fed:
            self._require_vocabulary()
        self._fed += len(tokens)

    def _made(self) -> Any:
        """What holds the context."""
        params = library().GeneratorParams(self._model)
        params.set_search_options(
            max_length=self._size,
            batch_size=1,
            num_beams=1,
            num_return_sequences=1,
            do_sample=False,
            past_present_share_buffer=self._picked[SHARED] == "on",
        )
        return library().Generator(self._model, params)

    def _require_vocabulary(self) -> None:
        """Hold what the folder says of its vocabulary against what comes out."""
        if (size := int(self._generator.get_logits().shape[-1])) != self.vocabulary:
            raise BadInput(
                Code.BAD_MODEL,
                f"The artifact says that it knows {self.vocabulary} tokens, and judges {size}.",
            )
