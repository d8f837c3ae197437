"""What every decoder refuses of what it is fed, in the same words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitgauge.benchmarks.vocabulary.errors import BadInput, Code, Refused

if TYPE_CHECKING:
    from .base import Ints


def check_tokens(tokens: Ints, *, fed: int, vocabulary: int, context: int) -> None:
    """Refuses what cannot be fed.

    Args:
        tokens: (n,) what is to be fed.
        fed: tokens that were fed since the reset.
        vocabulary: how many tokens there are.
        context: the most that fit.

    Raises:
        BadInput: `empty_prompt`, `outside_vocabulary` or `context_overflow`.
    """
    if not len(tokens):
        raise BadInput(Code.EMPTY_PROMPT, "The prompt is empty; a decoder needs a token to go on.")
    ends = (tokens[0],) if len(tokens) == 1 else (tokens.min(), tokens.max())
    for token in map(int, ends):
        if not 0 <= token < vocabulary:
            raise BadInput(
                Code.OUTSIDE_VOCABULARY,
                f"Token {token} is none of the model's, which are 0 to {vocabulary - 1}.",
            )
    if fed + len(tokens) > context:
        raise BadInput(
            Code.CONTEXT_OVERFLOW,
            f"{fed + len(tokens)} tokens do not fit into the context, which holds {context}.",
        )


def nothing_fed() -> BadInput:
    """The error of who asks what comes next before anything was fed."""
    return BadInput(Code.EMPTY_PROMPT, "Nothing was fed, so that nothing comes next.")


def token_by_token(library: str) -> Refused:
    """The error of who wants calls of a library that opens language models alone."""
    return Refused(
        Code.UNSUPPORTED_ARTIFACT,
        f"{library} runs language models token by token, in scenario llm alone.",
    )
