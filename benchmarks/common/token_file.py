"""The file that holds somebody's token, as agents and clients read it."""

from __future__ import annotations

from pathlib import Path

from ..vocabulary.errors import BadInput, Code

MAX_TOKEN_FILE_BYTES = 4096
"""A token and its pin have 129; what is longer, or has no end, is something else."""


def token_in(path: Path) -> str:
    """The token in a file, which may be a pipe; empty for an empty one.

    Raises:
        OSError: it cannot be read.
        UnicodeDecodeError: it holds no token.
        BadInput: `UNAUTHENTICATED`, it is too long for a token, or more than one line.
    """
    with path.open("rb") as file:
        data = file.read(MAX_TOKEN_FILE_BYTES + 1)
    token = data.decode("ascii").strip()
    if len(data) > MAX_TOKEN_FILE_BYTES or not token.isprintable():
        raise BadInput(
            Code.UNAUTHENTICATED,
            f"The file {path} holds no token, which is one line of {MAX_TOKEN_FILE_BYTES}"
            " characters at most.",
        )
    return token
