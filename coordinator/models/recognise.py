"""Of which kind a model file is, by its content, and what it holds: each format is asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from bitgauge.benchmarks.common.files import plain_file
from bitgauge.benchmarks.common.manifest import ENTRY
from bitgauge.benchmarks.common.plugins import Found, Kind, find
from bitgauge.benchmarks.vocabulary.errors import BadInput, Code

from .base import HEAD_BYTES, Companions, Folder, Format, ModelFacts
from .refused import foreign_kind

_FORMATS = Kind("formats", ("NAME", "RANK", "recognises", "facts"), f"{__package__}.formats")


def found() -> Found:
    """Every format, and one line for each file that was skipped."""
    return find(_FORMATS)


def entry_file(path: Path) -> Path:
    """The file that stands for an artifact: of a folder the one that its format looks for."""
    if not path.is_dir():
        return path
    there = (path / one.ENTRY for one in _folders())
    return next((file for file in there if file.is_file()), path)


def entry_name(kind: str) -> str:
    """How the file to load of an artifact of several files is called."""
    return next((one.ENTRY for one in _folders() if kind == cast(Format, one).NAME), ENTRY)


def _folders() -> Iterator[Folder]:
    """The formats whose artifacts are folders, in the order in which they are asked."""
    return (cast(Folder, one) for one in found().modules.values() if hasattr(one, "ENTRY"))


def kind_of(path: Path, label: str = "the model") -> str:
    """The artifact kind of what is at `path`, also where no format here looks into that kind.

    Raises:
        BadInput: FILE_UNREADABLE.
    """
    head = _head(entry_file(path), label)
    one = _format_of(head)
    return one.NAME if one.RANK >= 0 else foreign_kind(head) or one.NAME


def companions(path: Path, label: str = "the model") -> tuple[str, ...]:
    """The files that the one at `path` needs beside it, by their names relative to its folder.

    Raises:
        BadInput: FILE_UNREADABLE; EXTERNAL_DATA when it names one outside its folder.
    """
    path = entry_file(path)
    one = _format_of(_head(path, label))
    if not hasattr(one, "companions"):
        return ()
    with _readable(label):
        return cast(Companions, one).companions(path, label)


def inspect_model(path: Path, label: str = "the model") -> ModelFacts:
    """Reads and judges the model file or folder at `path`, called `label` in every sentence.

    Raises:
        BadInput: FILE_UNREADABLE, REFUSED_FORMAT for pickles, archives and prebuilt engines, or
            EXTERNAL_DATA for files beside it that are not as it says, BAD_MODEL for anything
            else that is not one complete model.
    """
    path = entry_file(path)
    one = _format_of(_head(path, label))
    with _readable(label):
        return one.facts(path, label)


def _format_of(head: bytes) -> Format:
    """The first format whose file this is; the last one takes whatever is left."""
    formats = [cast(Format, module) for module in found().modules.values()]
    return next(one for one in formats if one.recognises(head))


def _head(path: Path, label: str) -> bytes:
    with _readable(label), plain_file(path, label) as file:
        return file.read(HEAD_BYTES)


@contextmanager
def _readable(label: str) -> Iterator[None]:
    """What the system says of a file becomes one sentence."""
    try:
        yield
    except OSError as error:
        raise BadInput(
            Code.FILE_UNREADABLE, f"{label} cannot be read: {error.strerror or error}."
        ) from error
