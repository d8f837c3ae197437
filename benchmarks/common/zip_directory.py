"""What a zip archive says of itself, held against the bytes that are there, before any is unpacked.

Only what writers of npz write is taken: stored or deflated members one behind the other, a
directory right behind them, nothing after it. What needs the 64-bit directory is larger than what
is read here. References: APPNOTE.TXT 4.3.7 (members), 4.3.12 (directory), 4.3.15 and 4.3.16 (end).
"""

from __future__ import annotations

import struct
import zipfile
from dataclasses import dataclass
from typing import BinaryIO

MAX_ARCHIVE_BYTES = 1 << 30
MAX_UNPACKED_BYTES = 1 << 31
MAX_MEMBERS = 128
MAX_ITEMS = 1 << 31
"""Values of one array."""
MAX_RATIO = 200
"""Unpacked bytes for one of the archive; random numbers have 1, padded texts 30."""
FREE_BYTES = 64 << 20
"""Unpacked bytes that need no such ratio: constant columns of a raw file have 1,000."""
MAX_DIRECTORY_BYTES = 128 << 10

_END = struct.Struct("<4s4H2LH")
_END_SIGNATURE = b"PK\x05\x06"
_LOCATOR_BYTES, _LOCATOR_SIGNATURE = 20, b"PK\x06\x07"
_MEMBER = struct.Struct("<4s5H3L2H")
_MEMBER_SIGNATURE = b"PK\x03\x04"
_ENCRYPTED = 1
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


@dataclass(frozen=True, slots=True)
class Bounds:
    """What an archive may hold.

    Attributes:
        archive_bytes: of the file.
        unpacked_bytes: of all members together.
        members: how many.
        items: values of one array.
    """

    archive_bytes: int = MAX_ARCHIVE_BYTES
    unpacked_bytes: int = MAX_UNPACKED_BYTES
    members: int = MAX_MEMBERS
    items: int = MAX_ITEMS


USUAL = Bounds()


def opened(file: BinaryIO, size: int, bounds: Bounds) -> zipfile.ZipFile:
    """An archive of `size` bytes whose directory is within its bounds and agrees with the file.

    Raises:
        ValueError: it is not, in words that follow "is not a readable npz archive".
        zipfile.BadZipFile: it is no archive.
    """
    if size > bounds.archive_bytes:
        raise ValueError(f"{size} bytes are more than the limit of {bounds.archive_bytes}")
    start = _directory_start(file, size)
    archive = zipfile.ZipFile(file)
    members = archive.infolist()
    if len(members) > bounds.members:
        raise ValueError(f"{len(members)} arrays are more than the limit of {bounds.members}")
    for one in members:
        if one.flag_bits & _ENCRYPTED or one.compress_type not in _METHODS:
            raise ValueError(f"member {one.filename[:80]!r} is packed in a way that is not read")
    unpacked = sum(one.file_size for one in members)
    if unpacked > bounds.unpacked_bytes:
        raise ValueError(f"it unpacks to more than {bounds.unpacked_bytes} bytes")
    if unpacked > FREE_BYTES + MAX_RATIO * size:
        raise ValueError(
            f"it unpacks to {unpacked} bytes, more than {MAX_RATIO} times its size; save it"
            " uncompressed"
        )
    _require_apart(file, members, start)
    return archive


def _directory_start(file: BinaryIO, size: int) -> int:
    """Where the directory of an archive begins, which is small and ends it."""
    if size < _END.size:
        raise zipfile.BadZipFile("File is not a zip file")
    file.seek(max(0, size - _END.size - _LOCATOR_BYTES))
    tail = file.read(_LOCATOR_BYTES + _END.size)
    signature, *_, length, start, comment = _END.unpack(tail[-_END.size :])
    if signature != _END_SIGNATURE or comment:
        raise zipfile.BadZipFile("File is not a zip file")
    if tail[: -_END.size].startswith(_LOCATOR_SIGNATURE):
        raise ValueError("its directory is one of 64 bits, which so small an archive does not need")
    if length > MAX_DIRECTORY_BYTES:
        raise ValueError(f"its directory takes {length} bytes")
    if start + length != size - _END.size:
        raise ValueError("its directory does not lie behind its members")
    return int(start)


def _require_apart(file: BinaryIO, members: list[zipfile.ZipInfo], end: int) -> None:
    """Refuse members that share bytes: a small file would unpack to as much as one likes."""
    for one in sorted(members, key=lambda member: member.header_offset, reverse=True):
        file.seek(one.header_offset)
        head = file.read(_MEMBER.size)
        if len(head) < _MEMBER.size or not head.startswith(_MEMBER_SIGNATURE):
            raise ValueError(f"member {one.filename[:80]!r} is not where it should be")
        *_, name, extra = _MEMBER.unpack(head)
        if one.header_offset + _MEMBER.size + name + extra + one.compress_size > end:
            raise ValueError(f"member {one.filename[:80]!r} runs into another one")
        end = one.header_offset
