"""The decoder of the fake runtime: what it says follows from what it was fed.

Its logits are cosines of a hash of everything that was fed, so that a token too many, one
forgotten or two exchanged change all of them.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from ._tokens import check_tokens, nothing_fed

if TYPE_CHECKING:
    from .base import Floats, Ints, SessionOptions
    from .fake import FakeModel

_BEGINNING = 1
_MODULUS = 2_147_483_647


class FakeDecoder:
    """One fake artifact as a decoder; see `base.Decoder`.

    Args:
        model: the artifact.
        options: how it is made.
        act: does what the artifact says happens at each call.
    """

    def __init__(self, model: FakeModel, options: SessionOptions, act: Callable[[], None]) -> None:
        self._model = model
        self._options = options
        self._act = act
        self._fed = 0
        self._hash = _BEGINNING

    @property
    def context_tokens(self) -> int:
        """What the artifact says, or less where less was asked for."""
        return min(self._options.context or self._model.context, self._model.context)

    @property
    def vocabulary(self) -> int:
        """What the artifact says."""
        return self._model.vocabulary

    @property
    def bos(self) -> int | None:
        """The first token."""
        return 0

    @property
    def tokenizer_sha256(self) -> str:
        """Its tokens are their own numbers."""
        texts = "".join(f"{token}\0" for token in range(self._model.vocabulary))
        return hashlib.sha256(texts.encode()).hexdigest()

    def options_set(self) -> dict[str, str]:
        """What it was told; the context alone changes what it does."""
        return {"threads": str(self._options.threads), "context": str(self.context_tokens)}

    def reset(self) -> None:
        """Forgets what was fed."""
        self._fed, self._hash = 0, _BEGINNING

    def feed(self, tokens: Ints) -> None:
        """Takes the artifact's latency for each token, waiting busily as a kernel would."""
        self._check(tokens)
        self._act()
        until = time.perf_counter_ns() + self._model.latency_ns * len(tokens)
        for token in tokens.tolist():
            self._take(token)
        while time.perf_counter_ns() < until:
            pass

    def greedy(self) -> int:
        """The highest of its logits."""
        if not self._fed:
            raise nothing_fed()
        return int(self._logits().argmax())

    def scores(self, tokens: Ints) -> Floats:
        """The logits at every position."""
        import numpy as np

        self.reset()
        self._check(tokens)
        self._act()
        rows = []
        for token in tokens.tolist():
            self._take(token)
            rows.append(self._logits())
        return np.stack(rows)

    def close(self) -> None:
        """Nothing is held."""

    def _check(self, tokens: Ints) -> None:
        check_tokens(
            tokens,
            fed=self._fed,
            vocabulary=self._model.vocabulary,
            context=self.context_tokens,
        )

    def _take(self, token: int) -> None:
        self._hash = (self._hash * 31 + token + 1) % _MODULUS
        self._fed += 1

    def _logits(self) -> Floats:
        """(vocabulary,); `offset` of the artifact bends them, as a coarser format would."""
        import numpy as np

        tokens = np.arange(1, self._model.vocabulary + 1)
        angles = np.float64(self._hash % 9973) * tokens
        bent = (np.cos(angles) + self._model.offset * np.sin(3 * angles)).astype(np.float32)
        return np.full_like(bent, np.nan) if self._model.behaviour == "nan" else bent
