"""What a language model is to whoever feeds it; `base` hands it on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from .base import Floats, Ints


class Decoder(Protocol):
    """A language model with a context: what was fed stays until it is reset.

    What it holds for the context is made when it is first fed, so that a process can see how much
    memory that takes.
    """

    @property
    def context_tokens(self) -> int:
        """The most tokens that fit."""
        ...

    @property
    def vocabulary(self) -> int:
        """How many tokens there are; they are numbered from 0."""
        ...

    @property
    def bos(self) -> int | None:
        """The token that begins a text; None where the model has none."""
        ...

    @property
    def tokenizer_sha256(self) -> str:
        """Of the artifact's tokens, as text sets name it; "" where it has none."""
        ...

    def options_set(self) -> dict[str, str]:
        """As `Session.options_set`."""
        ...

    def reset(self) -> None:
        """Forgets what was fed."""
        ...

    def feed(self, tokens: Ints) -> None:
        """Appends tokens, (n,) with n >= 1, to what was fed; returns when all is computed.

        Raises:
            BitgaugeError: `empty_prompt`, `outside_vocabulary`, `context_overflow`; then nothing
                was fed. `run_failed`: the runtime could not execute it.
        """
        ...

    def greedy(self) -> int:
        """The most probable token at the next position; the lowest id of equals.

        Raises:
            BitgaugeError: `empty_prompt`, nothing was fed.
        """
        ...

    def scores(self, tokens: Ints) -> Floats:
        """Resets, feeds all and returns the logits at every position, (n, vocabulary).

        Raises:
            BitgaugeError: as `feed`.
        """
        ...

    def close(self) -> None:
        """Gives back what it holds."""
        ...
