"""The zip around an exported program: its records, bounded, and none of them unpacked to disk.

The library's own writer stores records as they are, under one folder, without a comment or bytes
before the first one. What differs was made by somebody else to be read in two ways, and is refused.
"""

from __future__ import annotations

import contextlib
import re
import struct
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from ...vocabulary.errors import BadInput, Code

MAX_RECORDS = 65_536
"""Records of one file: tensors above all."""
MAX_TEXT_BYTES = 64 << 20
"""The largest record that is read as text: a graph, or a list of weights."""

_SIGNATURE = b"PK\x03\x04"
_FIRST = re.compile(
    rb"[^/\x00]+/(?:data/(?:weights|constants|sample_inputs|aotinductor)/|models/|archive_(?:format|version)"
    rb"|extra/|\.data/|byteorder|\.format_version)"
)
_NAME = re.compile(r"[\w.+\-/ ]{1,512}")
_HEADER_BYTES = 30
_ENDS_WITH = b"PK\x05\x06\0\0\0\0"
_END_BYTES = 22


def recognises(head: bytes) -> bool:
    """Whether a file that begins so is such an archive, by the name of its first record."""
    if head[:4] != _SIGNATURE or len(head) < _HEADER_BYTES:
        return False
    (length,) = struct.unpack_from("<H", head, 26)
    return _FIRST.match(head[_HEADER_BYTES : _HEADER_BYTES + length]) is not None


@dataclass(frozen=True, slots=True)
class Archive:
    """An open archive.

    Attributes:
        label: what it is called in sentences.
        sizes: bytes of each record, by its name below the one folder.
    """

    label: str
    sizes: dict[str, int]
    _root: str
    _zip: zipfile.ZipFile

    def text(self, name: str) -> bytes:
        """A record that is read as text.

        Raises:
            BadInput: it is not there, too large, or damaged.
        """
        if self.sizes.get(name, MAX_TEXT_BYTES + 1) > MAX_TEXT_BYTES:
            why = "is larger than 64 MiB" if name in self.sizes else "is not in it"
            raise damaged(self.label, f"{name} {why}")
        with _as_sentence(self.label):
            return self._zip.read(f"{self._root}/{name}")


@contextlib.contextmanager
def opened(path: Path, label: str) -> Iterator[Archive]:
    """The archive at `path`, its directory checked.

    Raises:
        BadInput: it is no such archive, damaged, or made to be read in two ways.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        with _as_sentence(label):
            archive = zipfile.ZipFile(file)
        with archive:
            root, sizes = _checked(archive, file, path.stat().st_size, label)
            yield Archive(label, sizes, root, archive)


def damaged(label: str, why: str) -> BadInput:
    """What is no whole program."""
    return BadInput(Code.BAD_MODEL, f"{label} is no whole exported program: {why}.")


def refused(label: str, what: str) -> BadInput:
    """What would run somebody's code, or could."""
    return BadInput(Code.REFUSED_FORMAT, f"{label} holds {what}.")


@contextlib.contextmanager
def _as_sentence(label: str) -> Iterator[None]:
    try:
        yield
    except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, RuntimeError) as error:
        raise damaged(label, "its zip directory is damaged or cut") from error
    except (ValueError, OverflowError, struct.error, EOFError, UnicodeError, KeyError) as error:
        raise damaged(label, "its zip directory is damaged or cut") from error


def _checked(
    archive: zipfile.ZipFile, file: IO[bytes], size: int, label: str
) -> tuple[str, dict[str, int]]:
    """The one folder and the records below it."""
    infos = archive.infolist()
    if not 0 < len(infos) <= MAX_RECORDS:
        raise damaged(label, f"it has {len(infos)} records")
    file.seek(max(size - _END_BYTES, 0))
    if not file.read().startswith(_ENDS_WITH):
        raise damaged(label, "bytes follow its zip directory")
    root = infos[0].filename.split("/", 1)[0]
    sizes: dict[str, int] = {}
    total = 0
    for one in infos:
        folder, _, name = one.filename.partition("/")
        shown = one.filename[:80].encode("unicode_escape").decode()
        if folder != root or not _NAME.fullmatch(name) or ".." in f"/{name}/".split("/"):
            raise damaged(label, f"its record {shown} lies outside of its one folder")
        if name in sizes:
            raise damaged(label, f"its record {shown} is there twice")
        if one.compress_type != zipfile.ZIP_STORED or one.compress_size != one.file_size:
            raise damaged(label, f"its record {shown} is compressed, which the library never does")
        if one.flag_bits & 1:
            raise damaged(label, f"its record {shown} is encrypted")
        sizes[name] = one.file_size
        total += one.file_size
    if total > size or root in ("", ".", ".."):
        raise damaged(label, "its records are larger than the file")
    return root, sizes
