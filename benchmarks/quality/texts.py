"""Text sets: what decoders are evaluated and calibrated with (DESIGN 11.17).

An npz: one int64 array of tokens per document under `documents/<id>`, `tokenizer` (64 hexadecimal
characters: what the tokens mean), `schema` (`bitgauge.text/1`), and optionally `preprocessing`
(JSON: how the texts were made). The order of documents is that of the file.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from ..common.digests import sha256_of_tokens
from ..common.files import whole_file
from ..common.npz import Arrays, Bounds, Npz, opened_npz, save_npz
from ..samples import Ints
from ..vocabulary.errors import BadInput, Code
from ..vocabulary.printable import hidden_in
from .sets import LONGEST_PREPROCESSING

SCHEMA = "bitgauge.text/1"
PREFIX = "documents/"
_SCHEMA, _TOKENIZER, _PREPROCESSING = "schema", "tokenizer", "preprocessing"
_TOLD = (_SCHEMA, _TOKENIZER, _PREPROCESSING)
_HEX = re.compile(r"[0-9a-f]{64}")
_CHARACTER_BYTES = 4

MAX_TEXT_DOCUMENTS = 1000
"""Of one set: each is a member of the archive, whose directory is bounded."""
MAX_SET_TOKENS = 1 << 22
"""Of all documents together."""
LONGEST_DOCUMENT_ID = 64
"""Characters."""
LARGEST_TOKEN = 1 << 31
"""No vocabulary has as many."""

_BOUNDS = Bounds(members=MAX_TEXT_DOCUMENTS + len(_TOLD), items=MAX_SET_TOKENS)


@dataclass(frozen=True, slots=True, eq=False)
class TextSet:
    """Documents as tokens.

    Attributes:
        documents: tokens (n,) of each document by its id, n at least 1, in order.
        tokenizer_sha256: what the tokens mean; see `tokenizer_sha256`.
        preprocessing: how the texts were made, as whoever made them wrote it; None: not told.
    """

    documents: dict[str, Ints]
    tokenizer_sha256: str
    preprocessing: Mapping[str, Any] | None = None

    @property
    def tokens(self) -> int:
        """How many tokens it holds."""
        return sum(int(one.size) for one in self.documents.values())

    def __len__(self) -> int:
        return len(self.documents)


def tokenizer_sha256(tokens: Iterable[str]) -> str:
    """What tells two tokenizers apart: SHA-256 of their tokens in the order of their ids.

    Each is encoded as UTF-8 and followed by a zero byte. Of a GGUF file these are
    `tokenizer.ggml.tokens`, of a Hugging Face folder its vocabulary sorted by id.
    """
    return sha256_of_tokens(token.encode("utf-8", "surrogatepass") for token in tokens)


def is_text_set(source: Path | bytes) -> bool:
    """Whether a set is one of texts, by its schema; false for what cannot be read at all."""
    try:
        with opened_npz(source, Code.BAD_EVALUATION_SET, what="the set", bounds=_BOUNDS) as npz:
            return _word(npz, _SCHEMA, Code.BAD_EVALUATION_SET) == SCHEMA
    except BadInput:
        return False


def read_text_set(
    source: Path | bytes, code: Code = Code.BAD_EVALUATION_SET, *, what: str = ""
) -> TextSet:
    """Read and check a text set; what its headers say is checked before anything is unpacked.

    Args:
        source: the file, or its bytes.
        code: `bad_evaluation_set`, or `bad_calibration_set` for a calibration set.
        what: how sentences call it; else by the name of the file.

    Raises:
        BadInput: with `code` for the first thing that is wrong, or `file_unreadable`.
    """
    what = what or ("the set" if isinstance(source, bytes) else f"the set {source.name}")
    with opened_npz(source, code, what=what, bounds=_BOUNDS) as npz:
        _require_bounded(npz, code)
        if (schema := _word(npz, _SCHEMA, code)) != SCHEMA:
            raise BadInput(code, f"The set says schema {schema[:80]!r}, not {SCHEMA}.")
        tokenizer = _word(npz, _TOKENIZER, code)
        if not _HEX.fullmatch(tokenizer):
            raise BadInput(
                code, "The set does not say its tokenizer: 64 hexadecimal characters of SHA-256."
            )
        documents = {
            key.removeprefix(PREFIX): _tokens(key.removeprefix(PREFIX), npz.array(key), code)
            for key in npz.headers
            if key.startswith(PREFIX)
        }
        return TextSet(documents, tokenizer, _told(_word(npz, _PREPROCESSING, code), code))


def _require_bounded(npz: Npz, code: Code) -> None:
    names = [key.removeprefix(PREFIX) for key in npz.headers if key.startswith(PREFIX)]
    unknown = sorted({*npz.headers} - {*_TOLD, *(PREFIX + name for name in names)})
    if unknown or not names:
        found = ", ".join(unknown)[:200] or "none"
        raise BadInput(
            code, f"A set of texts needs arrays named documents/<id>; other arrays: {found}."
        )
    for name in names:
        long = not 1 <= len(name) <= LONGEST_DOCUMENT_ID
        if long or hidden_in(name) or "/" in name or "\\" in name:
            raise BadInput(
                code,
                f"{name[:80]!r} is no id of a document: 1 to {LONGEST_DOCUMENT_ID} characters that"
                " can be seen, without slashes.",
            )
    tokens = sum(npz.headers[PREFIX + name].items for name in names)
    if tokens > MAX_SET_TOKENS:
        raise BadInput(
            code,
            f"The set holds {tokens} tokens; {MAX_SET_TOKENS} are taken at most: leave some out.",
        )


def _word(npz: Npz, name: str, code: Code) -> str:
    """One text of a set; empty where it is not there."""
    header = npz.headers.get(name)
    if header is None:
        return ""
    long = header.nbytes > _CHARACTER_BYTES * LONGEST_PREPROCESSING
    if header.shape or header.dtype.kind != "U" or long:
        raise BadInput(code, f"What the set says of its {name} is no text of bearable length.")
    return str(npz.array(name))


def _tokens(name: str, array: Any, code: Code) -> Ints:
    whole = array.dtype.kind in "iu" and array.ndim == 1
    if not whole or not array.size:
        raise BadInput(
            code, f"Document {name!r} is {array.dtype} {array.shape}, no row of whole numbers."
        )
    if int(array.min()) < 0 or int(array.max()) >= LARGEST_TOKEN:
        raise BadInput(code, f"Document {name!r} holds numbers that are no tokens.")
    tokens: Ints = array.astype(np.int64)
    return tokens


def _told(text: str, code: Code) -> Mapping[str, Any] | None:
    if not text:
        return None
    try:
        found: dict[str, Any] = msgspec.json.decode(text, type=dict[str, Any])
    except (ValueError, RecursionError) as error:
        raise BadInput(code, "What the set says of its preprocessing is no JSON object.") from error
    return found


def write_text_set(path: Path, texts: TextSet) -> None:
    """Write a text set, whole or not at all; equal sets give equal bytes."""
    with whole_file(path) as file:
        save_npz(file, _arrays_of(texts))


def encoded_text_set(texts: TextSet) -> bytes:
    """The bytes that `write_text_set` writes."""
    file = io.BytesIO()
    save_npz(file, _arrays_of(texts))
    return file.getvalue()


def _arrays_of(texts: TextSet) -> Arrays:
    arrays: Arrays = {_SCHEMA: np.array(SCHEMA), _TOKENIZER: np.array(texts.tokenizer_sha256)}
    arrays |= {PREFIX + name: one.astype(np.int64) for name, one in texts.documents.items()}
    if texts.preprocessing is not None:
        told = msgspec.json.encode(texts.preprocessing, order="sorted").decode()
        arrays[_PREPROCESSING] = np.array(told)
    return arrays


def document_hashes(texts: TextSet) -> frozenset[str]:
    """SHA-256 of the tokens of each document, whatever its id."""
    each = (one.astype("<i8").tobytes() for one in texts.documents.values())
    return frozenset(hashlib.sha256(one).hexdigest() for one in each)


def require_other_texts(calibration: TextSet, evaluation: TextSet) -> None:
    """Refuse a calibration set of another tokenizer than the evaluation set, or with its texts.

    Raises:
        BadInput: code `bad_calibration_set`, with what is wrong.
    """
    if calibration.tokenizer_sha256 != evaluation.tokenizer_sha256:
        raise BadInput(
            Code.BAD_CALIBRATION_SET,
            "The texts for calibration were made with another tokenizer than those for evaluation.",
        )
    shared = len(document_hashes(calibration) & document_hashes(evaluation))
    if shared:
        raise BadInput(
            Code.BAD_CALIBRATION_SET,
            f"{shared} documents for calibration are also in the evaluation set.",
        )


def require_tokenizer(
    texts: TextSet, model_sha256: str, code: Code = Code.BAD_EVALUATION_SET
) -> None:
    """Refuse a set whose tokens mean something else to a model.

    Args:
        texts: the set.
        model_sha256: of the model's own tokenizer; empty where it has none, which fits any set.
        code: of the error.

    Raises:
        BadInput: with `code`, with what to do.
    """
    if model_sha256 and texts.tokenizer_sha256 != model_sha256:
        raise BadInput(
            code,
            f"The texts were made with tokenizer {texts.tokenizer_sha256[:12]}, the model has"
            f" {model_sha256[:12]}: make the set with the model's own (`bitgauge set make`).",
        )


def chunked(tokens: Ints, length: int) -> Sequence[Ints]:
    """Consecutive parts of at most `length` tokens, the last one as long as what is left."""
    return [tokens[at : at + length] for at in range(0, tokens.size, length)]
