"""Archives that lie: npz files whose directory, headers or members are not what they say."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from typing import Any

import numpy as np

END = struct.Struct("<4s4H2LH")


def npy(shape: tuple[int, ...], dtype: str = "<f4", data: bytes = b"") -> bytes:
    """A member with a header that says what it likes."""
    text = repr({"descr": dtype, "fortran_order": False, "shape": shape}).encode()
    text += b" " * (-(10 + len(text) + 1) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + data


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


def npz(**arrays: Any) -> bytes:
    out = io.BytesIO()
    np.savez(out, **arrays)
    return out.getvalue()


def with_field(data: bytes, offset: int, layout: str, value: int) -> bytes:
    """The same bytes with a number written over some of them."""
    packed = struct.pack(layout, value)
    return data[:offset] + packed + data[offset + len(packed) :]


def entry_of(data: bytes, number: int = 0) -> int:
    """Where an entry of the directory begins."""
    at = -1
    for _ in range(number + 1):
        at = data.index(b"PK\x01\x02", at + 1)
    return at


def understated(size: int) -> bytes:
    """A member that says it holds 256 bytes of zeros, and inflates to `size`."""
    told = npy((32,), "<f8", bytes(256))
    whole = npy((32,), "<f8", bytes(size))
    data = zipped({"inputs/x.npy": whole})
    at = entry_of(data)
    data = with_field(data, at + 16, "<L", zlib.crc32(told))
    return with_field(data, at + 24, "<L", len(told))


def doubled(count: int, size: int) -> bytes:
    """One member of `size` bytes that the directory names `count` times."""
    body = npy((size // 8,), "<f8", bytes(size))
    data = zipped({"inputs/0.npy": body})
    at, end = entry_of(data), len(data) - END.size
    entry = data[at:end]
    entries = b"".join(
        entry.replace(b"inputs/0.npy", f"inputs/{chr(97 + one)}.npy".encode())
        for one in range(count)
    )
    tail = END.pack(b"PK\x05\x06", 0, 0, count, count, len(entries), at, 0)
    return data[:at] + entries + tail


def crowded(count: int) -> bytes:
    """A directory of `count` entries behind one small member."""
    data = zipped({"inputs/x.npy": npy((1,), "<f4", bytes(4))})
    at, end = entry_of(data), len(data) - END.size
    entries = data[at:end] * count
    tail = END.pack(b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, len(entries), at, 0)
    return data[:at] + entries + tail


def of_64_bits() -> bytes:
    """An archive whose true directory is said to be the one of 64 bits."""
    data = npz(x=np.zeros(1))
    at, end = entry_of(data), len(data) - END.size
    record = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, 1, 1, end - at, at)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, end, 1)
    return data[:end] + record + locator + data[end:]


HOSTILE: dict[str, tuple[bytes, str]] = {
    "samples of nothing": (
        zipped({"inputs/x.npy": npy(((1 << 31) - 1, 0))}),
        "2147483647 times nothing",
    ),
    "negative": (zipped({"inputs/x.npy": npy((-1, -4), data=bytes(16))}), "does not hold"),
    "claims more": (zipped({"inputs/x.npy": npy((1 << 28,))}), "does not hold"),
    "many axes": (zipped({"inputs/x.npy": npy((1,) * 40, data=bytes(4))}), "40 axes"),
    "objects": (zipped({"inputs/x.npy": npy((4,), "|O", bytes(32))}), "type object"),
    "records": (zipped({"inputs/x.npy": npy((4,), "|V8", bytes(32))}), "type"),
    "long header": (
        zipped(
            {"inputs/x.npy": b"\x93NUMPY\x02\x00" + struct.pack("<L", 1 << 30) + bytes(1 << 20)}
        ),
        "header of 1073741824 bytes",
    ),
    "deep header": (
        zipped({"inputs/x.npy": b"\x93NUMPY\x01\x00" + struct.pack("<H", 9000) + b"(" * 9000}),
        "not a readable npz archive",
    ),
    "newer header": (zipped({"inputs/x.npy": b"\x93NUMPY\x03\x00" + bytes(99)}), "not read"),
    "bomb": (zipped({"inputs/x.npy": npy((1 << 28,), "|i1", bytes(1 << 28))}), "it unpacks to"),
    "doubled": (doubled(16, 1 << 20), "runs into another one"),
    "same name": (
        with_field(zipped({"a.npy": npy((0,)), "b.npy": npy((0,))}), 0, "<B", ord("P")).replace(
            b"b.npy", b"a.npy"
        ),
        "repeated member",
    ),
    "crowded": (crowded(200_000), "its directory takes"),
    "64 bits": (of_64_bits(), "directory is one of 64 bits"),
    "huge member": (
        with_field(npz(x=np.zeros(9)), entry_of(npz(x=np.zeros(9))) + 24, "<L", (1 << 32) - 2),
        "unpacks to more than",
    ),
    "encrypted": (
        with_field(npz(x=np.zeros(9)), entry_of(npz(x=np.zeros(9))) + 8, "<H", 1),
        "packed in a way",
    ),
    "lzma": (zipped({"x.npy": npy((0,))}, zipfile.ZIP_LZMA), "packed in a way"),
    "many members": (zipped({f"{n}.npy": npy((0,)) for n in range(129)}), "129 arrays"),
    "nested": (zipped({"inputs/x.npz": npz(x=np.zeros(3))}), "unexpected or repeated"),
    "something behind": (npz(x=np.zeros(3)) + b"more", "not a zip file"),
    "something before": (b"more" + npz(x=np.zeros(3)), "does not lie behind"),
}
"""Bytes, and what the sentence must say of them."""


def inflating(members: dict[str, bytes], name: str, size: int) -> bytes:
    """An archive with one member more, of zeros: `size` bytes out of a thousandth of it."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    stream = block * (size >> 20) + packer.flush()  # blocks know nothing of those before them
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for other, data in members.items():
            archive.writestr(other, data)
        archive.writestr(name, stream)
    data = out.getvalue()
    local, entry = data.index(name.encode()) - 30, entry_of(data, len(members))
    for at, offset, layout in ((local, 8, "<H"), (entry, 10, "<H")):
        data = with_field(data, at + offset, layout, zipfile.ZIP_DEFLATED)
    for at, offset in ((local, 22), (entry, 24)):
        data = with_field(data, at + offset, "<L", size)
    return data
