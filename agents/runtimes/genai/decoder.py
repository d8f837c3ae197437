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

    The most probable token is chosen by the library's own step, as its users have it, which counts
    it as appended and computes it with the next one: who feeds it then has nothing to wait for.
    That step ends at a token that ends a text, and would go on with padding; such a token is taken
    back, and appended as any other when it is fed.
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
        self._chosen: int | None = None  # what comes next, once it was asked for
        self._ahead = False  # the library has appended it already
        self._owed: int | None = None  # what was fed last and is computed with what comes next

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
        self._fed, self._chosen, self._ahead, self._owed = 0, None, False, None

    def feed(self, tokens: Ints) -> None:
        """All at once; logits of every position are computed, as the file has it."""
        if self._ahead and len(tokens) == 1 and tokens[0] == self._chosen:
            self._owed, self._chosen, self._ahead = self._chosen, None, False
            self._fed += 1
        else:
            self._append(tokens)

    def greedy(self) -> int:
        """The highest of the last position's logits."""
        if self._chosen is None:
            if not self._fed:
                raise nothing_fed()
            with _refusals(Code.RUN_FAILED):
                self._chosen = self._next()
        return self._chosen

    def _next(self) -> int:
        generator = self._generator
        if self._fed == self._size:  # the library's step wants room for what it chooses
            self._settle()
            return int(np.argmax(generator.get_logits()))
        generator.generate_next_token()
        token = int(generator.get_next_tokens()[0])
        self._owed = None
        self._ahead = not generator.is_done()
        if not self._ahead:
            generator.rewind_to(self._fed)
        return token

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
            if first := self._generator is None:
                self._generator = self._made()
            self._settle()
            self._generator.append_tokens(np.ascontiguousarray(tokens, np.int32))
        if first:
            self._require_vocabulary()
        self._fed += len(tokens)

    def _settle(self) -> None:
        """Leaves the library with what was fed, all of it computed, and nothing else.

        Appending behind a token of its own step gives wrong logits (seen with 0.18), so that such a
        token is taken back, and appended if it was fed.
        """
        if self._ahead:
            self._generator.rewind_to(self._fed)
        if self._owed is not None:
            self._generator.rewind_to(self._fed - 1)
            self._generator.append_tokens(np.array([self._owed], np.int32))
        self._chosen, self._ahead, self._owed = None, False, None

    def _made(self) -> Any:
        """What holds the context."""
        params = library().GeneratorParams(self._model)
        params.set_search_options(
            max_length=self._size,
            batch_size=1,
            num_beams=1,
            num_return_sequences=1,
            do_sample=False,
            min_length=0,
            no_repeat_ngram_size=0,
            repetition_penalty=1.0,
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
