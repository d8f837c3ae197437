"""The tokens of a model whose folder holds a `tokenizer.json`, in the order of their ids.

The form is that of the tokenizers library: a model with a vocabulary, which is an object from text
to id (BPE, WordPiece, WordLevel) or a list of pairs of text and score (Unigram), and tokens that
were added to it, each with its id.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..digests import sha256_of_tokens
from .objects import object_in, section, wrong

TOKENIZER = "tokenizer.json"
MAX_TOKENIZER_BYTES = 64 << 20
"""Those of vocabularies of 260,000 tokens take 35 MB."""
MAX_TOKENS = 4_194_304


def tokens_in(path: Path, what: str) -> tuple[str, ...]:
    """The texts of the tokens of the file at `path`, by id; holes between ids are left out.

    Raises:
        BadInput: `BAD_MODEL`, it holds no vocabulary, or two texts of one id.
    """
    held = object_in(path, what, MAX_TOKENIZER_BYTES)
    by_id = dict(_vocabulary(section(held, "model", what).get("vocab"), what))
    added = held.get("added_tokens", [])
    if not isinstance(added, list):
        raise wrong(what, "gives no list of added tokens")
    for one in added:
        if not isinstance(one, dict):
            raise wrong(what, "adds a token that is no object")
        at, text = _token(one.get("id"), one.get("content"), what)
        if by_id.setdefault(at, text) != text:
            raise wrong(what, f"gives id {at} to two tokens")
    if not by_id:
        raise wrong(what, "holds no token")
    return tuple(text for _, text in sorted(by_id.items()))


def _vocabulary(held: Any, what: str) -> list[tuple[int, str]]:
    if isinstance(held, dict):
        found = [_token(at, text, what) for text, at in held.items()]
    elif isinstance(held, list):
        texts = [one[0] if isinstance(one, list) and one else None for one in held]
        found = [_token(at, text, what) for at, text in enumerate(texts)]
    else:
        raise wrong(what, "holds no vocabulary")
    if len({at for at, _ in found}) != len(found):
        raise wrong(what, "gives one id to two tokens")
    return found


def _token(at: Any, text: Any, what: str) -> tuple[int, str]:
    if type(at) is not int or not 0 <= at < MAX_TOKENS or not isinstance(text, str):
        raise wrong(what, f"holds a token that has no text or no id below {MAX_TOKENS}")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise wrong(what, "holds a token whose text is no text") from error
    return at, text


def tokenizer_in(path: Path, what: str) -> str:
    """Which vocabulary the file at `path` has; see `digests.sha256_of_tokens`.

    Raises:
        BadInput: as `tokens_in`.
    """
    return sha256_of_tokens(text.encode() for text in tokens_in(path, what))
