"""Texts for language models: one .txt file is one document, as tokens of the model's own tokenizer.

With `--tokenizer` the file of a tokenizer says what the tokens are, and it has to be the model's;
without one a model whose vocabulary has a token for each byte needs none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from bitgauge.benchmarks.common.digests import sha256_of_tokens
from bitgauge.benchmarks.common.files import bounded_bytes
from bitgauge.benchmarks.common.gguf.header import read_header
from bitgauge.benchmarks.quality.texts import (
    LONGEST_DOCUMENT_ID,
    MAX_SET_TOKENS,
    MAX_TEXT_DOCUMENTS,
    TextSet,
    document_hashes,
    write_text_set,
)
from bitgauge.benchmarks.vocabulary.errors import Code

from .base import SetOptions, refused, written_to
from .bounds import MAX_TEXT_FILE_BYTES
from .sources.texts import tokenizer_of
from .split import split

_BYTE = re.compile(rb"<0x([0-9A-F]{2})>")
_GGUF = b"GGUF"
_BYTES = 256

Tokens = npt.NDArray[np.int64]
Encode = Callable[[str], Sequence[int]]


@dataclass(frozen=True, slots=True, eq=False)
class MadeTexts:
    """Two sets of one folder; `calibration` is None when none was asked for."""

    evaluation: TextSet
    calibration: TextSet | None


def make_texts(
    source: Path,
    model: Path,
    model_sha256: str,
    options: SetOptions,
    *,
    calibration: int = 0,
    seed: int = 0,
) -> MadeTexts:
    """Read texts and divide them.

    Args:
        source: a .txt file, or a folder of them.
        model: the language model's file.
        model_sha256: of its tokenizer; empty where it has none.
        options: of these the tokenizer, and the most tokens of a document.
        calibration: documents that are to calibrate; 0: none.
        seed: of the division.

    Raises:
        BadInput: the source holds no texts or too few, or the tokenizer is another than the
            model's.
        Refused: a library is missing.
    """
    encode, sha256 = _encoder(model, options)
    if model_sha256 and sha256 != model_sha256:
        raise refused(
            f"The tokenizer {options.tokenizer} has other tokens ({sha256[:12]}) than the model"
            f" ({model_sha256[:12]}): give the one that the model was made with."
        )
    documents = dict(_documents(source, encode, options.length))
    told = {"source": "texts", "documents": len(documents), "length": options.length or 0}
    if options.tokenizer is not None:
        told["tokenizer"] = options.tokenizer.name
    whole = TextSet(documents, sha256, told)
    if not calibration:
        return MadeTexts(whole, None)
    if not 0 < calibration < len(documents):
        raise refused(
            f"{source} holds {len(documents)} documents; {calibration} to calibrate leave none:"
            " give --calibrate."
        )
    names = list(documents)
    hashes = [next(iter(document_hashes(_some(whole, [name])))) for name in names]
    kept, chosen = split(hashes, None, calibration, seed)
    if not kept.size:
        raise refused(f"{source} holds too few different documents to divide them.")
    return MadeTexts(
        _some(whole, [names[place] for place in kept]),
        _some(whole, [names[place] for place in chosen]),
    )


def save_texts(made: MadeTexts, evaluation: Path, calibration: Path | None) -> None:
    """Write both sets, each whole or not at all.

    Raises:
        BadInput: BAD_ARGUMENT, one cannot be written there.
    """
    for path, one in ((evaluation, made.evaluation), (calibration, made.calibration)):
        if path is not None and one is not None:
            with written_to(path):
                write_text_set(path, one)


def _some(texts: TextSet, names: Sequence[str]) -> TextSet:
    chosen = {name: texts.documents[name] for name in names}
    return TextSet(chosen, texts.tokenizer_sha256, texts.preprocessing)


def _documents(source: Path, encode: Encode, length: int | None) -> dict[str, Tokens]:
    files = sorted(source.rglob("*.txt")) if source.is_dir() else [source]
    if not files or not all(one.is_file() and one.suffix == ".txt" for one in files):
        raise refused(
            f"{source} holds no texts: a language model takes .txt files, one a document."
        )
    if len(files) > MAX_TEXT_DOCUMENTS:
        raise refused(f"{source} holds more than {MAX_TEXT_DOCUMENTS} texts: draw some of them.")
    found: dict[str, Tokens] = {}
    left = MAX_SET_TOKENS
    for file in files:
        name = _name(file, source)
        tokens = np.array(encode(_text(file))[:length], np.int64)
        left -= tokens.size
        if not tokens.size:
            raise refused(f"{file} holds no text.")
        if left < 0:
            raise refused(
                f"The texts of {source} have more than {MAX_SET_TOKENS} tokens together, which are"
                " taken at most: draw some of them, or cut them with --length."
            )
        if name in found:
            raise refused(f"Two texts of {source} would be called {name}: rename one.")
        found[name] = tokens
    return found


def _name(file: Path, source: Path) -> str:
    """What a document is called: its path within the source, without slashes and suffix."""
    inside = file.relative_to(source) if source.is_dir() else Path(file.name)
    name = ".".join(inside.with_suffix("").parts)
    if len(name) > LONGEST_DOCUMENT_ID:
        raise refused(f"The name of {file} has more than {LONGEST_DOCUMENT_ID} characters.")
    return name


def _text(file: Path) -> str:
    try:
        return bounded_bytes(file, MAX_TEXT_FILE_BYTES, Code.BAD_SOURCE).decode("utf-8")
    except ValueError as error:
        raise refused(f"{file} cannot be read as UTF-8.") from error


def _encoder(model: Path, options: SetOptions) -> tuple[Encode, str]:
    """How texts become tokens, and which tokens these are."""
    if options.tokenizer is None:
        return _of_bytes(model)
    tokenizer: Any = tokenizer_of(options)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    words = sorted(tokenizer.get_vocab(with_added_tokens=True).items(), key=lambda one: one[1])
    if [place for _, place in words] != list(range(len(words))):
        raise refused(f"The tokens of {options.tokenizer} are not numbered one by one.")

    def encode(text: str) -> Sequence[int]:
        # Without the tokens that begin and end a text: whoever scores it puts the first one.
        ids: Sequence[int] = tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    return encode, sha256_of_tokens(word.encode() for word, _ in words)


def _of_bytes(model: Path) -> tuple[Encode, str]:
    """One token a byte, where the model's own file has such a vocabulary and no other words."""
    ask = (
        f"{model} does not say how texts become its tokens: give --tokenizer FILE, the"
        " tokenizer.json that it was made with."
    )
    with model.open("rb") as file:
        if file.read(len(_GGUF)) != _GGUF:
            raise refused(ask)
    tokens = read_header(model, str(model)).metadata.tokens or ()
    found = {
        int(match[1], 16): place
        for place, token in enumerate(tokens)
        if (match := _BYTE.fullmatch(token))
    }
    # Words beside the bytes would be taken in place of them; what begins and ends a text is none.
    if len(found) < _BYTES or len(tokens) - len(found) > _MOST_SPECIAL:
        raise refused(ask)
    places = np.array([found[byte] for byte in range(_BYTES)], np.int64)

    def encode(text: str) -> Sequence[int]:
        encoded: list[int] = places[np.frombuffer(text.encode(), np.uint8)].tolist()
        return encoded

    return encode, sha256_of_tokens(tokens)


_MOST_SPECIAL = 8
"""Tokens beside bytes that are no words: unknown, beginning, end, filling."""
