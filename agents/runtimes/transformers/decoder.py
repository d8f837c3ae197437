"""One Hugging Face folder as a decoder, in floats of 32 bits."""

from __future__ import annotations

import functools
import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from bitgauge.benchmarks.common.folders.objects import object_in, whole_number
from bitgauge.benchmarks.common.folders.tokens import MAX_TOKENS, TOKENIZER, tokenizer_in
from bitgauge.benchmarks.common.said import said
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code, Refused

from .._tokens import check_tokens, nothing_fed
from ..base import MOST_CONTEXT, SessionOptions
from . import FLOOR

if TYPE_CHECKING:
    from ..base import Floats, Ints

CONFIG = "config.json"
DEQUANTIZED, FLOAT = "dequantized", "float32"
_WHAT = "The artifact"
_LONGEST_CONTEXT = 1 << 30


@functools.cache
def library() -> Any:
    """The library, told that there is no network and that nobody reads its advice."""
    os.environ |= {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
    os.environ["TOKENIZERS_PARALLELISM"] = "0"
    import transformers

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    return transformers


def open_decoder(path: Path, options: SessionOptions) -> TransformersDecoder:
    """A decoder on the folder of the `config.json` at `path`, which is read by us first.

    Raises:
        BadInput: `bad_model`, the folder is not whole, or the library refuses it; `refused_format`,
            it brings code or pickles.
        Refused: `unsupported_artifact`, the library has no such architecture or quantization, or
            computes with numbers as they are stored, which is not what is measured here.
        MemoryError: there is not enough of it.
    """
    import torch

    torch.set_num_threads(options.threads)
    with path.open("rb") as file:
        if file.read(len(FLOOR) + 1) == FLOOR:
            return TransformersDecoder(_floor(), "", None, options, FLOAT)
    held = object_in(path, _WHAT)
    if held.get("auto_map"):
        raise BadInput(
            Code.REFUSED_FORMAT, "The artifact brings classes of its own (auto_map), a program."
        )
    whole_number(held, "vocab_size", _WHAT, MAX_TOKENS)
    tokenizer = path.parent / TOKENIZER
    digest = tokenizer_in(tokenizer, "The artifact's tokenizer") if tokenizer.is_file() else ""
    model = _loaded(path.parent)
    compute = _computes(model) if held.get("quantization_config") else FLOAT
    bos = held.get("bos_token_id")
    return TransformersDecoder(model, digest, bos if type(bos) is int else None, options, compute)


def _loaded(folder: Path) -> Any:
    import torch

    try:
        model = library().AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=torch.float32,
            trust_remote_code=False,
            use_safetensors=True,
            local_files_only=True,
        )
    except (ImportError, NotImplementedError) as error:
        raise Refused(
            Code.UNSUPPORTED_ARTIFACT, f"The artifact cannot be loaded here: {said(error)}."
        ) from error
    except MemoryError:
        raise
    except Exception as error:  # each of its layers raises classes of its own
        text = str(error)
        if "does not recognize this architecture" in text or "Unrecognized" in text:
            raise Refused(
                Code.UNSUPPORTED_ARTIFACT,
                f"The library has no architecture as the artifact's: {said(error)}.",
            ) from error
        raise BadInput(
            Code.BAD_MODEL, f"The artifact cannot be loaded by transformers: {said(error)}."
        ) from error
    return model.eval()


def _floor() -> Any:
    """The smallest model that there is: what loading costs at least."""
    import torch

    config = library().LlamaConfig(
        **{"vocab_size": 64, "hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1},
        **{"num_attention_heads": 1, "num_key_value_heads": 1, "max_position_embeddings": 1024},
    )
    generator = torch.Generator().manual_seed(1)
    model = library().LlamaForCausalLM(config).float().eval()
    with torch.no_grad():
        for weight in model.parameters():
            if weight.dim() > 1:
                weight.copy_(torch.randn(weight.shape, generator=generator))
    return model


def _computes(model: Any) -> str:
    """How a model that was quantized computes, told after a call: a layer may unpack itself then.

    Raises:
        Refused: `unsupported_artifact`, not in floats.
    """
    import torch

    with torch.no_grad():
        model(input_ids=torch.zeros((1, 1), dtype=torch.int64))
    layers = [one for one in model.modules() if isinstance(one, torch.nn.Linear)]
    kinds = {one.weight.dtype for one in layers if getattr(one, "weight", None) is not None}
    if kinds != {torch.float32}:
        raise Refused(
            Code.UNSUPPORTED_ARTIFACT,
            "The library would compute with the artifact's numbers as they are stored, in kernels"
            " that are not measured here.",
        )
    return DEQUANTIZED


class TransformersDecoder:
    """One loaded folder; see `base.Decoder`. Keys and values are kept as the library keeps them."""

    def __init__(
        self, model: Any, digest: str, bos: int | None, options: SessionOptions, compute: str
    ) -> None:
        self._model = model
        self._digest = digest
        self._bos = bos
        self._options = options
        self._compute = compute
        most = getattr(model.config, "max_position_embeddings", None) or _LONGEST_CONTEXT
        self._size = min(options.context or MOST_CONTEXT, int(most))
        self._kept: Any = None
        self._last: Floats | None = None
        self._fed = 0

    @property
    def context_tokens(self) -> int:
        """What was asked for, as far as the model was made for it."""
        return self._size

    @property
    def vocabulary(self) -> int:
        """As the configuration says."""
        return int(self._model.config.vocab_size)

    @property
    def bos(self) -> int | None:
        """As the configuration says."""
        return self._bos

    @property
    def tokenizer_sha256(self) -> str:
        """Of the tokens of its `tokenizer.json`."""
        return self._digest

    def options_set(self) -> dict[str, str]:
        """What it was made with, and how it computes."""
        return {
            "threads": str(self._options.threads),
            "context": str(self._size),
            "compute": self._compute,
        }

    def reset(self) -> None:
        """Forgets what was fed."""
        self._kept, self._last, self._fed = None, None, 0

    def feed(self, tokens: Ints) -> None:
        """All at once."""
        self._last = self._run(tokens)[-1]

    def greedy(self) -> int:
        """The highest of the last position's logits."""
        if self._last is None:
            raise nothing_fed()
        return int(self._last.argmax())

    def scores(self, tokens: Ints) -> Floats:
        """Logits of every position."""
        self.reset()
        return self._run(tokens)

    def close(self) -> None:
        """Frees the model."""
        self.reset()
        self._model = None

    def _run(self, tokens: Ints) -> Floats:
        import torch

        check_tokens(tokens, fed=self._fed, vocabulary=self.vocabulary, context=self._size)
        given = torch.from_numpy(np.ascontiguousarray(tokens, np.int64))[None]
        try:
            with torch.no_grad(), warnings.catch_warnings():
                # It calls the cache by another name from 5.24 on, and takes both.
                warnings.simplefilter("ignore", FutureWarning)
                found = self._model(input_ids=given, past_key_values=self._kept, use_cache=True)
        except RuntimeError as error:
            if "allocate memory" in str(error):
                raise MemoryError("PyTorch could not allocate what the model needs") from error
            raise BadInput(
                Code.RUN_FAILED, f"The artifact could not be executed: {said(error)}."
            ) from error
        self._kept = found.past_key_values
        self._fed += len(tokens)
        scores: Floats = found.logits[0].float().numpy()
        return scores
