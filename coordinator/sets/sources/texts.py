"""Texts: a folder of .txt files with a folder per label, or a column of a table; tokenized."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from bitgauge.benchmarks.common.files import bounded_bytes
from bitgauge.benchmarks.quality.sets import InputSpec
from bitgauge.benchmarks.vocabulary.errors import Code, Refused

from ..base import Arrays, Collected, SetOptions, refused
from ..bounds import (
    LONGEST_TOKENS,
    MAX_TABLE_BYTES,
    MAX_TEXT_FILE_BYTES,
    MAX_TOKENIZER_BYTES,
    files_of,
    require_file,
    require_room,
)
from .tables import columns_of, labels_of

WORDS = "texts: a folder of .txt files with a folder per label, or a table with --text COLUMN"
RANK = 0
_TABLES = (".csv", ".tsv", ".parquet")
_PARTS = {"ids": "input_ids", "attention_mask": "attention_mask", "type_ids": "token_type_ids"}
_PADS = ("[PAD]", "<pad>", "<|endoftext|>")
_LONGEST = 4096
_AT_ONCE = 256
"""Texts that are tokenized in one go: what the library makes of a token takes many bytes."""


def takes(path: Path, options: SetOptions) -> bool:
    """A folder with texts somewhere, or a table of which a column of texts was named."""
    if path.is_dir():
        return any(_files(path))
    return bool(options.text) and path.is_file() and path.suffix.lower() in _TABLES


def read(path: Path, specs: Sequence[InputSpec], options: SetOptions) -> Collected:
    """See `base.SourceKind`."""
    texts, labels, ids = _from_folder(path) if path.is_dir() else _from_table(path, options)
    length = _length(specs, options)
    tokenizer = tokenizer_of(options)
    pad = next((one for one in _PADS if tokenizer.token_to_id(one) is not None), _PADS[0])
    tokenizer.enable_truncation(length)
    tokenizer.enable_padding(length=length, pad_id=tokenizer.token_to_id(pad) or 0, pad_token=pad)
    parts = {spec: _part_of(spec) for spec in specs}
    arrays: Arrays = {}
    for spec in specs:
        require_room(len(texts), (length,), spec.dtype, path)
        arrays[spec.name] = np.empty((len(texts), length), spec.dtype)
    for at in range(0, len(texts), _AT_ONCE):
        encoded = tokenizer.encode_batch(texts[at : at + _AT_ONCE])
        for spec, part in parts.items():
            arrays[spec.name][at : at + _AT_ONCE] = [getattr(one, part) for one in encoded]
    assert options.tokenizer is not None, "it was read"
    done = {"source": "texts", "tokenizer": options.tokenizer.name, "length": length}
    return Collected(arrays, labels, ids, done)


def _files(path: Path) -> Iterator[Path]:
    return (one for one in path.rglob("*.txt") if one.is_file())


def _from_folder(path: Path) -> tuple[list[str], tuple[str, ...] | None, tuple[str, ...]]:
    files = files_of(_files(path), path)
    inside = [file.relative_to(path) for file in files]
    texts, left_bytes = [], MAX_TABLE_BYTES
    for file in files:
        data = bounded_bytes(file, MAX_TEXT_FILE_BYTES, Code.BAD_SOURCE)
        left_bytes -= len(data)
        if left_bytes < 0:
            raise refused(
                f"The texts of {path} have more than {MAX_TABLE_BYTES} bytes together, which are"
                " taken at most."
            )
        try:
            texts.append(data.decode("utf-8"))
        except ValueError as error:
            raise refused(f"{file} cannot be read as UTF-8.") from error
    labelled = all(len(one.parts) > 1 for one in inside)
    labels = tuple(one.parts[0] for one in inside) if labelled else None
    return texts, labels, tuple(one.as_posix() for one in inside)


def _from_table(
    path: Path, options: SetOptions
) -> tuple[list[str], tuple[str, ...] | None, tuple[str, ...]]:
    columns = columns_of(path)
    if options.text not in columns:
        there = ", ".join(columns)[:200]
        raise refused(f"{path} has no column {options.text!r}; it has {there}.")
    texts = ["" if one is None else str(one) for one in columns[options.text].to_pylist()]
    return texts, labels_of(columns, options), tuple(map(str, range(len(texts))))


def _length(specs: Sequence[InputSpec], options: SetOptions) -> int:
    if options.length is not None:
        if options.length > LONGEST_TOKENS:
            raise refused(f"--length {options.length} is more than {LONGEST_TOKENS} tokens.")
        return options.length
    stated = {spec.shape[1] for spec in specs if len(spec.shape) == 2} - {None}
    if len(stated) != 1:
        raise refused("The model takes texts of any length: name one with --length.")
    return min(int(stated.pop() or 0), _LONGEST)


def _part_of(spec: InputSpec) -> str:
    """Which part of an encoded text an input is, by its name."""
    for part, usual in _PARTS.items():
        if usual in spec.name.lower() or spec.name.lower() in (part, usual.replace("_", "")):
            return part
    raise refused(
        f"Input {spec.name!r} is none of {', '.join(_PARTS.values())}, which a text gives."
    )


def tokenizer_of(options: SetOptions) -> Any:
    """The tokenizer of a file.

    Raises:
        BadInput: none was named, or it cannot be read.
        Refused: its library is missing.
    """
    if options.tokenizer is None:
        raise refused("Texts need --tokenizer FILE: a tokenizer.json, or a vocab.txt of WordPiece.")
    try:
        from tokenizers import BertWordPieceTokenizer, Tokenizer
    except ModuleNotFoundError as error:
        raise Refused(
            Code.BUILD_TOOLS_MISSING,
            "Reading texts needs the package tokenizers: pip install tokenizers.",
        ) from error
    file = options.tokenizer
    require_file(file, MAX_TOKENIZER_BYTES)
    try:
        if file.suffix == ".txt":
            return BertWordPieceTokenizer(str(file))
        return Tokenizer.from_file(str(file))
    except Exception as error:  # its library raises nothing more special
        raise refused(f"{file} is no tokenizer that can be read.") from error
